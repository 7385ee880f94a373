"""FastDFS as a migration sees it: single servers instead of one cluster."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId


@dataclass(frozen=True, slots=True)
class SourceServer:
    """A storage server as the trackers know it.

    Attributes:
        name: Host and port, as `127.0.0.3:23000`.
        store_paths: Number of its store paths.
        version: Its version.
        active: Whether the trackers count it as active.
        files: Successful uploads minus deletions by its own counters, which lag by their report interval.
        synced_until: Unix seconds up to which it has what its peers have, as of its last report; 0 where it has applied
            none of their changes yet, `None` where it has no peer.
        free_bytes: Free space.
        heard_at: Unix seconds, by the tracker's clock, of its last sign of life; `None` for none.
    """

    name: str
    store_paths: int
    version: str
    active: bool
    files: int
    synced_until: int | None
    free_bytes: int
    heard_at: int | None = None


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """A group and its servers."""

    name: str
    servers: Sequence[SourceServer]


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a server knows of a file.

    Attributes:
        exists: Whether the server has it.
        size: Bytes that it has now.
        mtime: Unix seconds of its creation, or of its last change where it can change.
        crc32: CRC-32 of the content as it is now, or as the id has it; `None` where neither id nor server tells the
            truth about it.
        at_source: Whether this comes from the file's source server: a stand-in may lag behind, so what it lacks proves
            nothing. Where the source has left the group, all of the group's servers together count as the source.
    """

    exists: bool
    at_source: bool
    size: int = 0
    mtime: int = 0
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What is kept beside a file; no type where nobody ever gave it one."""

    file_name: str | None
    content_type: str | None
    metadata: dict[str, str]


class Listed(Protocol):
    """The names in one store path of one server: iterate, then look at `complete`."""

    @property
    def complete(self) -> bool:
        """Whether the whole listing arrived, known when the iteration ends; proves nothing of missing records."""
        ...

    def __aiter__(self) -> AsyncIterator[str]:
        """Names without their group, without metadata files and duplicates; some may be of files that are gone.

        Names that arrived before the connection broke are yielded before that is raised.
        """
        ...


class MigrationSource(Protocol):
    """What a migration asks of FastDFS. Raises `StorageException`s only."""

    async def groups(self) -> Sequence[SourceGroup]:
        """All groups, from the trackers."""
        ...

    def listing(self, group: str, server: str, store_path: int) -> AbstractAsyncContextManager[Listed]:
        """The names in a store path (storage command 26). One at a time for each server: it slows downloads down.

        The server has accepted when the block is entered; the names are fetched when the first one is asked for.

        Raises:
            InvalidArgumentException: The group has no such server.
            StorageOperationException: The server has no such store path, or lacks its first records.
            StorageUnavailableException: It is out of reach, or refuses this host.
        """
        ...

    async def facts(self, file_id: FileId) -> SourceFacts:
        """Ask the file's source server, or its stand-in while it is down."""
        ...

    async def metadata(self, file_id: FileId) -> SourceMetadata:
        """What is kept beside the file."""
        ...

    async def fetch(self, file_id: FileId, size: int) -> tuple[SourceMetadata, bytes] | None:
        """A small file of `size` bytes, at least one, with what is kept beside it, unverified: both from its source.

        `None` where anything is unusual: the source is out of reach, or lacks the file, or has more or fewer bytes of
        it. The other methods find out the details.
        """
        ...

    def open(
        self, file_id: FileId, byte_range: ByteRange | None = None, *, server: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Bytes of the file as one server sends them, unverified: its source, or the given server (see `replicas`).

        Fewer than the server has are an error. While the source is out of reach another server is asked instead.
        """
        ...

    async def replicas(self, file_id: FileId) -> Sequence[str]:
        """All servers that may hold the file, its source first."""
        ...

    async def delete(self, file_id: FileId) -> None:
        """Delete it.

        Raises:
            FileNotFoundException: The source has no such file.
            StorageUnavailableException: The source is out of reach, and its stand-in lacks the file.
        """
        ...

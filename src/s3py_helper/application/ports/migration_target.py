"""S3 as a migration sees it: objects under keys of its choice, written once, proven by the server."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from s3py_helper.application.streams.incoming_body import IncomingBody


@dataclass(frozen=True, slots=True)
class TargetAbilities:
    """What the server was found to do, not what it claims.

    Attributes:
        checks_crc32: A wrong CRC-32 is refused, a right one is reported later.
        checks_whole: A multipart upload is compared with a CRC-32 of the whole.
        refuses_overwriting: `If-None-Match: *` gives 412 for an object that is there.
        shows_missing: A missing object is `NoSuchKey`, not a refusal: otherwise no read could fall through to FastDFS.
        md5_etags: The ETag of a single PUT is the MD5 of the content.
        writable: Objects can be stored and deleted.
    """

    checks_crc32: bool
    checks_whole: bool
    refuses_overwriting: bool
    shows_missing: bool
    md5_etags: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be stored.

    Attributes:
        key: Its key.
        size: Its exact size in bytes.
        crc32: CRC-32 of the content, for the server to compare, where it is known beforehand.
        content_type: Media type; S3 makes one up for an object without.
        file_name: The user's name for it.
        metadata: Pairs in header-safe form, the migration's marks among them.
        replaces: ETag of the object that it may replace; by default it may replace none.
    """

    key: str
    size: int
    crc32: int | None
    content_type: str | None
    file_name: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class TargetObject:
    """An object that is there."""

    key: str
    size: int
    etag: str | None
    crc32: int | None = None
    content_type: str | None = None
    file_name: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part of an interrupted multipart upload that the server holds."""

    number: int
    size: int
    etag: str


class MigrationTarget(Protocol):
    """What a migration asks of S3; `StorageException`s only, `PreconditionFailedException` for a key that is taken."""

    async def probe(self, prefix: str) -> TargetAbilities:
        """Try every ability on objects of its own below the prefix, which are removed again."""
        ...

    async def put(self, new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        """Store an object in one request, or nothing.

        Raises:
            IntegrityException: The content does not have the object's CRC-32 or size.
            InvalidArgumentException: The body has more or fewer bytes than declared.
        """
        ...

    async def begin(self, new: NewObject) -> str:
        """Create a multipart upload; returns its id."""
        ...

    async def parts(self, key: str, upload_id: str) -> Sequence[PartDone]:
        """The parts that have arrived; raises `FileNotFoundException` when there is no such upload."""
        ...

    async def send_part(self, key: str, upload_id: str, number: int, body: IncomingBody) -> PartDone:
        """Send one part."""
        ...

    async def complete(self, new: NewObject, upload_id: str, parts: Sequence[PartDone]) -> TargetObject:
        """Complete an upload; the server compares the whole with its CRC-32 where it can."""
        ...

    async def abort(self, key: str, upload_id: str) -> None:
        """Abort a multipart upload, whether or not it is there."""
        ...

    async def uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Keys and ids of all unfinished multipart uploads below the prefix."""
        ...

    async def head(self, key: str) -> TargetObject | None:
        """An object with its checksum and metadata; `None` only when the server reports `NoSuchKey`."""
        ...

    def open(self, key: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of an object."""
        ...

    def list(self, prefix: str) -> AbstractAsyncContextManager[AsyncIterator[TargetObject]]:
        """Objects below a prefix in the order of their keys; without checksum and metadata."""
        ...

    async def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error."""
        ...

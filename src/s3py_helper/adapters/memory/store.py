"""Files in the memory of this process."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.memory.errors import located, not_found, not_open, taken
from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import BucketNotFoundException
from s3py_helper.domain.file_id import Backend, FileId

CHUNK_SIZE: Final = 64 * 1024
"""Largest chunk in bytes that reading yields: small, so that tests see files of several chunks."""


@dataclass(frozen=True, slots=True)
class _StoredBlob:
    info: BlobInfo
    content: bytes


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What an open store holds; a bucket is there from its first file on, also when its files are gone."""

    blobs: dict[FileId, _StoredBlob] = field(default_factory=dict)
    buckets: set[str] = field(default_factory=set)


class MemoryBlobStore:
    """Keeps files until it is closed: for tests and demonstrations.

    Args:
        backend: Whose ids it issues, so that it can stand in for that backend.
        default_bucket: Where files go that name no bucket; the group, where it stands in for FastDFS.
    """

    def __init__(self, backend: str = Backend.FILESYSTEM, default_bucket: str = "files") -> None:
        self._backend = backend
        self._default_bucket = default_bucket
        self._shelf: _Shelf | None = None

    async def __aenter__(self) -> Self:
        """Open it, empty."""
        self._shelf = _Shelf(buckets={self._default_bucket})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget every file."""
        self._shelf = None

    @property
    def file_ids(self) -> tuple[FileId, ...]:
        """The ids of all files, in the order in which they came."""
        return tuple(self._opened.blobs)

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Keep a file; see `BlobStore.write`."""
        with located("upload", self._backend):
            _ = self._opened
            content = b"".join([chunk async for chunk in body])
            return self._keep(self._describe(blob, body, len(content)), content)

    def place_of(self, bucket: str | None, key: str) -> FileId:
        """See `NamedWrites.place_of`."""
        return FileId(self._backend, bucket or self._default_bucket, key)

    async def require_free(self, file_id: FileId) -> None:
        """See `NamedWrites.require_free`."""
        with located("upload", self._backend, file_id):
            if file_id in self._opened.blobs:
                raise taken(file_id)

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Keep a file where nothing is; see `NamedWrites.create`."""
        with located("upload", self._backend):
            _ = self._opened
            content = b"".join([chunk async for chunk in body])
            # From here to its place nothing is waited for, so that nobody comes between.
            await self.require_free(self.place_of(blob.bucket, blob.key))
            return self._keep(self._describe(blob, body, len(content)), content)

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        """Read a file; see `BlobStore.open`."""
        with located("download", self._backend, file_id):
            stored = self._find(file_id)
            span = span_of(byte_range, stored.info.size)
        async with aclosing(_chunks(stored.content, span)) as body:
            yield OpenBlob(_copied(stored.info), span, body)

    async def info(self, file_id: FileId) -> BlobInfo:
        """Describe a file; see `BlobStore.info`."""
        with located("info", self._backend, file_id):
            return _copied(self._find(file_id).info)

    async def delete(self, file_id: FileId) -> None:
        """Forget a file; see `BlobStore.delete`."""
        with located("delete", self._backend, file_id):
            self._find(file_id)
            del self._opened.blobs[file_id]

    def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Files whose keys begin with `prefix`; see `Listing.list`."""
        return aclosing(self._listed(prefix, bucket or self._default_bucket, after))

    async def _listed(self, prefix: str, bucket: str, after: str) -> AsyncGenerator[BlobInfo]:
        with located("list", self._backend):
            if bucket not in self._opened.buckets:
                raise BucketNotFoundException(f"there is no such bucket: {bucket!r}")
            held = [
                file_id
                for file_id in self._opened.blobs
                if file_id.bucket == bucket and file_id.key.encode() > after.encode()
            ]
        for file_id in sorted(held, key=lambda file_id: file_id.key.encode()):
            if file_id.key.startswith(prefix) and (stored := self._opened.blobs.get(file_id)):
                yield _copied(stored.info)

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        """Keep a file a second time; see `ServerSideCopy.copy`."""
        with located("copy", self._backend, source):
            stored = self._find(source)
            info = replace(
                stored.info,
                file_id=self._place(target),
                file_name=target.file_name,
                content_type=target.content_type,
                metadata=dict(target.metadata),
                last_modified=datetime.now(UTC),
            )
            return self._keep(info, stored.content)

    async def check(self) -> None:
        """Memory is well while it is open; see `HealthCheck.check`."""
        with located("health check", self._backend):
            _ = self._opened

    @property
    def _opened(self) -> _Shelf:
        if self._shelf is None:
            raise not_open()
        return self._shelf

    def _find(self, file_id: FileId) -> _StoredBlob:
        if (stored := self._opened.blobs.get(file_id)) is None:
            raise not_found(file_id)
        return stored

    def _keep(self, info: BlobInfo, content: bytes) -> BlobInfo:
        shelf = self._opened
        shelf.buckets.add(info.file_id.bucket)
        shelf.blobs[info.file_id] = _StoredBlob(info, content)
        return _copied(info)

    def _describe(self, blob: NewBlob, body: IncomingBody, size: int) -> BlobInfo:
        return BlobInfo(
            file_id=self._place(blob),
            size=size,
            file_name=blob.file_name,
            last_modified=datetime.now(UTC),
            content_type=blob.content_type,
            etag=f'"{body.crc32:08x}-{size:x}"',
            checksum=body.checksum,
            metadata=dict(blob.metadata),
        )

    def _place(self, blob: NewBlob) -> FileId:
        if self._backend == Backend.FASTDFS:
            suffix = PurePosixPath(blob.file_name).suffix.lower()
            extension = suffix if suffix.isascii() and suffix[1:].isalnum() else ""
            return FileId(self._backend, self._default_bucket, f"M00/00/00/{secrets.token_urlsafe(20)}{extension[:7]}")
        return FileId(self._backend, blob.bucket or self._default_bucket, blob.key)


def _copied(info: BlobInfo) -> BlobInfo:
    # The pairs are the caller's to change.
    return replace(info, metadata=dict(info.metadata))


async def _chunks(content: bytes, span: Span) -> AsyncGenerator[bytes]:
    for at in range(span.start, span.stop, CHUNK_SIZE):
        yield content[at : min(at + CHUNK_SIZE, span.stop)]


_: type[BlobStore] = MemoryBlobStore
__: type[HealthCheck] = MemoryBlobStore
___: type[Listing] = MemoryBlobStore
____: type[ServerSideCopy] = MemoryBlobStore
_____: type[NamedWrites] = MemoryBlobStore

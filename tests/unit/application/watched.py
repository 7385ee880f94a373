"""A store that notes what use cases ask of it, and what they leave open."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType

from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.testing import FailingStore


class WatchedStore(FailingStore):
    """Attributes:
    written: What was to be written, in order.
    declared: The size of each body of it, `None` where that was not known.
    opened: What was opened, and which part of it.
    listed: Prefix, bucket and beginning of each listing.
    copied: What was copied within the store, and to where.
    held: How many files and listings are open.
    """

    def __init__(self, store: BlobStore) -> None:
        super().__init__(store)
        self.written: list[NewBlob] = []
        self.declared: list[int | None] = []
        self.opened: list[tuple[FileId, ByteRange | None]] = []
        self.listed: list[tuple[str, str | None, str]] = []
        self.copied: list[tuple[FileId, NewBlob]] = []
        self.held = 0

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        self.written.append(blob)
        self.declared.append(body.size)
        return await super().write(blob, body)

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        self.written.append(blob)
        self.declared.append(body.size)
        return await super().create(blob, body)

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        self.copied.append((source, target))
        return await super().copy(source, target)

    def open(  # type: ignore[override]  # any context does
        self, file_id: FileId, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[OpenBlob]:
        self.opened.append((file_id, byte_range))
        return _Held(super().open(file_id, byte_range), self)

    def list(  # type: ignore[override]  # as above
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        self.listed.append((prefix, bucket, after))
        return _Held(super().list(prefix, bucket=bucket, after=after), self)


class _Held[Value]:
    """A context whose exit is seen. A class: what is left to the collector is not taken for closed."""

    def __init__(self, inner: AbstractAsyncContextManager[Value], store: WatchedStore) -> None:
        self._inner = inner
        self._store = store

    async def __aenter__(self) -> Value:
        value = await self._inner.__aenter__()
        self._store.held += 1
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            return await self._inner.__aexit__(kind, error, trace)
        finally:
            self._store.held -= 1


@dataclass
class Signer:
    """Signs everything, and notes what."""

    downloads: list[tuple[FileId, timedelta, dict[str, object]]] = field(default_factory=list)
    uploads: list[tuple[NewBlob, timedelta]] = field(default_factory=list)

    async def download_url(self, file_id: FileId, expires_in: timedelta, **presented: object) -> str:
        self.downloads.append((file_id, expires_in, presented))
        return f"signed:{file_id}"

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        self.uploads.append((blob, expires_in))
        file_id = FileId(Backend.S3, blob.bucket or "my-bucket", blob.key)
        return FileUploadLink(url=f"signed:{file_id}", headers={}, file_id=str(file_id))


class Told(list[tuple[int, int | None]]):
    """Notes what it is told of the progress."""

    def __call__(self, done: int, total: int | None) -> None:
        self.append((done, total))

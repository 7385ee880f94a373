"""A store read through its optional port `BytesOnly`."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.reading import BytesOnly
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId


class BytesOnlyStore(BlobStore, BytesOnly, Protocol):
    """A store that declares the optional port."""


class BytesAlone:
    """Opens files with `open_bytes`, so that the contract's tests of reading can be run on that as well."""

    def __init__(self, store: BytesOnlyStore) -> None:
        self._store = store

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """As the store's."""
        return await self._store.write(blob, body)

    def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """The store's `open_bytes`."""
        return self._store.open_bytes(file_id, byte_range)

    async def info(self, file_id: FileId) -> BlobInfo:
        """As the store's."""
        return await self._store.info(file_id)

    async def delete(self, file_id: FileId) -> None:
        """As the store's."""
        await self._store.delete(file_id)


_: type[BlobStore] = BytesAlone

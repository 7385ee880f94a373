"""Enumerating files."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing

from s3py_helper.adapters.filesystem.errors import translated
from s3py_helper.adapters.filesystem.lister import BlobLister
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.ports.listing import Listing
from s3py_helper.domain.blob import BlobInfo


class FilesystemListing:
    """Walks through a bucket as far as its caller does. A bucket without files is empty, not missing."""

    def __init__(self, store: FilesystemBlobStore) -> None:
        self._store = store

    def list(
        self, prefix: str = "", *, bucket: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Files whose keys begin with `prefix`, in the order of the keys' UTF-8, completely described."""
        return aclosing(self._files(prefix, bucket or self._store.default_bucket))

    async def _files(self, prefix: str, bucket: str) -> AsyncGenerator[BlobInfo]:
        with translated("list"):
            session = self._store.session
        async with session.holding(BlobLister(session.disk, bucket, prefix)) as lister:
            while not lister.released:
                with translated("list"):
                    batch = await session.run(lister.read)
                for info in batch:
                    yield info


_: type[Listing] = FilesystemListing

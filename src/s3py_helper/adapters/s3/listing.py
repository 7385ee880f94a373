"""Enumerating objects."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final

from s3py_helper.adapters.s3.api.bucket_listing import ListedObject, ListPage, ListPosition
from s3py_helper.adapters.s3.api.dates import moment_of
from s3py_helper.adapters.s3.api.object_headers import content_length, quoted
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.listing import Listing
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

_EMPTY_PAGES: Final = 1000
"""Servers that filter may return empty pages; this many in a row count as no progress."""


class S3Listing:
    """Asks page by page, as they are needed; S3 allows at most 1000 objects on a page."""

    def __init__(self, session: S3Session, *, page_size: int = 1000) -> None:
        self._session = session
        self._page_size = page_size

    def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Objects whose keys begin with `prefix`, in the server's order, which S3 defines as that of the keys' UTF-8.

        An object whose key cannot be in an id (one with control characters) is left out: nothing here could name it.
        """
        return aclosing(self._objects(prefix, bucket or self._session.config.default_bucket, after))

    async def _objects(self, prefix: str, bucket: str, after: str) -> AsyncGenerator[BlobInfo]:
        position, progress = ListPosition(after=after or None), _Progress()
        while True:
            page = await self._session.objects.list_page(bucket, prefix, position, self._page_size)
            for listed in page.objects:
                # SeaweedFS normalises a prefix like a path: for `/a` or `a//` it lists what begins with `a`.
                if not listed.key.startswith(prefix):
                    continue
                info = await self._info(bucket, listed)
                if info is not None:
                    yield info
            if not page.truncated:
                return
            following = _next_position(page)
            if following is None or not progress.is_made_by(page, following):
                raise StorageOperationException(
                    f"list failed: the server says that there is more and does not go on; S3 at "
                    f"{self._session.endpoint.url}, bucket {bucket!r}",
                    operation="list",
                    backend=Backend.S3,
                )
            position = following

    async def _info(self, bucket: str, listed: ListedObject) -> BlobInfo | None:
        try:
            file_id = FileId(Backend.S3, bucket, listed.key)
        except InvalidArgumentException:
            return None
        size = listed.size
        if size is None:
            try:
                size = content_length(await self._session.objects.head_object(bucket, listed.key))
            except FileNotFoundException:
                return None
        return BlobInfo(
            file_id=file_id,
            size=size,
            last_modified=moment_of(listed.last_modified) if listed.last_modified else None,
            etag=quoted(listed.etag) if listed.etag else None,
            storage_class=listed.storage_class,
        )


def _next_position(page: ListPage) -> ListPosition | None:
    """Where the next page begins; after the last key where the server gives no token."""
    if page.token is not None:
        return ListPosition(token=page.token)
    return ListPosition(after=page.objects[-1].key) if page.objects else None


class _Progress:
    """Notices a listing that goes in circles, without remembering every position.

    Each position is compared with an earlier one, which is replaced after 1, 2, 4, 8, ... pages (Brent's algorithm).
    """

    def __init__(self) -> None:
        self._compared: ListPosition | None = None
        self._pages = 0
        self._replaced_at = 1
        self._empty = 0

    def is_made_by(self, page: ListPage, position: ListPosition) -> bool:
        """Whether neither the page nor the position after it shows a circle."""
        self._empty = 0 if page.objects else self._empty + 1
        if position == self._compared or self._empty > _EMPTY_PAGES:
            return False
        self._pages += 1
        if self._pages == self._replaced_at:
            self._compared = position
            self._replaced_at *= 2
        return True


_: type[Listing] = S3Listing

"""Enumerating files."""

import sys
from collections.abc import AsyncGenerator

from s3py_helper.application.abilities import required
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.describe import file_info
from s3py_helper.application.ids import IdFormat
from s3py_helper.application.router import StoreRouter
from s3py_helper.domain.files import FileBasicInfo


class ListService:
    """Lists what the backend of new files holds, where that backend can (S3 and the local disk)."""

    def __init__(self, router: StoreRouter, ids: IdFormat | None = None) -> None:
        self._router = router
        self._ids = ids or IdFormat()

    async def list_files(self, prefix: str = "", bucket: str | None = None) -> AsyncGenerator[FileBasicInfo]:
        """Yield every file whose key begins with `prefix`, in the order of the keys, page by page as they are needed.

        What a listing does not tell (content type, metadata) is `None` or empty; `get_file_info` knows it.

        Raises:
            RouteNotSupportedException: The backend cannot list files, or the bucket is not served here.
            BucketNotFoundException: There is no such bucket.
            StorageOperationException: The backend failed.
        """
        mounted = self._router.for_new_files(bucket)
        listing = required(mounted.listing, self._router.policy.new_files, "list files").list(prefix, bucket=bucket)
        blobs = await listing.__aenter__()
        try:
            async for blob in blobs:
                yield file_info(blob, self._ids)
        finally:
            await completed(listing.__aexit__(*sys.exc_info()))

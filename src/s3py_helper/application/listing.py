"""Enumerating files."""

import sys
from collections.abc import AsyncGenerator

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.describe import file_info
from s3py_helper.application.locator import Locator
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened


class ListService:
    """Lists what the backend of new files holds, where that backend can (S3 and the local disk)."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    async def list_files(self, prefix: str = "", bucket: str | None = None) -> AsyncGenerator[FileBasicInfo]:
        """Yield every file whose key begins with `prefix`, in the order of the keys, page by page as they are needed.

        What a listing does not tell (content type, metadata) is `None` or empty; `get_file_info` knows it. A caller
        that stops early should `aclose()` the generator.

        Args:
            prefix: How the keys begin, as in `reports/2026/`; all files by default.
            bucket: What to list instead of the default bucket.

        Raises:
            InvalidArgumentException: No key can begin with the prefix, or no bucket can have that name.
            RouteNotSupportedException: The backend cannot list files, or the bucket is not served here.
            BucketNotFoundException: There is no such bucket. The default bucket of the local disk is never missing.
            StorageOperationException: The backend failed.
        """
        if forbidden := forbidden_character(require_text(prefix, "a prefix")):
            raise InvalidArgumentException(f"the prefix {shortened(prefix)} contains {forbidden}: no key does")
        listing = self._locator.destination(bucket).listing.list(prefix, bucket=bucket)
        blobs = await listing.__aenter__()
        try:
            async for blob in blobs:
                if (file_id := self._locator.shown(blob.file_id)) is not None:
                    yield file_info(blob, file_id)
        finally:
            await completed(listing.__aexit__(*sys.exc_info()))

"""Enumerating files."""

import base64
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.describe import file_info
from s3py_helper.application.locator import Destination, Locator
from s3py_helper.domain.arguments import require_number
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileBasicInfo, FilePage
from s3py_helper.domain.object_key import fronts_of_keys
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1000
"""Files on a page; S3 returns no more in one response (Amazon S3 API Reference, ListObjectsV2)."""


class ListService:
    """Lists what the backend of new files holds, where that backend can (S3 and the local disk)."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    async def list_files(self, prefix: str = "", bucket: str | None = None) -> AsyncGenerator[FileBasicInfo]:
        """Yield every file whose key begins with `prefix`, in the order of the keys; pages are fetched as needed.

        A prefix with blanks and the like finds new keys, which have escapes (`~20`), and older ones, which have none.
        One with escapes is taken as it is.

        What a listing does not tell (content type, metadata) is `None` or empty; `get_file_info` tells it. A caller
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
        destination = self._destination(prefix, bucket)
        with destination.operation("list"):
            async with aclosing(self._files(destination, prefix, bucket, "")) as files:
                async for _, info in files:
                    yield info

    async def list_page(
        self, prefix: str = "", bucket: str | None = None, *, cursor: str | None = None, limit: int = DEFAULT_PAGE
    ) -> FilePage:
        """A page of what `list_files` yields, and a cursor for the next: for callers that cannot keep a listing open.

        Files that exist from the first page to the last come exactly once, whatever is stored or deleted meanwhile.

        Args:
            prefix: As for `list_files`; the same for all pages of a listing.
            bucket: As for `list_files`; the same for all pages of a listing.
            cursor: That of the page before; `None` for the first page.
            limit: The most files on a page, 1 to 1000.

        Raises:
            InvalidArgumentException: As `list_files`; or the cursor is from a listing with another prefix, or the limit
                is out of bounds.
            RouteNotSupportedException: As `list_files`.
            BucketNotFoundException: As `list_files`.
            StorageOperationException: As `list_files`.
        """
        if require_number(limit, "the limit of a page", least=1) > LARGEST_PAGE:
            raise InvalidArgumentException(f"the limit of a page is at most {LARGEST_PAGE}, got {limit}")
        after = _key_in(cursor, require_text(prefix, "a prefix"))
        destination = self._destination(prefix, bucket)
        page: list[FileBasicInfo] = []
        last = ""
        with destination.operation("list"):
            async with aclosing(self._files(destination, prefix, bucket, after)) as files:
                async for blob, info in files:
                    if len(page) == limit:
                        return FilePage(files=page, cursor=_cursor_after(last))
                    page.append(info)
                    last = blob.file_id.key
        return FilePage(files=page)

    def _destination(self, prefix: str, bucket: str | None) -> Destination:
        if forbidden := forbidden_character(require_text(prefix, "a prefix")):
            raise InvalidArgumentException(f"the prefix {shortened(prefix)} contains {forbidden}: no key does")
        return self._locator.destination(bucket, prefix)

    async def _files(
        self, destination: Destination, prefix: str, bucket: str | None, after: str
    ) -> AsyncGenerator[tuple[BlobInfo, FileBasicInfo]]:
        for front in fronts_of_keys(prefix):
            if front.encode() < after.encode() and not after.startswith(front):
                continue  # all of these came before
            rest = after if after.startswith(front) else ""
            listing = destination.listing.list(front, bucket=bucket, after=rest)
            blobs = await listing.__aenter__()
            try:
                async for blob in blobs:
                    if (file_id := self._locator.shown(blob.file_id)) is not None:
                        yield blob, file_info(blob, file_id)
            finally:
                await completed(listing.__aexit__(*sys.exc_info()))


def _cursor_after(key: str) -> str:
    # The key itself, because the id of a moved file need not tell it. Encoded, so that callers do not make their own.
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key_in(cursor: str | None, prefix: str) -> str:
    if cursor is None:
        return ""
    require_text(cursor, "a cursor")
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except ValueError:
        key = ""
    if not key or not key.startswith(fronts_of_keys(prefix)) or forbidden_character(key):
        raise InvalidArgumentException(f"the cursor {shortened(cursor)} is none of a listing of {shortened(prefix)}")
    return key

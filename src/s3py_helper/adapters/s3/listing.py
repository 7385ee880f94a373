"""Enumerating objects."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from s3py_helper.adapters.s3.api.object_headers import quoted
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.listing import Listing
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId


class S3Listing:
    """Asks page by page, as they are needed; S3 allows at most 1000 objects on a page."""

    def __init__(self, session: S3Session, *, page_size: int = 1000) -> None:
        self._session = session
        self._page_size = page_size

    def list(
        self, prefix: str = "", *, bucket: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Objects whose keys begin with `prefix`, in the order of the keys' UTF-8.

        An object whose key is no valid id (with control characters) is left out: nothing here could name it.
        """
        return aclosing(self._objects(prefix, bucket or self._session.config.default_bucket))

    async def _objects(self, prefix: str, bucket: str) -> AsyncGenerator[BlobInfo]:
        sdk = await self._session.sdk()
        further: dict[str, Any] = {}
        while True:
            page = await sdk.call(
                "list_objects_v2", "list", Bucket=bucket, Prefix=prefix, MaxKeys=self._page_size, **further
            )
            for entry in page.get("Contents", ()):
                try:
                    file_id = FileId(Backend.S3, bucket, entry["Key"])
                except InvalidArgumentException:
                    continue
                yield BlobInfo(
                    file_id=file_id,
                    size=entry["Size"],
                    last_modified=entry.get("LastModified"),
                    etag=quoted(entry.get("ETag")),
                    storage_class=entry.get("StorageClass"),
                )
            if not page.get("IsTruncated"):
                return
            further = {"ContinuationToken": page["NextContinuationToken"]}


_: type[Listing] = S3Listing

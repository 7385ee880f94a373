"""Presigned URLs, with which clients talk to S3 themselves."""

from datetime import timedelta
from typing import Final

from s3py_helper.adapters.s3.api.object_headers import upload_headers
from s3py_helper.adapters.s3.api.signing import Query
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.content_disposition import content_disposition
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileUploadLink

_LONGEST: Final = timedelta(days=7)
"""The limit of Signature Version 4 for URLs."""


class S3PresignedUrls:
    """Signs URLs with the current keys: one signed with temporary keys expires with them at the latest."""

    def __init__(self, session: S3Session) -> None:
        self._session = session

    async def download_url(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL for GET, with or without a range."""
        query = [("response-content-disposition", content_disposition(file_name, inline=inline))]
        if content_type is not None:
            query.append(("response-content-type", content_type))
        return await self._signed("GET", file_id, expires_in, query, {})

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        """A URL for PUT, bound to type, name, metadata and, where it is known, size."""
        headers = upload_headers(blob)
        if blob.size is not None:
            headers["content-length"] = str(blob.size)
        file_id = FileId(Backend.S3, blob.bucket or self._session.config.default_bucket, blob.key)
        url = await self._signed("PUT", file_id, expires_in, (), headers)
        return FileUploadLink(url=url, headers=headers, file_id=str(file_id))

    async def _signed(
        self, method: str, file_id: FileId, expires_in: timedelta, query: Query, headers: dict[str, str]
    ) -> str:
        seconds = int(expires_in.total_seconds())
        if not 1 <= seconds <= _LONGEST.total_seconds():
            raise InvalidArgumentException(
                f"a link is valid for 1 second to 7 days, got {expires_in}", operation="link", backend=Backend.S3
            )
        return await self._session.objects.signed_url(
            method, file_id.bucket, file_id.key, query, headers, expires_in=seconds
        )


_: type[PresignedUrls] = S3PresignedUrls

"""The optional ability to sign URLs with which clients talk to the backend directly."""

from datetime import timedelta
from typing import Protocol

from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.files import FileUploadLink


class PresignedUrls(Protocol):
    """A backend that signs URLs."""

    async def download_url(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL for HTTP GET; the response has `file_name` (RFC 6266) and `content_type` as given."""
        ...

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        """A URL for one HTTP PUT that creates the blob."""
        ...

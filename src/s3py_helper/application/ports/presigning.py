"""The optional ability to sign URLs with which clients talk to the backend directly."""

from datetime import timedelta
from typing import Protocol

from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.files import FileUploadLink


class PresignedUrls(Protocol):
    """A backend that can sign URLs.

    Signing need not ask the backend: whether a file exists shows when its URL is used. A URL permits the one method and
    the one key that were signed, until it expires; clients must send it unchanged.

    Both methods raise `InvalidArgumentException` for a lifetime that the backend does not allow (at least one of zero
    or less), and `StorageOperationException` before opening and after closing.

    `s3py_helper.testing.PresignedUrlsContract` holds these promises as tests.
    """

    async def download_url(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL for HTTP GET.

        The response has `content_type`, where given, and a `Content-Disposition` (RFC 6266): `inline` where that is
        requested, else `attachment`, with `file_name` where given. A missing file is a client error: 404, or
        403 where the backend does not say what is missing.

        Raises:
            FileNotFoundException: There is no such file, where the backend looks.
        """
        ...

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        """A URL for the HTTP PUT that creates the blob, with the headers that it must carry and the id of the file.

        The file gets the blob's type, name and metadata; the headers are ASCII. Where `blob.size` is known, the URL may
        be bound to it.
        """
        ...

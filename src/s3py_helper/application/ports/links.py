"""The optional ability to let clients talk to the backend directly."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import FileId


@dataclass(frozen=True, slots=True)
class UploadLink:
    """A place to send one file to.

    Attributes:
        url: Target of one HTTP PUT; whoever has it may use it until it expires.
        headers: Headers that the PUT must carry unchanged.
        file_id: The file's id once the PUT has succeeded.
    """

    url: str
    headers: dict[str, str]
    file_id: FileId


class DirectLinks(Protocol):
    """A backend that signs links."""

    async def download_link(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL for HTTP GET; the answer names `file_name` (RFC 6266) and `content_type` to the browser where given."""
        ...

    async def upload_link(self, blob: NewBlob, expires_in: timedelta) -> UploadLink:
        """A URL for one HTTP PUT that creates the blob."""
        ...

"""The values of the public API: what users hand in and get back.

Their validators are built at their first use (`defer_build`), not while the package is imported.
"""

from datetime import datetime
from enum import StrEnum

from s3py_helper.domain.checked_model import CheckedModel


class FileAttach(CheckedModel, defer_build=True):
    """A file that was stored."""

    file_id: str
    """Keep this: every later call takes it."""
    file_name: str
    """The name it was uploaded with."""
    file_size: int | None = None
    """Its size in bytes."""
    content_type: str | None = None
    """Media type that was given, guessed from the name, or found in the first bytes."""
    etag: str | None = None
    """Entity tag with its quotes, where the backend gave one."""
    checksum: str | None = None
    """`algorithm:hex` of the whole content, e.g. `crc32:3610a686`."""


class FileDownload(CheckedModel, defer_build=True):
    """One entry of an archive: the file, and the name to give it there (folders as in `a/b.pdf` are kept)."""

    file_id: str
    """The file."""
    file_name: str | None = None
    """Its name in the archive; folders as in `a/b.pdf` are kept. By default the name it was uploaded with."""


class FileBasicInfo(CheckedModel, defer_build=True):
    """What is known of a stored file; `None` where its backend does not know."""

    file_id: str
    """The id as it was asked for."""
    file_name: str | None = None
    """The name it was uploaded with, else the last part of its key."""
    file_size: int | None = None
    """Size in bytes."""
    last_modify_time: datetime | None = None
    """When it was stored, with time zone."""
    storage_class: str | None = None
    """S3's storage class."""
    metadata: dict[str, str] | None = None
    """The user's own pairs."""
    content_type: str | None = None
    """Media type."""
    etag: str | None = None
    """Entity tag with its quotes (RFC 9110, 8.8.3)."""
    checksum: str | None = None
    """`algorithm:hex` of the whole content."""
    content_encoding: str | None = None
    """How the stored bytes are encoded, e.g. `gzip` (RFC 9110, 8.4); `None` where they are not."""


class FilePage(CheckedModel, defer_build=True):
    """A part of a listing."""

    files: list[FileBasicInfo]
    """Files in the order of their keys; what a listing does not tell is `None` or empty."""
    cursor: str | None = None
    """Continues the listing; `None` at its end."""


class FileUploadLink(CheckedModel, defer_build=True):
    """Where a client may put one file by itself."""

    url: str
    """Target of one HTTP PUT with the file as its body."""
    headers: dict[str, str]
    """Headers that the PUT must carry unchanged."""
    file_id: str
    """The file's id once the PUT has succeeded."""


class FileType(StrEnum):
    """Coarse kinds of files by which an application may filter.

    Part of the interface of 0.0.17; nothing in the kit uses it.
    """

    ALL = "ALL"
    PDF = "PDF"
    IMAGE = "IMAGE"

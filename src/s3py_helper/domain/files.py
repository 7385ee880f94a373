"""The values of the public API: what users hand in and get back.

Their validators are built at their first use (`defer_build`), not while the package is imported.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from s3py_helper.domain.checked_model import CheckedModel


class FileAttach(BaseModel, defer_build=True):
    """A file that was stored.

    Attributes:
        file_id: Keep this: every later call takes it.
        file_name: The name it was uploaded with.
        file_size: Its size in bytes.
        content_type: Media type that was given, guessed from the name, or found in the first bytes.
        etag: Entity tag with its quotes, where the backend gave one.
        checksum: `algorithm:hex` of the whole content, e.g. `crc32:3610a686`.
    """

    file_id: str
    file_name: str
    file_size: int | None = None
    content_type: str | None = None
    etag: str | None = None
    checksum: str | None = None


class FileDownload(CheckedModel, defer_build=True):
    """One entry of an archive: the file, and the name to give it there (folders as in `a/b.pdf` are kept)."""

    file_id: str
    file_name: str | None = None


class FileBasicInfo(BaseModel, defer_build=True):
    """What is known of a stored file; `None` where its backend does not know.

    Attributes:
        file_id: The id as it was asked for.
        file_name: The name it was uploaded with, else the last part of its key.
        file_size: Size in bytes.
        last_modify_time: When it was stored, with time zone.
        storage_class: S3's storage class.
        metadata: The user's own pairs.
        content_type: Media type.
        etag: Entity tag with its quotes (RFC 9110, 8.8.3).
        checksum: `algorithm:hex` of the whole content.
    """

    file_id: str
    file_name: str | None = None
    file_size: int | None = None
    last_modify_time: datetime | None = None
    storage_class: str | None = None
    metadata: dict[str, str] | None = None
    content_type: str | None = None
    etag: str | None = None
    checksum: str | None = None


class FileUploadLink(BaseModel, defer_build=True):
    """Where a client may put one file by itself.

    Attributes:
        url: Target of one HTTP PUT with the file as its body.
        headers: Headers that the PUT must carry unchanged.
        file_id: The file's id once the PUT has succeeded.
    """

    url: str
    headers: dict[str, str]
    file_id: str


class FileType(StrEnum):
    """Coarse kinds of files by which an application may filter.

    Part of the interface of 0.0.17; nothing in the kit uses it.
    """

    ALL = "ALL"
    PDF = "PDF"
    IMAGE = "IMAGE"

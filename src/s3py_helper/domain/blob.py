"""What backends are told about a file that comes in, and what they tell about one that they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.domain.file_id import FileId


@dataclass(frozen=True, slots=True)
class NewBlob:
    """A file on its way in.

    Attributes:
        key: Proposed key, unique and valid. A backend that names files itself (FastDFS) does not use it.
        file_name: The user's name for it; it has passed validation.
        bucket: Where to put it; `None` is the backend's default bucket. FastDFS has none and does not use it.
        content_type: Media type (RFC 9110, 8.3), always known by now.
        size: Number of bytes that will come, `None` when nobody knows.
        metadata: The user's own pairs; never the original file name, which travels on its own.
    """

    key: str
    file_name: str
    bucket: str | None = None
    content_type: str = OCTET_STREAM
    size: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A stored file.

    Attributes:
        file_id: Where it is.
        size: Its size in bytes.
        file_name: The name it was uploaded with; `None` when the backend was never told.
        last_modified: When it was stored; always with a time zone.
        content_type: Media type, where known.
        content_encoding: How the bytes are encoded, e.g. `gzip` (RFC 9110, 8.4); they are stored and read as they are.
        etag: Entity tag with its quotes, as HTTP writes it (RFC 9110, 8.8.3), where the backend has one.
        checksum: Checksum of the whole content, where known.
        storage_class: S3's storage class.
        metadata: The user's own pairs.
    """

    file_id: FileId
    size: int
    file_name: str | None = None
    last_modified: datetime | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    etag: str | None = None
    checksum: Checksum | None = None
    storage_class: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

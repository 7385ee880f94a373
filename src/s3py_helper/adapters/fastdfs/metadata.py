"""A file's name, type and the user's pairs, in the metadata that a storage server keeps beside the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from aiofdfs.async_fdfs_protol import (
    FDFS_FIELD_SEPERATOR,
    FDFS_MAX_META_NAME_LEN,
    FDFS_MAX_META_VALUE_LEN,
    FDFS_RECORD_SEPERATOR,
)

from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend

FILE_NAME: Final = "OriginFileName"
"""aiofdfs keeps the original name under this one, and so does everything that was built on it."""

CONTENT_TYPE: Final = "ContentType"
"""This kit's, written only where the file's name does not tell the type."""

RESERVED: Final = frozenset({FILE_NAME, CONTENT_TYPE, "OriginFileExtName", "OriginFileSize"})
"""Names that are not the user's. The last two are aiofdfs'."""

MAX_TOTAL_BYTES: Final = 256 * 1024 - 256
"""A request must fit the server's buffer (`buff_size`, 256 KiB), with up to 180 bytes of header, fields and name."""

_RECORD: Final = FDFS_RECORD_SEPERATOR.encode()
_FIELD: Final = FDFS_FIELD_SEPERATOR.encode()


@dataclass(frozen=True, slots=True)
class StoredMetadata:
    """What was kept beside a file."""

    file_name: str | None = None
    content_type: str | None = None
    pairs: Mapping[str, str] = field(default_factory=dict)


def pairs_to_store(blob: NewBlob) -> dict[str, str]:
    """All pairs for a new file.

    Raises:
        InvalidArgumentException: A name or value is longer than the server keeps: it would silently cut or garble it.
    """
    check_names(blob.metadata)
    pairs = {FILE_NAME: blob.file_name, **blob.metadata}
    if blob.content_type != _type_of(blob.file_name):
        pairs[CONTENT_TYPE] = blob.content_type
    check_sizes(pairs)
    return pairs


def check_names(pairs: Mapping[str, str]) -> None:
    """Raise `InvalidArgumentException` for a name under which a file's own name, type or size is kept."""
    if taken := RESERVED.intersection(pairs):
        raise _invalid(f"the metadata name {min(taken)!r} is taken: the file's own name, type and size are kept there")


def check_sizes(pairs: Mapping[str, str]) -> None:
    """Raise `InvalidArgumentException` for what the server would silently cut or garble."""
    total = sum(_checked_size(name, value) for name, value in pairs.items())
    if total > MAX_TOTAL_BYTES:
        raise _invalid(f"the metadata have {total} bytes, FastDFS keeps {MAX_TOTAL_BYTES}")


def read_metadata(stored: bytes) -> StoredMetadata:
    """Parse the metadata that a server returned."""
    if not stored:
        return StoredMetadata()
    pairs = pairs_in(stored)
    file_name = pairs.get(FILE_NAME)
    return StoredMetadata(
        file_name,
        pairs.get(CONTENT_TYPE) or (_type_of(file_name) if file_name else None),
        {name: value for name, value in pairs.items() if name not in RESERVED},
    )


def pairs_in(stored: bytes) -> dict[str, str]:
    """All pairs; records that no client would write are left out."""
    pairs: dict[str, str] = {}
    for record in stored.split(_RECORD):
        name, separator, value = record.partition(_FIELD)
        if separator:
            pairs[name.decode(errors="replace")] = value.decode(errors="replace")
    return pairs


def _type_of(file_name: str) -> str:
    # A name tells the type by its last two extensions ("tar.gz"), of which the same few recur.
    extensions = file_name.lstrip(".").split(".")[1:][-2:]
    return _type_by_extensions(".".join(["x", *extensions]))


@lru_cache(maxsize=1024)
def _type_by_extensions(name: str) -> str:
    return guess_content_type(name)


def _checked_size(name: str, value: str) -> int:
    encoded_name, encoded_value = name.encode(), value.encode()
    if not name or len(encoded_name) > FDFS_MAX_META_NAME_LEN:
        raise _invalid(
            f"the metadata name {name[:80]!r} has {len(encoded_name)} bytes of UTF-8, "
            f"FastDFS keeps 1 to {FDFS_MAX_META_NAME_LEN}"
        )
    if len(encoded_value) > FDFS_MAX_META_VALUE_LEN:
        raise _invalid(
            f"the value of metadata {name!r} has {len(encoded_value)} bytes of UTF-8, "
            f"FastDFS keeps {FDFS_MAX_META_VALUE_LEN}"
        )
    if any(mark in encoded_name + encoded_value for mark in (_RECORD, _FIELD)):
        raise _invalid(f"metadata {name!r} contains U+0001 or U+0002, which FastDFS writes between its pairs")
    return len(encoded_name) + len(encoded_value) + len(_RECORD) + len(_FIELD)


def _invalid(message: str) -> InvalidArgumentException:
    return InvalidArgumentException(message, operation="upload", backend=Backend.FASTDFS)

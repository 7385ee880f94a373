"""The description of a moved file, and how S3's headers carry it.

Name, type, metadata and time of modification are the same before and after the move. S3 returns names of metadata
in lower case and keeps 2 KB of them; what does not fit goes into a second object beside the first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import quote

from s3py_helper.application.ports.migration_source import SourceMetadata
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import ID_METADATA, MTIME_METADATA

_MORE_METADATA: Final = "s3py-fastdfs-more"
"""Marks an object that has a second one."""

_UNTYPED_METADATA: Final = "s3py-fastdfs-untyped"
"""Marks a file that nobody gave a type: S3 gives every object one."""

_MARKS: Final = frozenset({ID_METADATA, MTIME_METADATA, _MORE_METADATA, _UNTYPED_METADATA})

_MOST_BYTES: Final = 1800
"""Of 2048 that S3 keeps (Amazon S3 User Guide, "Working with object metadata"); the marks take the rest."""


@dataclass(frozen=True, slots=True)
class MovedMetadata:
    """How the metadata of one file is stored.

    Attributes:
        pairs: What goes into the object's headers, the marks among it.
        more: Content of the second object; `None` where all fits.
    """

    pairs: Mapping[str, str]
    more: bytes | None


def moved_metadata(file_id: FileId, mtime: int, described: SourceMetadata) -> MovedMetadata:
    """Divide a file's metadata between the headers and the second object."""
    marks = {ID_METADATA: str(file_id), MTIME_METADATA: str(mtime)}
    if described.content_type is None:
        marks[_UNTYPED_METADATA] = "1"
    if _fits(described.file_name, described.metadata):
        return MovedMetadata({**described.metadata, **marks}, None)
    more = json.dumps({"metadata": described.metadata}, ensure_ascii=False, sort_keys=True).encode()
    return MovedMetadata({**marks, _MORE_METADATA: "1"}, more)


def is_moved(info: BlobInfo, file_id: FileId) -> bool:
    """Whether an object is the file: one without the mark is somebody else's, whatever its key."""
    return info.metadata.get(ID_METADATA) == str(file_id)


def has_more(info: BlobInfo) -> bool:
    """Whether the rest of the metadata is in the second object."""
    return _MORE_METADATA in info.metadata


def restored(info: BlobInfo, file_id: FileId, more: bytes | None = None) -> BlobInfo:
    """An object's description as that of the file that it was.

    Raises:
        IntegrityException: The second object is not what was stored.
    """
    mtime = info.metadata.get(MTIME_METADATA, "")
    return replace(
        info,
        file_id=file_id,
        content_type=None if _UNTYPED_METADATA in info.metadata else info.content_type,
        last_modified=datetime.fromtimestamp(int(mtime), UTC) if mtime.isdecimal() else info.last_modified,
        storage_class=None,
        metadata=(
            {name: value for name, value in info.metadata.items() if name not in _MARKS}
            if more is None
            else _pairs_in(more, file_id)
        ),
    )


def _pairs_in(more: bytes, file_id: FileId) -> dict[str, str]:
    try:
        return {
            str(name): str(value) for name, value in cast("dict[str, object]", json.loads(more)["metadata"]).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityException(
            f"the metadata of the moved file {file_id} cannot be read: {error}", file_id=str(file_id)
        ) from error


def _fits(file_name: str | None, metadata: Mapping[str, str]) -> bool:
    if any(name != name.lower() or name in _MARKS for name in metadata):
        return False
    texts = [file_name or "", *metadata, *metadata.values()]
    # Encoded in the worst case: every byte that is not plain takes three characters.
    if 3 * sum([len(text.encode()) for text in texts]) <= _MOST_BYTES:
        return True  # whatever they are, as nearly always
    return sum(len(quote(text, safe="")) for text in texts) <= _MOST_BYTES

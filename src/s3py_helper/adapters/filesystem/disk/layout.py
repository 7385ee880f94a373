"""Where a file lies: `root/<bucket>/<key>`, each segment of the key a folder, the last one the file.

Uploads in progress lie in `root/.incoming`; no bucket has that name, because buckets do not begin with a dot.
"""

from dataclasses import dataclass
from typing import Final, Self

from s3py_helper.domain.file_id import FileId

INCOMING: Final = ".incoming"


@dataclass(frozen=True, slots=True)
class DiskPath:
    """The path of a file below the root; bytes, so that no locale takes part in it."""

    folders: tuple[bytes, ...]
    name: bytes

    @classmethod
    def of(cls, file_id: FileId) -> Self:
        """A `FileId` has no segment that leaves the root."""
        *folders, name = (segment.encode() for segment in (file_id.bucket, *file_id.key.split("/")))
        return cls(tuple(folders), name)

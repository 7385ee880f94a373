"""A short memory of deleted files.

Deleting reaches the replicas of a group with a delay (half a second was seen), during which a tracker may still send
readers there. Ids are never given twice, so that remembering one for too long does no harm.
"""

from collections import OrderedDict
from time import monotonic
from typing import Final

from s3py_helper.domain.file_id import FileId

REMEMBERED_SECONDS: Final = 60.0
_REMEMBERED_FILES: Final = 10_000


class Tombstones:
    """The files that this store deleted lately."""

    def __init__(self) -> None:
        self._expiry: OrderedDict[FileId, float] = OrderedDict()

    def add(self, file_id: FileId) -> None:
        """Remember a file, and forget old ones."""
        now = monotonic()
        self._expiry[file_id] = now + REMEMBERED_SECONDS
        while self._expiry and (len(self._expiry) > _REMEMBERED_FILES or next(iter(self._expiry.values())) < now):
            self._expiry.popitem(last=False)

    def __len__(self) -> int:
        """How many files are remembered, those that will be forgotten at the next chance included."""
        return len(self._expiry)

    def __contains__(self, file_id: FileId) -> bool:
        """Whether the file was deleted within the last minute."""
        return bool(self._expiry) and self._expiry.get(file_id, 0.0) > monotonic()

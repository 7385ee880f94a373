"""A short memory of deleted files.

A deletion reaches the replicas of a group with a delay (half a second was observed), during which a tracker may still
send readers there. Ids are never reused, so remembering one for too long does no harm.
"""

from collections import OrderedDict
from time import monotonic
from typing import Final

from s3py_helper.domain.file_id import FileId

REMEMBERED_SECONDS: Final = 60.0
_REMEMBERED_FILES: Final = 10_000


class Tombstones:
    """The files that this store has deleted recently."""

    def __init__(self) -> None:
        self._expiry: OrderedDict[FileId, float] = OrderedDict()

    def add(self, file_id: FileId) -> None:
        """Remember a file, and forget old ones."""
        now = monotonic()
        self._expiry[file_id] = now + REMEMBERED_SECONDS
        while self._expiry and (len(self._expiry) > _REMEMBERED_FILES or next(iter(self._expiry.values())) < now):
            self._expiry.popitem(last=False)

    def __len__(self) -> int:
        """How many files are remembered, including those that are about to be forgotten."""
        return len(self._expiry)

    def __contains__(self, file_id: FileId) -> bool:
        """Whether the file was deleted within the last minute."""
        return bool(self._expiry) and self._expiry.get(file_id, 0.0) > monotonic()

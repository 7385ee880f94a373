"""What became of every old file, written down by who did it: the measure of a migration."""

import hashlib
from dataclasses import dataclass, field


@dataclass(slots=True)
class Truth:
    """Old files by their FastDFS ids.

    Attributes:
        live: The digest (SHA-256) that each file's bytes must have.
        deleted: Files that somebody deleted, through the kit or past it, and old names that are dead.
        staying: Live files that need not have moved, such as quarantined ones.
    """

    live: dict[str, str] = field(default_factory=dict[str, str])
    deleted: set[str] = field(default_factory=set[str])
    staying: set[str] = field(default_factory=set[str])

    def wrote(self, file_id: str, content: bytes) -> None:
        """The file has this content now."""
        self.live[file_id] = digest(content)

    def removed(self, file_id: str) -> None:
        """The file is no more."""
        self.live.pop(file_id, None)
        self.deleted.add(file_id)

    def stays(self, file_id: str) -> None:
        """The file is live, and not to be found in the bucket, or under no duty to be there."""
        self.staying.add(file_id)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

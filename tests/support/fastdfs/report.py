"""What a storage reports of itself to the trackers now and then."""

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Report:
    """Counts of what clients did, times in Unix seconds."""

    uploaded: int = 0
    deleted: int = 0
    last_change: int = 0
    synced_until: int = 0

    def upload(self) -> None:
        self.uploaded += 1
        self.change()

    def delete(self) -> None:
        self.deleted += 1
        self.change()

    def change(self) -> None:
        self.last_change = int(time.time())

"""Changes on their way from the storage that made them to another storage of the group."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from tests.support.fastdfs.names import StoredName
from tests.support.fastdfs.storage import StorageServer
from tests.support.fastdfs.volume import Change


@dataclass(frozen=True, slots=True)
class _Pending:
    made: float
    second: int
    name: bytes
    change: Change


class ReplicationQueue:
    """Delivers in order, each change `lag` seconds after it was made, and never to a storage that is stopped."""

    def __init__(self, replica: StorageServer) -> None:
        self._replica = replica
        self._lag = 0.0
        self._pending: deque[_Pending] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def set_lag(self, seconds: float) -> None:
        """Also for the changes that are waiting. `inf` holds them until a shorter lag is set."""
        self._lag = seconds
        self.deliver()

    def add(self, name: bytes, change: Change) -> None:
        self._pending.append(_Pending(asyncio.get_running_loop().time(), int(time.time()), name, change))
        self.deliver()

    def deliver(self) -> None:
        """All that is due; and come back when the next is."""
        self._cancel_timer()
        while self._pending and self._replica.is_running:
            loop = asyncio.get_running_loop()
            due = self._pending[0].made + self._lag
            if due > loop.time():
                if due != float("inf"):
                    self._timer = loop.call_at(due, self.deliver)
                return
            done = self._pending.popleft()
            done.change(self._replica.files)
            self._replica.files.report.synced_until = done.second

    def clear(self) -> None:
        self._cancel_timer()
        self._pending.clear()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def has_passed(self, name: bytes) -> bool:
        """Whether all files up to the named one's time of creation have arrived: what trackers know of a replica.

        They do not know of deletes that are still on their way, so a deleted file may be read from a replica.
        """
        created = _created(name)
        missing = (pending.name for pending in self._pending if pending.name not in self._replica.files)
        return all(_created(other) > created for other in missing)


def _created(name: bytes) -> int:
    stored = StoredName.decode(name)
    return stored.created if stored else 0

"""Files that were read whole and found right a moment ago: while nobody changes them, they need not be summed again.

The system notes when a file was last changed, content or description (`st_ctime`), and no program can set that time. It
takes it from a clock that ticks every few milliseconds: two changes within a tick look like one. So a file is
remembered only when its last change was well before it was read, and a file system that counts whole seconds is not
trusted at all.
"""

import os
import time
from collections.abc import Callable
from threading import Lock
from typing import Final

type FileState = tuple[int, int, int, int, int]
"""Device, number, size, and the times of the last changes in nanoseconds. No byte changes without one of the times."""

_MOST: Final = 10_000

_SETTLED: Final = 100_000_000
"""Nanoseconds. The slowest clock that systems take times from ticks every 10 ms."""

_SECOND: Final = 1_000_000_000


class VerifiedFiles:
    """Remembers files for some seconds, those of the last reads where there are too many. For several threads.

    Args:
        seconds: How long; 0 remembers none.
        clock: Seconds that pass.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds: Final = seconds
        self._clock: Final = clock
        self._verified: dict[FileState, float] = {}
        self._lock = Lock()

    def add(self, state: FileState) -> None:
        """The file was right when it was in that state."""
        if not self._seconds:
            return
        with self._lock:
            self._verified.pop(state, None)
            if len(self._verified) >= _MOST:
                del self._verified[next(iter(self._verified))]
            self._verified[state] = self._clock()

    def has(self, state: FileState) -> bool:
        """Whether the file was right in that state, not too long ago."""
        verified_at = self._verified.get(state)
        return verified_at is not None and self._clock() - verified_at < self._seconds


def state_of(file: int) -> FileState:
    """The state of an open file."""
    status = os.fstat(file)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_settled(state: FileState) -> bool:
    """Whether a change from now on gives the file another state."""
    changed = state[-1]
    return bool(changed % _SECOND) and time.time_ns() - changed > _SETTLED

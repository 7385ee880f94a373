"""How fast a migration moves, from the counts now and before."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.migration.phases import COPIED, DRAINED, TO_COPY, VERIFIED
from s3py_helper.domain.migration import FileState

WINDOW_SECONDS: Final = 30.0
"""Seconds over which speeds are averaged: shorter ones jump, longer ones lag behind."""

_TOO_OLD_SECONDS: Final = 600.0
_SHORTEST_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Speed:
    """Files and bytes a second."""

    files: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Speeds:
    """How fast files are copied, verified and drained by all workers together."""

    copied: Speed
    verified: Speed
    drained: Speed

    def seconds_left(self, status: MigrationStatus) -> float | None:
        """How long copying may still take, by files and by bytes, the longer of the two; `None` where nothing moves."""
        files, size = _count(status, TO_COPY)
        if not files:
            return 0.0
        if not self.copied.files:
            return None
        by_bytes = size / self.copied.bytes if self.copied.bytes else 0.0
        return max(files / self.copied.files, by_bytes)


type _Counts = tuple[tuple[int, int], ...]
"""Files and bytes that are copied, verified, drained."""


class Speedometer:
    """Remembers the counts of the last half minute, or older ones where nobody has asked since."""

    def __init__(self) -> None:
        self._counted: deque[tuple[float, _Counts]] = deque()

    def speeds(self, now: float, status: MigrationStatus) -> Speeds | None:
        """The speeds since some time ago; `None` while there is nothing to compare with.

        Args:
            now: Seconds of a monotonic clock.
            status: What is counted now.
        """
        counted = self._counted
        counts = tuple(_count(status, states) for states in (COPIED, VERIFIED, DRAINED))
        while len(counted) > 1 and now - counted[1][0] >= WINDOW_SECONDS:
            counted.popleft()
        if counted and now - counted[0][0] > _TOO_OLD_SECONDS:
            counted.popleft()
        counted.append((now, counts))
        began, before = counted[0]
        seconds = now - began
        if seconds < _SHORTEST_SECONDS:
            return None
        # Counts may go down: files are changed, deleted, and planned again.
        copied, verified, drained = (
            Speed(max(0, files_now - files) / seconds, max(0, bytes_now - size) / seconds)
            for (files_now, bytes_now), (files, size) in zip(counts, before, strict=True)
        )
        return Speeds(copied, verified, drained)


def _count(status: MigrationStatus, states: Collection[FileState]) -> tuple[int, int]:
    tallies = [tally for tally in status.tallies if tally.state in states]
    return sum(tally.files for tally in tallies), sum(tally.bytes for tally in tallies)

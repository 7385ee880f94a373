"""What has been done and what is left, as numbers."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_WINDOW: Final = 10.0
"""Seconds over which the speed is taken: shorter ones jump, longer ones lag."""


@dataclass(slots=True)
class RunningFile:
    """A file under way.

    Attributes:
        name: As people know it.
        size: Its number of bytes, where known.
        done: How many of them have passed.
    """

    name: str
    size: int | None
    done: int = 0


@dataclass(slots=True)
class Tally:
    """All files of a command.

    Attributes:
        files: How many there will be, where known.
        size: How many bytes they have together, where known.
        files_done: How many have ended, well or not.
        bytes_done: How many bytes have passed, those of files under way too.
        running: The files under way, the oldest first.
    """

    files: int | None = None
    size: int | None = None
    files_done: int = 0
    bytes_done: int = 0
    running: dict[int, RunningFile] = field(default_factory=dict[int, RunningFile])
    _begun: int = 0
    _past: deque[tuple[float, int, int]] = field(default_factory=deque[tuple[float, int, int]])

    def begin(self, name: str, size: int | None) -> int:
        """A file begins; gives the number by which `advance` and `end` know it."""
        self._begun += 1
        self.running[self._begun] = RunningFile(name, size)
        return self._begun

    def advance(self, number: int, count: int) -> None:
        """More bytes of a file have passed."""
        self.running[number].done += count
        self.bytes_done += count

    def end(self, number: int) -> None:
        """A file is no longer under way."""
        del self.running[number]
        self.files_done += 1

    def look(self, now: float) -> None:
        """Note the state at a moment: speed is the difference between two of them."""
        self._past.append((now, self.bytes_done, self.files_done))
        while len(self._past) > 2 and now - self._past[0][0] > _WINDOW:  # noqa: PLR2004 - two make a difference
            self._past.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        """The speed of the last seconds; `None` before there is one."""
        return self._rate(1)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this speed: by its bytes or by its files, whichever is longer."""
        rests: list[tuple[int, float | None]] = []
        if self.size is not None:
            rests.append((self.size - self.bytes_done, self._rate(1)))
        if self.files is not None:
            rests.append((self.files - self.files_done, self._rate(2)))
        known = [max(0, rest) / rate for rest, rate in rests if rate]
        return max(known, default=None)

    def _rate(self, column: int) -> float | None:
        if len(self._past) < 2:  # noqa: PLR2004 - as above
            return None
        first, last = self._past[0], self._past[-1]
        return (last[column] - first[column]) / (last[0] - first[0]) if last[0] > first[0] else None

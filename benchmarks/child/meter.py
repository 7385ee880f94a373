"""Time, processor time, memory and stalls of a stretch of work."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

_BEAT = 0.002
_STATUS = Path("/proc/self/status")


@dataclass(slots=True)
class Usage:
    """What the work took.

    Attributes:
        cpu_seconds: Of all threads, and of child processes that have ended.
        memory_growth: Highest resident memory during the work, less what was resident before it, in bytes.
        stall_seconds: The longest time for which the event loop answered nobody; `None` without an event loop.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_growth: int = 0
    stall_seconds: float | None = None


@contextmanager
def metered() -> Iterator[Usage]:
    usage = Usage()
    _forget_peak()
    resident = _status_bytes("VmRSS")
    cpu = _cpu_seconds()
    begun = time.perf_counter()
    yield usage
    usage.seconds = time.perf_counter() - begun
    usage.cpu_seconds = _cpu_seconds() - cpu
    usage.memory_growth = max(0, _status_bytes("VmHWM") - resident)


@asynccontextmanager
async def metered_in_loop() -> AsyncIterator[Usage]:
    heart = _Heart(asyncio.get_running_loop())
    # One turn of the loop, so that the first beat is not late by what ran before.
    await asyncio.sleep(0)
    with metered() as usage:
        heart.start()
        try:
            yield usage
        finally:
            usage.stall_seconds = heart.stop()


class _Heart:
    """Beats every two milliseconds; the longest lateness of a beat is how long the loop was busy with one thing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._longest = 0.0
        self._due = 0.0
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due = self._loop.time() + _BEAT
        self._next = self._loop.call_at(self._due, self._beat)

    def stop(self) -> float:
        if self._next is not None:
            self._next.cancel()
        return max(self._longest, self._loop.time() - self._due)

    def _beat(self) -> None:
        self._longest = max(self._longest, self._loop.time() - self._due)
        self.start()


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _forget_peak() -> None:
    # proc(5): writing 5 resets the peak resident set size of the process.
    Path("/proc/self/clear_refs").write_text("5")


def _status_bytes(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"{_STATUS} has no {name}")

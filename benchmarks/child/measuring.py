"""Time, processor time, memory and stalls of a stretch of work."""

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ALL_OPERATIONS = "*"
_BEAT = 0.002


@dataclass(slots=True)
class Sample:
    """One operation, measured once.

    Attributes:
        operation: What was done, e.g. `put c=16`; `ALL_OPERATIONS` where nothing came of a whole job.
        count: How many times.
        size: Bytes moved in all.
        cpu_seconds: Of all threads, and of child processes that have ended.
        memory_growth: Highest resident memory during the work, less what was resident before it, in bytes.
        stall_seconds: The longest time for which the event loop answered nobody.
        p99_seconds: Within which 99 % of the operations ended.
        ratio: Size of what came out to what went in, for archives.
        error: Why there are no figures.
    """

    operation: str
    seconds: float = 0.0
    count: int = 1
    size: int = 0
    cpu_seconds: float = 0.0
    memory_growth: int = 0
    stall_seconds: float | None = None
    p99_seconds: float | None = None
    ratio: float | None = None
    error: str | None = None


@asynccontextmanager
async def measured(operation: str, samples: list[Sample]) -> AsyncIterator[Sample]:
    """Measure the block and append its sample, if the library offers the operation. A failure ends the block only."""
    sample = Sample(operation)
    # One turn of the loop, so that the first beat is not late by what ran before.
    await asyncio.sleep(0)
    heart, meter = _Heart(), ProcessMeter(os.getpid())
    try:
        yield sample
    except Exception as error:  # noqa: BLE001 - whatever a subject does, its failure is the result
        sample.error = described(error)
        if sample.error == NotImplementedError.__name__:
            return  # the library has no such operation, so there is nothing to measure
    finally:
        sample.stall_seconds = heart.stop()
    meter.read(sample)
    samples.append(sample)


class ProcessMeter:
    """What a process takes from the making of the meter to its reading."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # proc(5): writing 5 resets the peak resident set size of the process.
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._before = self._memory("VmRSS"), self._cpu_seconds(), time.perf_counter()

    def read(self, sample: Sample) -> None:
        resident, cpu, begun = self._before
        sample.seconds = time.perf_counter() - begun
        sample.cpu_seconds = self._cpu_seconds() - cpu
        sample.memory_growth = max(0, self._memory("VmHWM") - resident)

    def _cpu_seconds(self) -> float:
        # The clock of another process, as clock_getcpuclockid(3) makes it; Python has no such function.
        own = time.clock_gettime(~self._pid << 3 | 2)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return own + children.ru_utime + children.ru_stime if self._pid == os.getpid() else own

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self._pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))


class _Heart:
    """Beats every two milliseconds; the longest lateness of a beat is how long the loop was busy with one thing."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._longest = 0.0
        self._next = self._loop.call_later(_BEAT, self._beat)

    def stop(self) -> float:
        self._next.cancel()
        return max(self._longest, self._loop.time() - self._next.when())

    def _beat(self) -> None:
        self._longest = max(self._longest, self._loop.time() - self._next.when())
        self._next = self._loop.call_later(_BEAT, self._beat)


def described(error: Exception) -> str:
    """An exception in one line; of a group, its first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__

"""Runs what may fail, so that a failure becomes a sample like any other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.child.meter import Usage, metered_in_loop
from benchmarks.child.sample import Sample, described
from benchmarks.child.store import NotOfferedError


class Attempt:
    """The outcome of one operation: how much was done, and the usage or the error."""

    def __init__(self, operation: str) -> None:
        self.count = 1
        self.size = 0
        self.ratio: float | None = None
        self.latencies: list[float] = []
        self.usage = Usage()
        self.failure: Exception | None = None
        self._operation = operation

    def sample(self) -> Sample:
        if isinstance(self.failure, NotOfferedError):
            return Sample(self._operation, offered=False)
        if self.failure is not None:
            return Sample(self._operation, error=described(self.failure))
        return Sample(
            self._operation,
            seconds=self.usage.seconds,
            count=self.count,
            size=self.size,
            cpu_seconds=self.usage.cpu_seconds,
            memory_growth=self.usage.memory_growth,
            stall_seconds=self.usage.stall_seconds,
            p99_seconds=percentile(self.latencies, 0.99),
            ratio=self.ratio,
        )


@asynccontextmanager
async def attempted(operation: str, samples: list[Sample]) -> AsyncIterator[Attempt]:
    """Measure the block and append its sample; a failure ends the block, not the job."""
    attempt = Attempt(operation)
    try:
        async with metered_in_loop() as attempt.usage:
            yield attempt
    except Exception as error:  # noqa: BLE001 - whatever a subject does, its failure is the result
        attempt.failure = _first(error)
    samples.append(attempt.sample())


def percentile(values: list[float], share: float) -> float | None:
    """The value that so large a share of the values does not exceed; `None` of nothing."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error

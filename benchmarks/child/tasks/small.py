"""Many operations on small files, by several workers at once; each operation for a share of a second."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store

type Work = Callable[[int], Awaitable[None]]


async def run(store: Store, samples: list[Sample], *, size: int, rounds: list[tuple[int, float]]) -> None:
    """Rounds are pairs of workers and seconds for each operation."""
    for workers, seconds in rounds:
        # Not measured, so that every worker's connection stands.
        await _Files(store, size, f"warm{workers}").round(workers, 0, [])
        await _Files(store, size, f"c{workers}").round(workers, seconds, samples)


class _Files:
    """Files of one size on their way through a store: put, got, described and deleted."""

    def __init__(self, store: Store, size: int, label: str) -> None:
        self._store = store
        self._size = size
        self._label = label
        self._pattern = Pattern()
        self._stored: list[tuple[int, str]] = []

    async def round(self, workers: int, seconds: float, samples: list[Sample]) -> None:
        for name, work in (("put", self._put), ("get", self._get), ("info", self._info), ("delete", self._delete)):
            async with measured(f"{name} c={workers}", samples) as sample:
                # What was put is what there is to delete, however long that takes.
                at_least, limit = (len(self._stored), 0.0) if name == "delete" else (workers, seconds)
                latencies = sorted(await in_workers(work, workers, at_least, limit))
                sample.count, sample.p99_seconds = len(latencies), latencies[int(len(latencies) * 0.99)]

    async def _put(self, turn: int) -> None:
        file_id = await self._store.put(f"{self._label}-{turn}.bin", self._pattern.at(turn * 7919, self._size))
        self._stored.append((turn, file_id))

    async def _get(self, turn: int) -> None:
        number, file_id = self._stored[turn % len(self._stored)]
        content = await self._store.get(file_id)
        if len(content) != self._size or not self._pattern.matches(number * 7919, content):
            raise ValueError(f"{len(content)} wrong bytes instead of {self._size} right ones")

    async def _info(self, turn: int) -> None:
        size = await self._store.info(self._stored[turn % len(self._stored)][1])
        if size != self._size:
            raise ValueError(f"size {size} instead of {self._size}")

    async def _delete(self, turn: int) -> None:
        await self._store.delete(self._stored[turn][1])


async def in_workers(work: Work, workers: int, at_least: int, seconds: float) -> list[float]:
    """Do the work until the time is up, but at least so many times; returns the seconds that each took."""
    turns, latencies = itertools.count(), list[float]()
    end = time.perf_counter() + seconds

    async def worker() -> None:
        while (turn := next(turns)) < at_least or time.perf_counter() < end:
            begun = time.perf_counter()
            await work(turn)
            latencies.append(time.perf_counter() - begun)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    return latencies

"""Many operations on small files, by so many workers at once; each operation for a share of a second."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable

from benchmarks.child.attempt import attempted
from benchmarks.child.content import Pattern
from benchmarks.child.drivers import Parameters, open_store, run_in_loop
from benchmarks.child.sample import Sample
from benchmarks.child.store import Store, Target

OPERATIONS = ("put", "get", "info", "delete")


class Files:
    """Files of one size on their way through a store: put, then got, described and deleted."""

    def __init__(self, store: Store, size: int, label: str) -> None:
        self.size = size
        self.stored: list[tuple[int, str]] = []
        self._store = store
        self._label = label
        self._pattern = Pattern()

    def operation(self, name: str) -> Callable[[int], Awaitable[None]]:
        """The operation; it takes a turn's number, which stands for a file."""
        operation: Callable[[int], Awaitable[None]] = getattr(self, f"_{name}")
        return operation

    async def _put(self, turn: int) -> None:
        file_id = await self._store.put(f"{self._label}-{turn}.bin", self._pattern.at(turn * 7919, self.size))
        self.stored.append((turn, file_id))

    async def _get(self, turn: int) -> None:
        number, file_id = self._pick(turn)
        content = await self._store.get(file_id)
        if len(content) != self.size or not self._pattern.matches(number * 7919, content):
            raise ValueError(f"{len(content)} wrong bytes instead of {self.size} right ones")

    async def _info(self, turn: int) -> None:
        size = await self._store.info(self._pick(turn)[1])
        if size != self.size:
            raise ValueError(f"size {size} instead of {self.size}")

    async def _delete(self, turn: int) -> None:
        await self._store.delete(self._pick(turn)[1])

    def _pick(self, turn: int) -> tuple[int, str]:
        if not self.stored:
            raise LookupError("nothing was stored")
        return self.stored[turn % len(self.stored)]


def turns_for(seconds: float, at_least: int) -> Callable[[], int | None]:
    """Deals out numbers until the time is up, but at least so many."""
    numbers = itertools.count()
    end = time.perf_counter() + seconds

    def take() -> int | None:
        number = next(numbers)
        return number if number < at_least or time.perf_counter() < end else None

    return take


async def in_workers(
    work: Callable[[int], Awaitable[None]], take: Callable[[], int | None], workers: int
) -> list[float]:
    """Seconds that each turn took."""
    latencies: list[float] = []

    async def worker() -> None:
        while (turn := take()) is not None:
            begun = time.perf_counter()
            await work(turn)
            latencies.append(time.perf_counter() - begun)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    return latencies


async def _warm_up(store: Store, size: int, workers: int) -> None:
    """One round that is not measured, so that every worker's connection stands."""
    files = Files(store, size, f"warm{workers}")
    # What fails here fails again where it is measured.
    with contextlib.suppress(Exception):
        for name in ("put", "get", "delete"):
            await in_workers(files.operation(name), turns_for(0, workers), workers)


async def _measure(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    samples: list[Sample] = []
    size: int = parameters["size"]
    async with open_store(driver, target) as store:
        for workers, seconds in parameters["rounds"]:
            await _warm_up(store, size, workers)
            files = Files(store, size, f"c{workers}")
            for name in OPERATIONS:
                async with attempted(f"{name} c={workers}", samples) as attempt:
                    # What was put is what there is to delete, however long that takes.
                    take = turns_for(0, len(files.stored)) if name == "delete" else turns_for(seconds, workers)
                    attempt.latencies = await in_workers(files.operation(name), take, workers)
                    attempt.count = len(attempt.latencies)
                    if not attempt.count:
                        raise LookupError("nothing was stored")
                    attempt.size = attempt.count * size if name in {"put", "get"} else 0
    return samples


def run(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    return run_in_loop(driver, lambda: _measure(driver, target, parameters))

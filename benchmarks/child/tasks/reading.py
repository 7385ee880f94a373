"""One small file again and again, by several workers at once."""

import asyncio
import time

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store

_WARM_UP = 0.5


async def run(store: Store, samples: list[Sample], *, size: int, connections: int, seconds: float) -> None:
    content, file_id = Pattern().at(0, size), store.id_of("link")

    async def worker(latencies: list[float], end: float) -> None:
        while (begun := time.perf_counter()) < end:
            if await store.get(file_id) != content:
                raise ValueError("other bytes came back")
            latencies.append(time.perf_counter() - begun)

    async def all_workers(latencies: list[float], duration: float) -> None:
        end = time.perf_counter() + duration
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(worker(latencies, end))

    await all_workers([], _WARM_UP)
    async with measured(f"get c={connections}", samples) as sample:
        latencies = list[float]()
        await all_workers(latencies, seconds)
        sample.count, sample.size = len(latencies), size * len(latencies)
        sample.p99_seconds = sorted(latencies)[int(len(latencies) * 0.99)]

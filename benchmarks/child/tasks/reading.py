"""One small file again and again, by several workers at once."""

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store
from benchmarks.child.tasks.small import in_workers

_WARM_UP = 0.5


async def run(store: Store, samples: list[Sample], *, size: int, connections: int, seconds: float) -> None:
    content, file_id = Pattern().at(0, size), store.id_of("link")

    async def get(_turn: int) -> None:
        if await store.get(file_id) != content:
            raise ValueError("other bytes came back")

    await in_workers(get, connections, 0, _WARM_UP)
    async with measured(f"get c={connections}", samples) as sample:
        latencies = sorted(await in_workers(get, connections, 0, seconds))
        sample.count, sample.size = len(latencies), size * len(latencies)
        sample.p99_seconds = latencies[int(len(latencies) * 0.99)]

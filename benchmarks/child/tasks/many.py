"""Many small files: up by the library's own way to store many, down 16 at once."""

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store
from benchmarks.child.tasks.small import in_workers

_AT_ONCE = 16


async def run(store: Store, samples: list[Sample], *, size: int, count: int) -> None:
    pattern = Pattern()
    files = [(f"many-{number}.bin", pattern.at(number * 7919, size)) for number in range(count)]
    # So that connections stand, and whatever the library puts off until it is needed is there.
    await store.put_many([(f"warm-{number}.bin", b"warm") for number in range(_AT_ONCE)])
    ids: list[str] = []
    async with measured("up", samples) as sample:
        ids = await store.put_many(files)
        sample.count, sample.size = count, count * size

    async def get(turn: int) -> None:
        if await store.get(ids[turn]) != files[turn][1]:
            raise ValueError(f"wrong bytes in {files[turn][0]}")

    async with measured("down", samples) as sample:
        if not ids:
            raise LookupError("nothing was stored")
        await in_workers(get, _AT_ONCE, count, 0)
        sample.count, sample.size = count, count * size

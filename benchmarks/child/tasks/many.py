"""Many small files: up by the library's own way to store many, down 16 at once."""

import asyncio

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store

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
    turns = iter(zip(ids, files, strict=True))

    async def worker() -> None:
        for file_id, (name, content) in turns:
            if await store.get(file_id) != content:
                raise ValueError(f"wrong bytes in {name}")

    async with measured("down", samples) as sample:
        if not ids:
            raise LookupError("nothing was stored")
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(worker())
        sample.count, sample.size = count, count * size

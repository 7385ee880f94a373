"""Many small files: up by the library's own way to store many (else by workers), down by workers."""

import contextlib

from benchmarks.child.attempt import attempted
from benchmarks.child.content import Pattern
from benchmarks.child.drivers import Parameters, open_store, run_in_loop
from benchmarks.child.sample import Sample
from benchmarks.child.store import NotOfferedError, Store, Target
from benchmarks.child.tasks.small import in_workers, turns_for


async def _store_all(store: Store, files: list[tuple[str, bytes]], workers: int) -> list[str]:
    with contextlib.suppress(NotOfferedError):
        return await store.put_many(files)
    ids = [""] * len(files)

    async def put(turn: int) -> None:
        ids[turn] = await store.put(*files[turn])

    await in_workers(put, turns_for(0, len(files)), workers)
    return ids


async def _measure(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    samples: list[Sample] = []
    size, count, workers = parameters["size"], parameters["count"], parameters["workers"]
    pattern = Pattern()
    files = [(f"many-{number}.bin", pattern.at(number * 7919, size)) for number in range(count)]
    ids: list[str] = []

    async def get(turn: int) -> None:
        if await store.get(ids[turn]) != files[turn][1]:
            raise ValueError(f"wrong bytes in file {turn}")

    async with open_store(driver, target) as store:
        # So that connections stand, and whatever the library puts off until it is needed is there.
        with contextlib.suppress(Exception):
            await _store_all(store, [(f"warm-{number}.bin", b"warm") for number in range(workers)], workers)
        async with attempted("up", samples) as attempt:
            ids = await _store_all(store, files, workers)
            attempt.count, attempt.size = count, count * size
        async with attempted("down", samples) as attempt:
            if not ids:
                raise LookupError("nothing was stored")
            await in_workers(get, turns_for(0, count), workers)
            attempt.count, attempt.size = count, count * size
    return samples


def run(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    return run_in_loop(driver, lambda: _measure(driver, target, parameters))

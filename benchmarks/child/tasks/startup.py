"""From the start of the process until a first small file is stored."""

import time

from benchmarks.child.drivers import Parameters, open_store, run_in_loop
from benchmarks.child.meter import metered
from benchmarks.child.sample import Sample
from benchmarks.child.store import Target


async def _first_put(driver: str, target: Target) -> None:
    async with open_store(driver, target) as store:
        await store.put("first.bin", bytes(4096))


def run(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    with metered() as usage:
        run_in_loop(driver, lambda: _first_put(driver, target))
    # CLOCK_MONOTONIC is the same for all processes, so the runner's reading before it began this one can be used.
    seconds = time.monotonic() - parameters["begun"]
    return [
        Sample(
            "first put",
            seconds=seconds,
            count=1,
            cpu_seconds=time.process_time(),
            memory_growth=usage.memory_growth,
        )
    ]

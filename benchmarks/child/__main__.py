"""Does one job and says what it took: a JSON job comes in by standard input, JSON samples leave by standard output."""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any

from benchmarks.child.measuring import ALL_OPERATIONS, Sample, described


async def _work(job: dict[str, Any]) -> list[Sample]:
    open_store = _function("drivers", job["driver"])
    run = _function("child.tasks", job["task"])
    samples: list[Sample] = []
    async with open_store(job["target"]) as store:
        await run(store, samples, **job["parameters"])
    return samples


def _function(package: str, name: str) -> Any:
    module, _, function = name.partition(".")
    return getattr(import_module(f"benchmarks.{package}.{module}"), function)


def main() -> None:
    # Libraries may print; only the samples may reach the runner by this way.
    samples_to = os.dup(1)
    os.dup2(2, 1)
    try:
        job = json.load(sys.stdin)
        # Beside a service, on the loop that it has.
        loop_factory = import_module("uvloop").new_event_loop if job.get("uvloop") else None
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            samples = runner.run(_work(job))
    except Exception as error:  # noqa: BLE001 - whatever a peer does, its failure is the result
        samples = [Sample(ALL_OPERATIONS, error=described(error))]
    with os.fdopen(samples_to, "w") as output:
        json.dump([asdict(sample) for sample in samples], output)
    # Some libraries leave threads that hold up the end of the process for seconds.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

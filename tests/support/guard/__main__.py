"""`python -m tests.support.guard`: what small operations cost, and whether that has grown by half."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.support.guard import recorded
from tests.support.guard.costs import Cost, costs_in
from tests.support.guard.places import Place, filesystem, memory, s3

_FURTHER_ATTEMPTS = 3
_SHARED_MEMORY = Path("/dev/shm")


def _measured() -> dict[str, Cost]:
    # On one processor, so that threads and the server take turns in the same way however busy the others are.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(dir=_SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None) as folder:
        return asyncio.run(_costs_everywhere(Path(folder)))


async def _costs_everywhere(folder: Path) -> dict[str, Cost]:
    costs: dict[str, Cost] = {}
    places: list[AbstractAsyncContextManager[Place]] = [s3(), filesystem(folder), memory()]
    for opening in places:
        async with opening as place:
            costs |= await costs_in(place)
    return costs


def _measured_until(satisfied: Callable[[dict[str, Cost]], bool]) -> dict[str, Cost]:
    """The least of up to four measurements: a machine that is busy for a while only adds to costs."""
    costs = _measured()
    for _ in range(_FURTHER_ATTEMPTS):
        if satisfied(costs):
            break
        costs = {name: cost.least(costs[name]) for name, cost in _measured().items()}
    return costs


def _table(costs: dict[str, Cost]) -> str:
    lines = [f"{'':22}{'calls':>8}{'instructions':>14}{'work':>8}"]
    for name, cost in costs.items():
        lines.append(f"{name:22}{cost.calls:8.1f}{cost.instructions:14.0f}{cost.work:8.2f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.guard", description="Costs of small operations.")
    parser.add_argument("--record", action="store_true", help="keep what is measured as what `--check` compares with")
    parser.add_argument("--check", action="store_true", help="fail when a cost has grown by half since it was recorded")
    arguments = parser.parse_args()
    if arguments.check:
        before = recorded.load()
        costs = _measured_until(lambda costs: not recorded.growth(costs, before))
        sys.exit("\n".join(recorded.growth(costs, before)) or None)
    costs = _measured_until(lambda _: not arguments.record)
    sys.stdout.write(_table(costs))
    if arguments.record:
        recorded.save(costs)


if __name__ == "__main__":
    main()

"""A ledger that several processes work with, at several sizes."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from benchmarks.child.measuring import Sample, measured

BATCH = 200
"""Files of a claim, about as many as a worker with its defaults takes."""

_ROUNDS = 3
_CLAIMS = 50


class SharedLedger(Protocol):
    """What workers and people do with a ledger."""

    url: str

    async def become(self, rows: int, planned: int) -> None:
        """Go on with a ledger of so many files, of which so many at least are planned."""
        ...

    async def claim(self, worker: str, limit: int) -> int:
        """Claim files; gives how many."""
        ...

    async def complete(self) -> int:
        """Record that what was claimed last is copied; gives how many were written."""
        ...

    async def status(self) -> int:
        """What `s3py migrate status` asks for; gives how many files there are."""
        ...


type OpenLedger = AbstractAsyncContextManager[SharedLedger]


async def run(
    ledger: SharedLedger, samples: list[Sample], *, sizes: list[int], processes: int, rows: int, driver: str
) -> None:
    """Use a ledger of each size.

    Args:
        processes: So many claim and complete together.
        rows: So many files each of them, in each round.
        driver: Opens the ledger in the other processes.
    """
    for left in range(_ROUNDS, 0, -1):
        for size in sizes:  # in turns: whatever else the machine does meets all of them
            await ledger.become(size, left * (_CLAIMS * BATCH + processes * rows))
            await _claims(ledger, samples, size)
            await _together(ledger, samples, size, processes, rows, driver)
            async with measured(named("status", size), samples):
                if await ledger.status() != size:
                    raise ValueError("files are missing in the status")


async def _claims(ledger: SharedLedger, samples: list[Sample], size: int) -> None:
    """How long a claim takes, one after the other, with nobody else there."""
    sample, taken = Sample(named(f"claim of {BATCH}", size), count=_CLAIMS), list[float]()
    for _ in range(_CLAIMS):
        begun = time.perf_counter()
        claimed = await ledger.claim("alone", BATCH)
        taken.append(time.perf_counter() - begun)
        if (claimed, await ledger.complete()) != (BATCH, BATCH):
            raise ValueError("a claim was not what was asked for")
    sample.seconds, sample.p99_seconds = sum(taken), sorted(taken)[-2]
    samples.append(sample)


async def _together(
    ledger: SharedLedger, samples: list[Sample], size: int, processes: int, rows: int, driver: str
) -> None:
    workers = [_started(driver, ledger.url, rows) for _ in range(processes)]
    for worker in workers:
        assert worker.stdout is not None
        await asyncio.to_thread(worker.stdout.readline)  # its ledger is open
    async with measured(named(f"claim and complete, {processes} processes", size), samples) as sample:
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("begin\n")
            worker.stdin.flush()
        done = [json.loads((await asyncio.to_thread(worker.communicate))[0]) for worker in workers]
        sample.count = sum(done)
    if sample.count != processes * rows:
        raise ValueError(f"{sample.count} of {processes * rows} files were completed")


def _started(driver: str, url: str, rows: int) -> "subprocess.Popen[str]":
    command = (sys.executable, "-m", "benchmarks.child.ledger_worker", driver, url, str(rows))
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def named(operation: str, size: int) -> str:
    """An operation at a size."""
    return f"{operation}, {size:_} files".replace("_", " ")

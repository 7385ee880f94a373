"""A process that works with a shared ledger: says when it is ready, begins when it is told, says how much it did."""

import asyncio
import json
import os
import sys
from importlib import import_module

from benchmarks.child.tasks.shared_ledger import BATCH


async def _work(driver: str, url: str, rows: int) -> int:
    module, _, function = driver.partition(".")
    done = 0
    async with getattr(import_module(f"benchmarks.drivers.{module}"), function)({"url": url}) as ledger:
        await ledger.status()
        print("ready", flush=True)
        sys.stdin.readline()
        while done < rows and await ledger.claim(f"process {os.getpid()}", min(BATCH, rows - done)):
            done += await ledger.complete()
    return done


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_work(sys.argv[1], sys.argv[2], int(sys.argv[3])))))

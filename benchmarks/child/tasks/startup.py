"""From the start of the process until a first small file is stored; and importing the library alone."""

import asyncio
import json
import subprocess
import sys
import time

from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store

_IMPORT = """
import sys, time
cpu, begun = time.process_time(), time.perf_counter()
__import__(sys.argv[1])
print(f"[{time.perf_counter() - begun}, {time.process_time() - cpu}]")
"""


async def run(store: Store, samples: list[Sample], *, begun: float, module: str) -> None:
    async with measured("first put", samples) as sample:
        await store.put("first.bin", bytes(4096))
    # CLOCK_MONOTONIC is the same for all processes, so the runner's reading before it began this one can be used.
    sample.seconds = time.monotonic() - begun
    sample.cpu_seconds = time.process_time()
    # Isolated: nothing but the environment can be imported, and nothing has been.
    command = (sys.executable, "-I", "-c", _IMPORT, module)
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    seconds, cpu_seconds = json.loads((await process.communicate())[0])
    samples.insert(0, Sample("import", seconds=seconds, cpu_seconds=cpu_seconds))

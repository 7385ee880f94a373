"""A protocol-level cluster in a process of its own, steered by lines on its standard input.

`python -m tests.support.fastdfs auto` prints the tracker's address. `stop group1 0` and `start group1 0` are answered
with `done`. The end of the input ends the process, so it cannot outlive the tests that started it.
"""

import asyncio
import sys

from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.protocol import LONG_ADDRESS, SHORT_ADDRESS


async def serve(address_fields: str) -> None:
    async with FakeCluster(address_size=LONG_ADDRESS if address_fields == "IPv6" else SHORT_ADDRESS) as cluster:
        _say(cluster.tracker_address)
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, group, index = line.split()
            storage = cluster.group(group).storages[int(index)]
            await (storage.start() if verb == "start" else storage.stop())
            _say("done")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))

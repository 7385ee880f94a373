"""A protocol-level cluster with an event loop of its own: its tasks are not counted as the client's."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tests.support.fastdfs.cluster import FakeCluster

_START_SECONDS: Final = 10


class ClusterInThread:
    def __init__(self, cluster: FakeCluster, loop: asyncio.AbstractEventLoop) -> None:
        self.tracker_addresses = cluster.tracker_addresses
        self._cluster = cluster
        self._loop = loop

    async def ask[T](self, question: Callable[[FakeCluster], T]) -> T:
        """The answer of code that runs in the cluster's loop."""

        async def there() -> T:
            return question(self._cluster)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), self._loop))

    async def file_ids(self) -> set[str]:
        return await self.ask(lambda cluster: cluster.file_ids)

    def stop(self, event: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(event.set)


@contextmanager
def cluster_in_thread(make: Callable[[], FakeCluster] = FakeCluster) -> Iterator[ClusterInThread]:
    started: list[ClusterInThread] = []
    ready, done = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with make() as cluster:
            started.append(ClusterInThread(cluster, asyncio.get_running_loop()))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(_START_SECONDS), "the protocol-level FastDFS server did not start"
        yield started[0]
    finally:
        for cluster in started:
            cluster.stop(done)
        thread.join()

"""Every operation, cancelled at every one of its suspensions, on servers that are well, silent, slow and hostile.

It returns at once or nearly so, and leaves nothing: no file, no task, no slot of a pool, no descriptor.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, leak_guard, new_blob, read_all
from tests.support.fastdfs import Delay, FakeCluster, Fragment, GarbageHeader, Misbehaviour, StallAfter
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.suspensions import CancelledAt

_LARGE = os.urandom(1_500_000)
_SMALL = b"small"
_AT_MOST = 5.0

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]

type Operation = Callable[[FastdfsBlobStore, FileId], Coroutine[Any, Any, object]]


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 400_000):
        yield content[at : at + 400_000]
        await asyncio.sleep(0)


async def _write_sized(store: FastdfsBlobStore, _: FileId) -> object:
    return await store.write(new_blob(size=len(_LARGE)), body_of(_pieces(_LARGE), size=len(_LARGE)))


async def _write_spooled(store: FastdfsBlobStore, _: FileId) -> object:
    return await store.write(new_blob(), body_of(_pieces(_LARGE)))


async def _write_small(store: FastdfsBlobStore, _: FileId) -> object:
    return await store.write(new_blob(), body_of(_SMALL))


async def _read(store: FastdfsBlobStore, file_id: FileId) -> object:
    return await read_all(store, file_id)


async def _info(store: FastdfsBlobStore, file_id: FileId) -> object:
    return await store.info(file_id)


async def _check(store: FastdfsBlobStore, _: FileId) -> None:
    await store.check()


OPERATIONS: list[Operation] = [_write_sized, _write_spooled, _write_small, _read, _info, _check]

SERVERS: dict[str, Misbehaviour] = {
    "well": Misbehaviour(),
    "silent": StallAfter(),
    "slow": Delay(0.01),
    "in pieces": Fragment(7),
    "hostile": GarbageHeader(),
}


@pytest.fixture
def cluster() -> Iterator[ClusterInThread]:
    with cluster_in_thread(lambda: FakeCluster({"group1": 2})) as cluster:
        yield cluster


def _config(cluster: ClusterInThread) -> FastdfsConfig:
    return FastdfsConfig(
        tracker_servers=cluster.tracker_addresses, connection_pool_size=1, network_timeout=0.3, pool_timeout=1
    )


@pytest.mark.parametrize("times", [1, 3], ids=["once", "three times"])
@pytest.mark.parametrize("servers", SERVERS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__.strip("_"))
async def test_a_cancellation_anywhere_leaves_nothing(
    cluster: ClusterInThread, operation: Operation, servers: str, times: int
) -> None:
    if servers == "in pieces" and operation is _read:
        pytest.skip("a file of this size in pieces of seven bytes takes too long")
    async with FastdfsBlobStore(_config(cluster)) as store:
        file_id = (await store.write(new_blob(size=len(_LARGE)), body_of(_LARGE, size=len(_LARGE)))).file_id
        await read_all(store, file_id)
        files, descriptors = await cluster.file_ids(), _descriptors()
        await _misbehave(cluster, SERVERS[servers])
        nth, reached = 0, True
        while reached:
            nth += 1
            async with leak_guard(within=_AT_MOST):
                reached = await _cancelled(operation(store, file_id), nth, times)
            assert all(pool.free_slots == 1 for pool in store.session.pools)
            assert nth < 500
        await _misbehave(cluster, None)
        assert await read_all(store, file_id) == _LARGE
        await _eventually(cluster, files)
    assert nth > 2
    deadline = time.monotonic() + _AT_MOST
    while _descriptors() > descriptors and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert _descriptors() <= descriptors


async def _cancelled(work: Coroutine[Any, Any, object], nth: int, times: int) -> bool:
    """Cancel it there; whether it got there. What is stored without having been cancelled is deleted."""
    cancelling = CancelledAt(work, nth, times=times)

    async def run() -> object:
        return await cancelling

    began = time.monotonic()
    task = asyncio.create_task(run())
    with contextlib.suppress(asyncio.CancelledError, StorageException):
        await task
    assert time.monotonic() - began < _AT_MOST
    return cancelling.reached


async def _misbehave(cluster: ClusterInThread, how: Misbehaviour | None) -> None:
    def tell(there: FakeCluster) -> None:
        for server in [*there.trackers, *there.storages]:
            server.behave()
            if how is not None:
                server.misbehave(how, times=None)

    await cluster.ask(tell)


async def _eventually(cluster: ClusterInThread, files: set[str]) -> None:
    """What was stored by the last one, which nobody cancelled, is all that there is besides."""
    deadline = time.monotonic() + _AT_MOST
    while len(left := await cluster.file_ids() - files) > 1 and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert len(left) <= 1, left


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())

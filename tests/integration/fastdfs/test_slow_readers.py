"""Readers that take their time: they hold nothing that others need, and get everything in the end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import FakeCluster
from tests.support.recorder import Recorder
from tests.support.waiting import until

_LARGE = bytes(range(256)) * 8192

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


def _config(cluster: FakeCluster, **settings: object) -> FastdfsConfig:
    return FastdfsConfig(tracker_servers=cluster.tracker_addresses).model_copy(update=settings)


@pytest.mark.parametrize("readers", [20, pytest.param(40, marks=pytest.mark.slow)])
async def test_slow_readers_starve_nobody_and_all_get_everything(
    cluster: FakeCluster, observer: Recorder, readers: int
) -> None:
    """More readers that stand still than there are connections; more than all their buffers hold."""
    config = _config(cluster, connection_pool_size=8, pool_timeout=20)
    content = _LARGE * 4
    async with FastdfsBlobStore(config, observer) as store:
        large = (await store.write(new_blob(size=len(content)), body_of(content, size=len(content)))).file_id
        small = (await store.write(new_blob(), body_of(b"small"))).file_id
        go_on = asyncio.Event()

        async def read_slowly() -> bytes:
            pieces = []
            async with store.open(large) as blob:
                async for chunk in blob.body:
                    pieces.append(chunk)
                    if len(pieces) == 2:
                        started.append(1)
                        await go_on.wait()
            return b"".join(pieces)

        started: list[int] = []
        tasks = [asyncio.create_task(read_slowly()) for _ in range(readers)]
        for _ in range(20):
            async with asyncio.timeout(1):
                assert (await store.info(small)).size == 5
                assert await read_all(store, small) == b"small"
                assert await read_all(store, large, ByteRange(0, 9)) == content[:10]
                await store.check()
                await store.write(new_blob(), body_of(b"small as well"))
        await until(lambda: len(started) == readers, within=30)
        go_on.set()
        assert all(result == content for result in await asyncio.gather(*tasks))
        assert all(pool.free_slots == 8 for pool in store.session.pools)
    assert observer.of(DownloadResumed)


async def test_a_file_that_can_change_is_not_read_in_pieces(cluster: FakeCluster) -> None:
    config = _config(cluster, connection_pool_size=2, pool_timeout=2)
    async with FastdfsBlobStore(config) as store:
        blob = new_blob()
        appender = await store.commands.create_appender(blob, _LARGE)
        async with store.open(appender) as opened:
            first = await anext(opened.body)
            with pytest.raises(StorageUnavailableException, match="stayed in use"):
                await read_all(store, appender)
            assert first + b"".join([chunk async for chunk in opened.body]) == _LARGE


async def test_a_small_download_holds_no_connection(cluster: FakeCluster) -> None:
    async with FastdfsBlobStore(_config(cluster, connection_pool_size=1, pool_timeout=0.5)) as store:
        written = await store.write(new_blob(), body_of(_LARGE[:200_000]))
        async with store.open(written.file_id) as one, store.open(written.file_id, ByteRange(5, 99)) as other:
            assert await anext(other.body) == _LARGE[5:100]
            assert await anext(one.body) == _LARGE[:200_000]
        appender = await store.commands.create_appender(new_blob(), _LARGE[:200_000])
        async with store.open(appender) as one, store.open(appender) as other:
            assert await anext(other.body) == await anext(one.body) == _LARGE[:200_000]

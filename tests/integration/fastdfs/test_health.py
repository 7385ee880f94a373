"""Health of FastDFS is whether new files can be stored, not whether a tracker answers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from s3py_helper.testing import new_blob
from tests.support.fastdfs import AnswerStatus, Command, FakeCluster, StallAfter, Status
from tests.support.fastdfs.site import FastdfsSite

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 2}) as cluster:
        yield cluster


@pytest.fixture
async def store(cluster: FakeCluster) -> AsyncIterator[FastdfsBlobStore]:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, network_timeout=0.3, connect_timeout=0.3)
    async with FastdfsBlobStore(config) as store:
        yield store


@pytest.mark.parametrize("noticed", [True, False])
async def test_with_every_storage_dead_it_is_not_well(
    cluster: FakeCluster, store: FastdfsBlobStore, *, noticed: bool
) -> None:
    await store.check()
    for storage in cluster.storages:
        await storage.stop(noticed=noticed)
    with pytest.raises(StorageUnavailableException, match="storage server"):
        await store.check()
    for storage in cluster.storages:
        await storage.start()
    await store.check()


async def test_with_every_storage_silent_it_is_not_well(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    for storage in cluster.storages:
        storage.misbehave(StallAfter(), times=None)
    with pytest.raises(StorageUnavailableException, match="sent no byte"):
        await store.check()


async def test_one_storage_that_is_well_will_do(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    await cluster.storages[0].stop(noticed=False)
    for _ in range(4):
        await store.check()


async def test_without_room_it_is_not_well(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    cluster.trackers[0].misbehave(AnswerStatus(Status.FULL), command=Command.STORE_ANYWHERE, times=None)
    with pytest.raises(StorageOperationException, match="no space left"):
        await store.check()


async def test_only_the_group_for_new_files_counts() -> None:
    async with FakeCluster({"group1": 1, "group2": 1}) as cluster:
        await cluster.group("group2").storages[0].stop()
        config = FastdfsConfig(tracker_servers=cluster.tracker_addresses)
        async with FastdfsBlobStore(config.model_copy(update={"group_name": "group1"})) as store:
            await store.check()
        async with FastdfsBlobStore(config.model_copy(update={"group_name": "group2"})) as store:
            with pytest.raises(StorageUnavailableException):
                await store.check()


async def test_it_is_well_while_transfers_use_all_that_they_may(cluster: FakeCluster) -> None:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, connection_pool_size=2, pool_timeout=0.2)
    async with FastdfsBlobStore(config) as store, AsyncExitStack() as opened:
        for _ in range(2):  # one for each storage server
            appender = await store.commands.create_appender(new_blob(), bytes(2_000_000))
            blob = await opened.enter_async_context(store.open(appender))
            await anext(blob.body)
        for _ in range(4):
            await store.check()


async def test_the_site_is_well(fastdfs_site: FastdfsSite) -> None:
    async with FastdfsBlobStore(FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))) as store:
        await store.check()

"""Clusters with `use_storage_id`: names have a number in place of the address of the server that took the upload."""

import asyncio
from collections.abc import AsyncIterator
from math import inf

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import Command, FakeCluster
from tests.support.fastdfs.layout import FIRST_STORAGE_ID
from tests.support.fastdfs.real_site import RealSite
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 2}, uses_storage_ids=True) as cluster:
        yield cluster


@pytest.fixture(params=["source", "replicas"])
async def store(cluster: FakeCluster, request: pytest.FixtureRequest) -> AsyncIterator[FastdfsBlobStore]:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, read_from=request.param, connect_timeout=0.5)
    async with FastdfsBlobStore(config) as store:
        yield store


async def test_a_new_file_is_found_at_its_source_whatever_replica_is_asked(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    group = cluster.group("group1")
    group.replication_lag, group.is_trusted_blindly = inf, True
    written = await store.write(new_blob("neu.txt"), body_of(b"just written"))
    for _ in range(4):
        assert (await store.info(written.file_id)).file_name == "neu.txt"
        assert await read_all(store, written.file_id) == b"just written"
    await store.delete(written.file_id)
    with pytest.raises(FileNotFoundException):
        await store.info(written.file_id)


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_new_file_whose_only_server_is_down_is_not_missing_but_out_of_reach(
    cluster: FakeCluster, store: FastdfsBlobStore, *, noticed: bool
) -> None:
    group = cluster.group("group1")
    group.replication_lag = inf
    written = await store.write(new_blob(), body_of(b"not copied yet"))
    source = group.source_of(written.file_id.key.encode())
    assert source is not None
    await source.stop(noticed=noticed)
    for operation in (store.info, store.delete, lambda file_id: read_all(store, file_id)):
        with pytest.raises(StorageUnavailableException, match=source.host):
            await operation(written.file_id)
    await source.start()
    assert await read_all(store, written.file_id) == b"not copied yet"


async def test_the_servers_of_a_group_are_asked_for_seldom(cluster: FakeCluster) -> None:
    tracker = cluster.trackers[0]
    async with FastdfsBlobStore(FastdfsConfig(tracker_servers=cluster.tracker_addresses)) as store:
        written = [(await store.write(new_blob(), body_of(b"x"))).file_id for _ in range(20)]
        for file_id in written:
            await store.info(file_id)
            await read_all(store, file_id)
    assert tracker.statistics.commands[Command.LIST_STORAGES] == 1
    assert tracker.statistics.commands[Command.UPDATE] <= 4


async def test_on_a_real_server_files_come_and_go(storage_id_site: RealSite) -> None:
    config = FastdfsConfig(tracker_servers=list(storage_id_site.trackers), group_name="group1")
    async with FastdfsBlobStore(config) as store:
        written = [await store.write(new_blob("id.txt"), body_of(b"by number")) for _ in range(4)]
        sources = {name.source for info in written if (name := FastdfsName.decode(info.file_id.key))}
        assert sources == {(FIRST_STORAGE_ID + index).to_bytes(4, "little") for index in (0, 1)}
        for info in written:
            assert (await store.info(info.file_id)).file_name == "id.txt"
            assert await read_all(store, info.file_id) == b"by number"
            await store.delete(info.file_id)
            async with FastdfsBlobStore(config) as other:
                with pytest.raises(FileNotFoundException):
                    await other.info(info.file_id)


async def test_on_a_real_server_a_replica_serves_while_the_source_is_down(storage_id_site: RealSite) -> None:
    config = FastdfsConfig(tracker_servers=list(storage_id_site.trackers), group_name="group1", connect_timeout=1)
    async with FastdfsBlobStore(config) as store:
        while True:
            written = await store.write(new_blob("id.txt"), body_of(b"by number"))
            name = FastdfsName.decode(written.file_id.key)
            if name is not None and name.is_from("", str(FIRST_STORAGE_ID)):
                break
            await store.delete(written.file_id)
        copied = written.file_id.key.rpartition("/")[2]
        await until(lambda: all({copied, f"{copied}-m"} <= disk.keys() for disk in storage_id_site.on_disk("group1")))
        await asyncio.to_thread(storage_id_site.stop_storage, "group1", 0)
        try:
            assert (await store.info(written.file_id)).file_name == "id.txt"
            assert await read_all(store, written.file_id) == b"by number"
        finally:
            await asyncio.to_thread(storage_id_site.start_storage, "group1", 0)
        await store.delete(written.file_id)

"""Replicas lag behind: a file just written is found, a file just deleted is not."""

from collections import Counter
from collections.abc import AsyncIterator
from math import inf

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.testing import BytesAlone, body_of, new_blob, read_all
from tests.support.fastdfs import Command, FakeCluster, ResetAfter, TruncateAfter

_READS = 6
"""The tracker hands out the two replicas in turn."""


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 2}) as cluster:
        yield cluster


@pytest.fixture(params=["source", "replicas"])
def config(cluster: FakeCluster, request: pytest.FixtureRequest) -> FastdfsConfig:
    return FastdfsConfig(
        tracker_servers=cluster.tracker_addresses, connect_timeout=0.5, network_timeout=0.5, read_from=request.param
    )


@pytest.fixture
async def store(config: FastdfsConfig) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(config) as store:
        yield store


async def test_a_file_just_written_is_found_whatever_replica_is_asked(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    group = cluster.group("group1")
    group.replication_lag, group.is_trusted_blindly = inf, True
    written = await store.write(new_blob("neu.txt"), body_of(b"just written"))
    for _ in range(_READS):
        async with store.open(written.file_id) as blob:
            assert b"".join([chunk async for chunk in blob.body]) == b"just written"
            assert blob.info.file_name == "neu.txt"
        assert await read_all(store, written.file_id, ByteRange(0, 3)) == b"just"
        assert await read_all(BytesAlone(store), written.file_id) == b"just written"
        assert (await store.info(written.file_id)).file_name == "neu.txt"


async def test_a_name_that_has_not_reached_the_replica_comes_from_the_source(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    group = cluster.group("group1")
    group.is_trusted_blindly = True
    written = await store.write(new_blob("später.txt"), body_of(b"x"))
    source = group.source_of(written.file_id.key.encode())
    name = written.file_id.key.encode()
    for storage in group.storages:
        if storage is not source:
            storage.files[name].metadata = b""
    for _ in range(_READS):
        async with store.open(written.file_id) as blob:
            assert blob.info.file_name == "später.txt"


async def test_a_file_just_deleted_is_not_found(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    group = cluster.group("group1")
    written = await store.write(new_blob(), body_of(b"doomed"))
    group.replication_lag = inf
    await store.delete(written.file_id)
    assert cluster.file_ids == {str(written.file_id)}, "a replica has it still"
    for _ in range(_READS):
        for reader in (store, BytesAlone(store)):
            with pytest.raises(FileNotFoundException):
                await read_all(reader, written.file_id)
        with pytest.raises(FileNotFoundException):
            await store.info(written.file_id)


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_stand_in_does_not_bring_a_file_back(
    cluster: FakeCluster, store: FastdfsBlobStore, *, noticed: bool
) -> None:
    group = cluster.group("group1")
    written = await store.write(new_blob(), body_of(b"doomed"))
    group.replication_lag = inf
    source = group.source_of(written.file_id.key.encode())
    assert source is not None
    await store.delete(written.file_id)
    await source.stop(noticed=noticed)
    with pytest.raises(FileNotFoundException):
        await store.info(written.file_id)
    with pytest.raises(FileNotFoundException):
        await read_all(store, written.file_id)


async def test_a_file_deleted_by_another_process_is_described_by_nobody(
    cluster: FakeCluster, config: FastdfsConfig, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"doomed"))
    cluster.group("group1").replication_lag = inf
    await store.delete(written.file_id)
    async with FastdfsBlobStore(config) as other:
        for _ in range(_READS):
            with pytest.raises(FileNotFoundException):
                await other.info(written.file_id)


async def test_reading_from_the_source_never_gives_a_deleted_file(
    cluster: FakeCluster, config: FastdfsConfig, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"doomed"))
    cluster.group("group1").replication_lag = inf
    await store.delete(written.file_id)
    async with FastdfsBlobStore(config.model_copy(update={"read_from": "source"})) as other:
        for _ in range(_READS):
            with pytest.raises(FileNotFoundException):
                await read_all(other, written.file_id)


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_replica_serves_while_the_source_is_down(
    cluster: FakeCluster, store: FastdfsBlobStore, *, noticed: bool
) -> None:
    group = cluster.group("group1")
    written = await store.write(new_blob("here.txt"), body_of(b"still here"))
    source = group.source_of(written.file_id.key.encode())
    assert source is not None
    await source.stop(noticed=noticed)
    for _ in range(_READS):
        assert await read_all(store, written.file_id) == b"still here"
        assert (await store.info(written.file_id)).file_name == "here.txt"


async def test_a_replica_that_breaks_before_the_first_byte_is_replaced(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"unbroken"))
    source = cluster.group("group1").source_of(written.file_id.key.encode())
    for storage in cluster.storages:
        if storage is not source:
            storage.misbehave(ResetAfter(), command=Command.DOWNLOAD, times=None)
    for _ in range(_READS):
        assert await read_all(store, written.file_id) == b"unbroken"


async def test_a_file_that_has_reached_a_replica_in_part_comes_from_the_source(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"copied in part"))
    name = written.file_id.key.encode()
    source = cluster.group("group1").source_of(name)
    for storage in cluster.storages:
        if storage is not source:
            storage.files[name].content = storage.files[name].content.copy()
            storage.files[name].content.resize(6)
    for _ in range(_READS):
        assert await read_all(store, written.file_id) == b"copied in part"
        assert await read_all(store, written.file_id, ByteRange(0, 9)) == b"copied in "


async def test_a_deletion_goes_to_the_stand_in_once_the_source_is_known_to_be_down(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"doomed"))
    source = cluster.group("group1").source_of(written.file_id.key.encode())
    assert source is not None
    await source.stop(noticed=False)
    with pytest.raises(StorageUnavailableException):
        await store.delete(written.file_id)
    source.is_announced = False
    await store.delete(written.file_id)


async def test_a_replica_that_breaks_in_mid_body_is_an_error(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    written = await store.write(new_blob(), body_of(bytes(1_000_000)))
    for storage in cluster.storages:
        storage.misbehave(TruncateAfter(500_000), command=Command.DOWNLOAD)
    with pytest.raises(StorageUnavailableException, match="before the end of its reply"):
        await read_all(store, written.file_id)


async def test_with_all_storages_down_the_file_is_not_missing_but_out_of_reach(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"x"))
    for storage in cluster.storages:
        await storage.stop()
    with pytest.raises(StorageUnavailableException, match="those of the group are down"):
        await read_all(store, written.file_id)


async def test_a_new_file_whose_only_server_is_down_is_not_missing_but_out_of_reach(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    group = cluster.group("group1")
    group.replication_lag = inf
    written = await store.write(new_blob(), body_of(b"not copied yet"))
    source = group.source_of(written.file_id.key.encode())
    assert source is not None
    await source.stop()
    for operation in (store.info, store.delete, lambda file_id: read_all(store, file_id)):
        with pytest.raises(StorageUnavailableException, match=source.host):
            await operation(written.file_id)
    await source.start()
    assert await read_all(store, written.file_id) == b"not copied yet"


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_new_file_whose_name_is_out_of_reach_is_served_without_it(
    cluster: FakeCluster, store: FastdfsBlobStore, *, noticed: bool
) -> None:
    group = cluster.group("group1")
    written = await store.write(new_blob("later.txt"), body_of(b"copied, its name not yet"))
    name = written.file_id.key.encode()
    source = group.source_of(name)
    assert source is not None
    for storage in group.storages:
        if storage is not source:
            storage.files[name].metadata = b""
    await source.stop(noticed=noticed)
    assert (await store.info(written.file_id)).size == written.size
    assert await read_all(store, written.file_id) == b"copied, its name not yet"
    await source.start()
    assert (await store.info(written.file_id)).file_name == "later.txt"


async def test_where_the_source_is_reached_is_asked_once_a_second(cluster: FakeCluster) -> None:
    tracker, config = cluster.trackers[0], FastdfsConfig(tracker_servers=cluster.tracker_addresses)
    async with FastdfsBlobStore(config) as store:
        written = [(await store.write(new_blob(), body_of(b"x"))).file_id for _ in range(10)]
        for file_id in written:
            assert await read_all(store, file_id) == b"x"
            await store.info(file_id)
        assert tracker.statistics.commands[Command.UPDATE] <= len(cluster.storages) + 2
        assert tracker.statistics.commands[Command.FETCH_ONE] == 0


async def test_replicas_share_the_reads_of_a_file_where_that_is_wished(cluster: FakeCluster) -> None:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, read_from="replicas")
    async with FastdfsBlobStore(config) as store:
        written = await store.write(new_blob(), body_of(b"popular"))
        for _ in range(_READS):
            await read_all(store, written.file_id)
    assert [storage.statistics.commands[Command.DOWNLOAD] for storage in cluster.storages] == [_READS // 2] * 2


@pytest.mark.parametrize("byte_range", [None, ByteRange(2, 5)], ids=str)
async def test_the_bytes_alone_take_one_request_to_a_storage_server(
    cluster: FakeCluster, store: FastdfsBlobStore, byte_range: ByteRange | None
) -> None:
    written = await store.write(new_blob("a.txt"), body_of(b"0123456789"))
    for storage in cluster.storages:
        storage.statistics.commands.clear()
    assert await read_all(BytesAlone(store), written.file_id, byte_range)
    asked = sum((storage.statistics.commands for storage in cluster.storages), Counter[int]())
    assert asked == {Command.DOWNLOAD: 1}

"""What is replaced, failed over, resumed or done without is reported to the observer, and nothing else is."""

from collections.abc import AsyncIterator
from math import inf

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import AnswerStatus, Command, FakeCluster, ResetAfter, Status
from tests.support.fastdfs.storage import StorageServer
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 2}, trackers=2) as cluster:
        yield cluster


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


def _store(cluster: FakeCluster, observer: Recorder, **settings: object) -> FastdfsBlobStore:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, connect_timeout=0.5, network_timeout=0.5)
    return FastdfsBlobStore(config.model_copy(update=settings), observer)


def _source_of(cluster: FakeCluster, file_id: FileId) -> StorageServer:
    source = cluster.group("group1").source_of(file_id.key.encode())
    assert source is not None
    return source


def _other(cluster: FakeCluster, storage: StorageServer) -> StorageServer:
    [other] = [server for server in cluster.storages if server is not storage]
    return other


@pytest.mark.parametrize("read_from", ["source", "replicas"])
async def test_nothing_is_reported_while_all_is_well(cluster: FakeCluster, observer: Recorder, read_from: str) -> None:
    async with _store(cluster, observer, read_from=read_from) as store:
        for size in (3, 2_000_000):
            written = await store.write(new_blob(), body_of(bytes(size)))
            assert len(await read_all(store, written.file_id)) == size
            await store.info(written.file_id)
            await store.delete(written.file_id)
            with pytest.raises(FileNotFoundException):
                await store.delete(written.file_id)
        await store.check()
    assert not observer.events


async def test_a_tracker_that_is_down_is_reported_with_the_one_asked_instead(
    cluster: FakeCluster, observer: Recorder
) -> None:
    down, up = cluster.trackers
    await down.stop()
    while not observer.events:  # which of them is asked first is left to chance
        async with _store(cluster, observer, tracker_servers=[down.address, up.address]) as store:
            await store.check()
    [event] = observer.of(FailedOver)
    assert (event.backend, event.server, event.instead) == ("fastdfs", down.address, up.address)
    assert "no connection" in event.reason


async def test_a_group_that_nobody_knows_is_no_failure_of_a_tracker(cluster: FakeCluster, observer: Recorder) -> None:
    async with _store(cluster, observer) as store:
        with pytest.raises(StorageUnavailableException):
            await store.info(FileId.parse("group9/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt"))
    assert not observer.events


@pytest.mark.parametrize("read_from", ["source", "replicas"])
async def test_a_source_that_is_down_is_reported_with_the_one_asked_instead(
    cluster: FakeCluster, observer: Recorder, read_from: str
) -> None:
    async with _store(cluster, observer, read_from=read_from) as store:
        written = await store.write(new_blob(), body_of(b"x"))
        source = _source_of(cluster, written.file_id)
        other = _other(cluster, source)
        await source.stop(noticed=False)
        for _ in range(2):  # replicas are asked in turn
            assert await read_all(store, written.file_id) == b"x"
            await store.info(written.file_id)
    assert {(event.server, event.instead) for event in observer.of(FailedOver)} == {(source.address, other.address)}


async def test_a_replica_that_is_behind_is_reported_with_the_source(cluster: FakeCluster, observer: Recorder) -> None:
    group = cluster.group("group1")
    group.replication_lag, group.is_trusted_blindly = inf, True
    async with _store(cluster, observer, read_from="replicas") as store:
        written = await store.write(new_blob(), body_of(b"x"))
        source = _source_of(cluster, written.file_id)
        for _ in range(2):
            await read_all(store, written.file_id)
    [event] = observer.of(FailedOver)
    assert (event.server, event.instead) == (_other(cluster, source).address, source.address)


async def test_a_replica_that_breaks_is_reported_with_the_source(cluster: FakeCluster, observer: Recorder) -> None:
    async with _store(cluster, observer, read_from="replicas") as store:
        written = await store.write(new_blob(), body_of(b"x"))
        source = _source_of(cluster, written.file_id)
        _other(cluster, source).misbehave(ResetAfter(), command=Command.DOWNLOAD, times=None)
        for _ in range(2):
            await read_all(store, written.file_id)
    [event] = observer.of(FailedOver)
    assert (event.server, event.instead) == (_other(cluster, source).address, source.address)


async def test_an_upload_that_goes_elsewhere_is_reported(cluster: FakeCluster, observer: Recorder) -> None:
    await cluster.storages[0].stop(noticed=False)
    async with _store(cluster, observer) as store:
        for _ in range(2):
            await store.write(new_blob(), body_of(b"x"))
    assert {event.server for event in observer.of(FailedOver)} == {cluster.storages[0].address}


async def test_a_tracker_that_cannot_list_a_group_is_done_without(cluster: FakeCluster, observer: Recorder) -> None:
    for tracker in cluster.trackers:
        tracker.misbehave(AnswerStatus(Status.INVALID), command=Command.LIST_STORAGES, times=None)
    async with _store(cluster, observer) as store:
        written = await store.write(new_blob(), body_of(b"x"))
        await _source_of(cluster, written.file_id).stop()
        assert await read_all(store, written.file_id) == b"x"
    [event] = observer.of(FallbackTaken)
    assert "group1" in event.what

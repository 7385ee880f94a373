"""No operation takes longer than it may, whatever its servers do: silent ones, slow ones, a byte now and then."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, Role
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient, seconds_to_read
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import Command, Delay, Drip, FakeCluster, StallAfter
from tests.support.fastdfs.server import ProtocolServer

_MIB = 1024 * 1024

pytestmark = pytest.mark.timeout(60)

type Operation = Callable[[FastdfsBlobStore, FileId], Awaitable[object]]

OPERATIONS: dict[str, Operation] = {
    "info": lambda store, file_id: store.info(file_id),
    "delete": lambda store, file_id: store.delete(file_id),
    "read": read_all,
    "check": lambda store, _: store.check(),
    "write": lambda store, _: store.write(new_blob(), body_of(b"x")),
    "metadata": lambda store, file_id: store.commands.metadata(file_id),
    "set metadata": lambda store, file_id: store.commands.set_metadata(file_id, {"a": "b"}, merge=True),
}


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 2}, trackers=3) as cluster:
        yield cluster


def _config(cluster: FakeCluster, **settings: float) -> FastdfsConfig:
    return FastdfsConfig(tracker_servers=cluster.tracker_addresses, pool_timeout=0.1).model_copy(update=settings)


async def _stored(cluster: FakeCluster, content: bytes = b"stored") -> BlobInfo:
    async with FastdfsBlobStore(_config(cluster)) as store:
        blob = new_blob(metadata={"key": "v" * 200})
        return await store.write(blob, body_of(content))


def _servers(cluster: FakeCluster, role: Role) -> list[ProtocolServer]:
    return [*cluster.trackers] if role is Role.TRACKER else [*cluster.storages]


@pytest.mark.slow
@pytest.mark.parametrize("frozen", list(Role), ids=str)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_servers_that_are_frozen_end_an_operation_in_time(
    cluster: FakeCluster, frozen: Role, operation: str
) -> None:
    written = await _stored(cluster)
    for server in _servers(cluster, frozen):
        server.misbehave(StallAfter(), times=None)
    patient = _config(cluster, network_timeout=2 if operation == "write" else 30, operation_timeout=0.5)
    async with FastdfsBlobStore(patient) as store:
        began = time.monotonic()
        with pytest.raises(StorageUnavailableException, match=r"did not finish within|sent no byte") as late:
            await OPERATIONS[operation](store, written.file_id)
        assert time.monotonic() - began < 5
        assert all(pool.free_slots == 64 for pool in store.session.pools)
    assert late.value.retryable


@pytest.mark.slow
@pytest.mark.parametrize("dripping", list(Role), ids=str)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_reply_that_drips_in_ends_like_one_that_does_not_come(
    cluster: FakeCluster, dripping: Role, operation: str
) -> None:
    written = await _stored(cluster)
    for server in _servers(cluster, dripping):
        server.misbehave(Drip(pause=0.15), times=None)
    async with FastdfsBlobStore(_config(cluster, network_timeout=0.25, operation_timeout=50)) as store:
        began = time.monotonic()
        with pytest.raises(StorageUnavailableException, match="did not finish its reply in time"):
            await OPERATIONS[operation](store, written.file_id)
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("after", [0, 10, 700_000])
async def test_a_file_that_drips_in_ends(cluster: FakeCluster, after: int) -> None:
    written = await _stored(cluster, bytes(2 * _MIB))
    for storage in cluster.storages:
        storage.misbehave(Drip(pause=0.02, after=after), command=Command.DOWNLOAD, times=None)
    async with FastdfsBlobStore(_config(cluster, network_timeout=0.3, operation_timeout=50)) as store:
        began = time.monotonic()
        with pytest.raises(StorageUnavailableException, match=r"sent only \d+ bytes in|did not finish its reply"):
            await read_all(store, written.file_id)
        assert time.monotonic() - began < 20


async def test_a_file_that_moves_slowly_is_read_to_its_end(cluster: FakeCluster) -> None:
    content = bytes(2 * _MIB)
    written = await _stored(cluster, content)
    for storage in cluster.storages:
        storage.misbehave(Drip(pause=0.05, after=2 * _MIB - 30), command=Command.DOWNLOAD, times=None)
    async with FastdfsBlobStore(_config(cluster, network_timeout=0.3)) as store:
        assert await read_all(store, written.file_id) == content


async def test_a_cancellation_at_the_deadline_is_still_a_cancellation(cluster: FakeCluster) -> None:
    written = await _stored(cluster)
    cluster.trackers[0].misbehave(StallAfter(), times=None)
    config = _config(cluster, network_timeout=30, operation_timeout=30)
    async with FastdfsBlobStore(config.model_copy(update={"tracker_servers": [cluster.tracker_address]})) as store:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await store.info(written.file_id)


async def test_what_a_server_has_to_read_first_gets_the_time_that_takes(cluster: FakeCluster) -> None:
    storage = cluster.storages[0]
    storage.misbehave(Delay(0.6), command=Command.REGENERATE)
    storage.misbehave(Delay(0.6), command=Command.QUERY_INFO)
    pool = ConnectionPool(
        Peer(Role.STORAGE, Address.parse(storage.address)),
        LoggingObserver(),
        Dialer(),
        size=1,
        pool_timeout=1,
        connect_timeout=1,
        network_timeout=0.2,
    )
    missing = "M00/00/00/" + "A" * 34
    async with await pool.get_connection() as connection:
        client = StorageClient(connection, "group1")
        with pytest.raises(ConnectionFault, match=r"sent no byte within 0\.2 s"):
            await client.stat(missing)
    async with await pool.get_connection() as connection:
        with pytest.raises(Exception, match="status 2"):
            await StorageClient(connection, "group1").regenerate(missing, 64 * _MIB)
        storage.misbehave(StallAfter(), command=Command.REGENERATE)
        began = time.monotonic()
        with pytest.raises(ConnectionFault, match=r"sent no byte within 0\.7 s"):
            await StorageClient(connection, "group1").regenerate(missing, 8 * _MIB)
        assert time.monotonic() - began < 3
    pool.close()


def test_a_large_file_is_given_minutes() -> None:
    assert 60 < seconds_to_read(1024 * _MIB) < 600

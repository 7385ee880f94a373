"""Servers and callers that misbehave: a clear error in bounded time, and the next operation on the same pool is right.

Each case made aiofdfs' own connection or pool spin, hang, leak, or hand the answer of one call to another.
"""

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, ProtocolFault, Role
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.adapters.fastdfs.protocol.tracker_client import TrackerClient
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import StorageException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import StalledSource, body_of, new_blob, read_all
from tests.support.fastdfs import (
    AnswerStatus,
    Command,
    Delay,
    FakeCluster,
    Fragment,
    GarbageHeader,
    Misbehaviour,
    RejectUpload,
    ResetAfter,
    StallAfter,
    Status,
    StopReading,
    TruncateAfter,
)
from tests.support.fastdfs.black_hole import black_hole
from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.fastdfs.storage import StorageServer
from tests.support.fastdfs.tracker import TrackerServer
from tests.support.fastdfs.wire import Wire

_LARGE = os.urandom(2_000_000)
_PATIENCE = 5.0
_TIMEOUT = 0.4


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    """One server of each kind: what it does, everybody sees."""
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
def storage(cluster: FakeCluster) -> StorageServer:
    return cluster.storages[0]


@pytest.fixture
def tracker(cluster: FakeCluster) -> TrackerServer:
    return cluster.trackers[0]


@pytest.fixture
async def store(cluster: FakeCluster) -> AsyncIterator[FastdfsBlobStore]:
    """One connection to each server: whatever an operation leaves on it meets the next one."""
    async with FastdfsBlobStore(_config(cluster.tracker_addresses)) as store:
        yield store


def _config(trackers: list[str], *, pool_size: int = 1) -> FastdfsConfig:
    return FastdfsConfig(
        tracker_servers=trackers,
        connect_timeout=_TIMEOUT,
        network_timeout=_TIMEOUT,
        pool_timeout=_PATIENCE,
        connection_pool_size=pool_size,
        read_from="replicas",  # which asks a tracker each time
    )


async def _stored(store: FastdfsBlobStore, content: bytes = _LARGE) -> BlobInfo:
    return await store.write(new_blob(size=len(content)), body_of(content, size=len(content)))


@pytest.mark.parametrize("end", [TruncateAfter(700_000), ResetAfter(700_000), StallAfter(700_000)], ids=repr)
async def test_a_download_that_ends_early_is_an_error(
    store: FastdfsBlobStore, storage: StorageServer, end: TruncateAfter
) -> None:
    written = await _stored(store)
    storage.misbehave(end, command=Command.DOWNLOAD)
    async with asyncio.timeout(_PATIENCE):
        with pytest.raises(StorageUnavailableException, match=r"bytes before the end|sent no byte"):
            await read_all(store, written.file_id)
    assert await read_all(store, written.file_id) == _LARGE


@dataclass(frozen=True)
class _NoMetadataAndGone(Misbehaviour):
    """Say that a file has no metadata, and close the connection behind that."""

    async def send(self, reply: Reply, wire: Wire) -> None:
        await wire.send(next(Reply(Status.MISSING).pieces()))
        await wire.close()


async def test_a_connection_that_ends_between_two_requests_is_replaced(
    store: FastdfsBlobStore, storage: StorageServer
) -> None:
    written = await _stored(store)
    for _ in range(5):
        storage.misbehave(_NoMetadataAndGone(), command=Command.GET_METADATA)
        async with asyncio.timeout(_PATIENCE):
            assert (await store.info(written.file_id)).size == len(_LARGE)


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_replies_in_fragments_are_put_together(
    store: FastdfsBlobStore, storage: StorageServer, tracker: TrackerServer, size: int
) -> None:
    storage.misbehave(Fragment(size), times=None)
    tracker.misbehave(Fragment(size), times=None)
    content = os.urandom(5_000)
    written = await store.write(new_blob("дроби.txt"), body_of(content))
    assert await read_all(store, written.file_id) == content
    assert (await store.info(written.file_id)).file_name == "дроби.txt"
    await store.delete(written.file_id)


async def test_an_upload_to_a_server_that_stops_reading_ends(store: FastdfsBlobStore, storage: StorageServer) -> None:
    storage.misbehave(StopReading(1_000), command=Command.UPLOAD)
    content = bytes(30_000_000)
    began = time.monotonic()
    with pytest.raises(StorageUnavailableException, match=f"took no byte within {_TIMEOUT:g} s"):
        await _stored(store, content)
    assert time.monotonic() - began < _PATIENCE
    assert await read_all(store, (await _stored(store, b"next")).file_id) == b"next"


async def test_an_upload_that_is_stuck_can_be_cancelled(cluster: FakeCluster, storage: StorageServer) -> None:
    storage.misbehave(StopReading(1_000), command=Command.UPLOAD)
    async with FastdfsBlobStore(_config(cluster.tracker_addresses).model_copy(update={"network_timeout": 60})) as store:
        uploading = asyncio.create_task(_stored(store, bytes(30_000_000)))
        await _until(lambda: storage.statistics.commands[Command.UPLOAD])
        uploading.cancel()
        async with asyncio.timeout(_PATIENCE):
            with pytest.raises(asyncio.CancelledError):
                await uploading
        assert await read_all(store, (await _stored(store, b"next")).file_id) == b"next"


async def test_an_answer_that_comes_too_late_reaches_nobody() -> None:
    async with FakeCluster({"group1": 1, "group2": 1}) as cluster:
        config = _config(cluster.tracker_addresses)
        async with FastdfsBlobStore(config) as store:
            first, second = [await _in_group(config, group, group.encode()) for group in ("group1", "group2")]
            tracker = cluster.trackers[0]
            tracker.misbehave(Delay(_TIMEOUT * 1.5), command=Command.FETCH_ONE)
            with pytest.raises(StorageUnavailableException, match="sent no byte"):
                await read_all(store, first.file_id)
            for _ in range(3):
                assert await read_all(store, second.file_id) == b"group2"
                assert await read_all(store, first.file_id) == b"group1"


async def test_the_answer_to_a_cancelled_query_reaches_nobody() -> None:
    async with FakeCluster({"group1": 1, "group2": 1}) as cluster:
        config = _config(cluster.tracker_addresses)
        async with FastdfsBlobStore(config) as store:
            first, second = [await _in_group(config, group, group.encode()) for group in ("group1", "group2")]
            tracker = cluster.trackers[0]
            seen = tracker.statistics.commands[Command.FETCH_ONE]
            tracker.misbehave(Delay(_TIMEOUT / 4), command=Command.FETCH_ONE)
            reading = asyncio.create_task(read_all(store, first.file_id))
            await _until(lambda: tracker.statistics.commands[Command.FETCH_ONE] > seen)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert await read_all(store, second.file_id) == b"group2"
            assert await read_all(store, first.file_id) == b"group1"


async def _in_group(config: FastdfsConfig, group: str, content: bytes) -> BlobInfo:
    async with FastdfsBlobStore(config.model_copy(update={"group_name": group})) as store:
        return await _stored(store, content)


async def test_a_request_that_the_client_breaks_off_does_not_reach_the_next_one(tracker: TrackerServer) -> None:
    pool = _pool(tracker.address)
    client = TrackerClient(pool, -1)
    with pytest.raises(struct.error):
        # aiofdfs sends the header of this one, then fails to pack a group that is not bytes.
        await client.tracker_list_one_group("group1")  # type: ignore[no-untyped-call]  # that is the point
    async with asyncio.timeout(_PATIENCE):
        assert (await client.tracker_query_storage_stor_without_group()).group_name == b"group1"  # type: ignore[comparison-overlap]  # aiofdfs' annotation is wrong
    pool.close()


async def test_a_request_longer_than_announced_is_stopped_here(tracker: TrackerServer) -> None:
    pool = _pool(tracker.address)
    async with await pool.get_connection() as connection:
        with pytest.raises(ProtocolFault, match="3 bytes more than its header announced"):
            await connection.send(struct.pack("!QBB", 4, Command.ACTIVE_TEST, 0) + b"1234567")
    await TrackerClient(pool, -1).tracker_query_storage_stor_without_group()
    pool.close()


async def test_connections_that_die_leave_no_waiter_behind(cluster: FakeCluster, storage: StorageServer) -> None:
    async with FastdfsBlobStore(_config(cluster.tracker_addresses, pool_size=2)) as store:
        written = await _stored(store)
        storage.misbehave(StallAfter(100_000), command=Command.DOWNLOAD, times=None)
        readers = [asyncio.create_task(read_all(store, written.file_id)) for _ in range(5)]
        await _until(lambda: storage.statistics.commands[Command.DOWNLOAD] >= 2)
        await storage.stop(noticed=False)
        async with asyncio.timeout(_PATIENCE):
            outcomes = await asyncio.gather(*readers, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {StorageUnavailableException}
        storage.behave()
        await storage.start()
        assert await read_all(store, written.file_id) == _LARGE


async def test_connecting_to_a_black_hole_delays_nobody_else() -> None:
    with black_hole() as address:
        async with FastdfsBlobStore(_config([address], pool_size=6)) as store:
            began = time.monotonic()
            outcomes = await asyncio.gather(*(store.check() for _ in range(6)), return_exceptions=True)
            assert time.monotonic() - began < 3 * _TIMEOUT
        assert {type(outcome) for outcome in outcomes} == {StorageUnavailableException}


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_downloads_that_are_given_up_leak_nothing(
    cluster: FakeCluster, store: FastdfsBlobStore, how: str
) -> None:
    written = await _stored(store)
    await read_all(store, written.file_id)
    await _until(lambda: cluster.open_connections <= 2)
    before = _descriptors()
    for _ in range(20):
        if how == "closed":
            async with store.open(written.file_id) as blob:
                await anext(blob.body)
        else:
            reading = asyncio.create_task(_read_one_chunk_and_wait(store, written.file_id))
            await asyncio.sleep(0.005)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
    assert await read_all(store, written.file_id) == _LARGE
    await _until(lambda: cluster.open_connections <= 2)
    assert _descriptors() <= before


async def _read_one_chunk_and_wait(store: FastdfsBlobStore, file_id: FileId) -> None:
    async with store.open(file_id) as blob:
        await anext(blob.body)
        await asyncio.Event().wait()


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_upload_rejected_in_mid_body_says_why(runner) -> None:  # type: ignore[no-untyped-def]  # two overloads
    with cluster_in_thread(lambda: FakeCluster({"group1": 1})) as cluster:
        runner(_rejected_uploads(cluster))


async def _rejected_uploads(cluster: ClusterInThread) -> None:
    async with FastdfsBlobStore(_config(cluster.tracker_addresses)) as store, asyncio.timeout(30):
        for after in (0, 1, 100_000, 1_500_000) * 5:
            await cluster.ask(
                lambda there, after=after: there.storages[0].misbehave(  # type: ignore[misc]  # a default binds it
                    RejectUpload(after, Status.FULL), command=Command.UPLOAD
                )
            )
            with pytest.raises(StorageOperationException, match="no space left"):
                await _stored(store, bytes(8_000_000))
            assert await read_all(store, (await _stored(store, b"next")).file_id) == b"next"


async def test_everything_works_under_uvloop() -> None:
    def run() -> None:
        with cluster_in_thread() as cluster:
            uvloop.run(_one_of_each(cluster))

    await asyncio.to_thread(run)


async def _one_of_each(cluster: ClusterInThread) -> None:
    async with FastdfsBlobStore(_config(cluster.tracker_addresses, pool_size=4)) as store, asyncio.timeout(30):
        for size in (None, len(_LARGE)):
            written = await store.write(new_blob(size=size), body_of(_LARGE, size=size))
            for content in await asyncio.gather(*(read_all(store, written.file_id) for _ in range(12))):
                assert content == _LARGE
            reading = asyncio.create_task(_read_one_chunk_and_wait(store, written.file_id))
            await asyncio.sleep(0.01)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await store.delete(written.file_id)


@pytest.mark.parametrize("role", [Role.TRACKER, Role.STORAGE])
async def test_garbage_is_not_taken_for_an_answer(
    store: FastdfsBlobStore, storage: StorageServer, tracker: TrackerServer, role: Role
) -> None:
    written = await _stored(store)
    (tracker if role is Role.TRACKER else storage).misbehave(GarbageHeader(), times=3)
    with pytest.raises(StorageOperationException, match="does not begin with a header of FastDFS"):
        await store.info(written.file_id)
    storage.behave()
    tracker.behave()
    assert (await store.info(written.file_id)).size == len(_LARGE)


async def test_a_refusal_keeps_the_connection(store: FastdfsBlobStore, storage: StorageServer) -> None:
    written = await _stored(store)
    accepted = storage.statistics.accepted
    storage.misbehave(AnswerStatus(Status.FULL), command=Command.GET_METADATA, times=1)
    with pytest.raises(StorageOperationException, match="status 28"):
        await store.info(written.file_id)
    assert (await store.info(written.file_id)).size == len(_LARGE)
    assert storage.statistics.accepted == accepted


@dataclass(frozen=True, slots=True)
class AnnounceAndRefuse(Misbehaviour):
    """What 6.16.1 does when a file is deleted between being found and being opened: a length, and no bytes for it."""

    async def receive(self, request: Request, wire: Wire) -> None:
        async for _ in request.pieces():
            pass
        raise Refusal(Status.MISSING)

    async def send(self, reply: Reply, wire: Wire) -> None:
        await wire.send(struct.pack("!QBB", 44, Command.REPLY, reply.status))


@pytest.mark.parametrize("command", [Command.GET_METADATA, Command.DOWNLOAD])
async def test_an_announced_reply_that_never_comes_is_not_waited_for(
    store: FastdfsBlobStore, storage: StorageServer, command: Command
) -> None:
    written = await _stored(store)
    await read_all(store, written.file_id)
    storage.misbehave(AnnounceAndRefuse(), command=command, times=None)
    began = time.monotonic()
    with pytest.raises(StorageException):
        await read_all(store, written.file_id)
    assert time.monotonic() - began < _TIMEOUT
    storage.behave()
    storage.misbehave(AnnounceAndRefuse(), command=Command.GET_METADATA)
    assert await read_all(store, written.file_id) == _LARGE, "a pooled connection is tried once more"


async def test_a_restarted_server_is_met_on_a_new_connection(
    store: FastdfsBlobStore, storage: StorageServer, tracker: TrackerServer
) -> None:
    written = await _stored(store)
    for server in (storage, tracker):
        await server.stop()
        await server.start()
    assert await read_all(store, written.file_id) == _LARGE


async def test_a_silent_server_is_given_up_after_the_timeout(store: FastdfsBlobStore, storage: StorageServer) -> None:
    written = await _stored(store)
    storage.misbehave(StallAfter(), times=None)
    began = time.monotonic()
    with pytest.raises(StorageUnavailableException, match=f"sent no byte within {_TIMEOUT:g} s"):
        await store.info(written.file_id)
    assert time.monotonic() - began < 3 * _TIMEOUT
    storage.behave()
    assert await read_all(store, written.file_id) == _LARGE


async def test_a_slow_transfer_is_not_a_dead_one(store: FastdfsBlobStore) -> None:
    pieces = [b"one ", b"after ", b"the ", b"other"]
    written = await store.write(new_blob(size=19), body_of(_slowly(pieces), size=19))
    assert await read_all(store, written.file_id) == b"one after the other"


async def _slowly(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(_TIMEOUT * 0.7)
        yield piece


async def test_a_pool_in_use_is_waited_for_only_so_long(cluster: FakeCluster) -> None:
    config = _config(cluster.tracker_addresses).model_copy(update={"pool_timeout": 0.2})
    async with FastdfsBlobStore(config) as store:
        written = await _stored(store)
        async with store.open(written.file_id) as blob:
            await anext(blob.body)
            with pytest.raises(StorageUnavailableException, match="all 1 connections stayed in use"):
                await read_all(store, written.file_id)
        assert await read_all(store, written.file_id) == _LARGE


async def test_closing_ends_what_is_under_way(cluster: FakeCluster, storage: StorageServer) -> None:
    async with asyncio.timeout(_PATIENCE):
        async with FastdfsBlobStore(_config(cluster.tracker_addresses)) as store:
            written = await _stored(store)
            storage.misbehave(StallAfter(100), command=Command.DOWNLOAD, times=None)
            readers = [asyncio.create_task(read_all(store, written.file_id)) for _ in range(3)]
            source = StalledSource([b"x"])
            writing = asyncio.create_task(store.write(new_blob(size=2_000_000), body_of(source, size=2_000_000)))
            await _until(lambda: storage.statistics.commands[Command.DOWNLOAD])
        for outcome in await asyncio.gather(*readers, return_exceptions=True):
            assert isinstance(outcome, StorageOperationException)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    await _until(lambda: cluster.open_connections == 0)


async def test_a_closed_pool_answers_everybody_who_waits(storage: StorageServer) -> None:
    pool = _pool(storage.address)
    held = await pool.get_connection()
    waiting = [asyncio.create_task(pool.get_connection()) for _ in range(3)]
    await asyncio.sleep(0)
    pool.close()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all("have been closed" in str(outcome) for outcome in outcomes)
    with pytest.raises(ConnectionFault):
        await held.send(struct.pack("!QBB", 0, Command.ACTIVE_TEST, 0))
    held.release()


def _pool(address: str) -> ConnectionPool:
    peer = Peer(Role.TRACKER, Address.parse(address))
    return ConnectionPool(
        peer, LoggingObserver(), Dialer(), size=1, pool_timeout=1, connect_timeout=1, network_timeout=_TIMEOUT
    )


async def _until(condition: Callable[[], object]) -> None:
    """The servers share this event loop, but set no event."""
    async with asyncio.timeout(_PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())

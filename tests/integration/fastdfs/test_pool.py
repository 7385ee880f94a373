"""Connections that are kept: found dead, shared by slow and quick users, and given back whatever happens."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol import pool as pool_module
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, PoolClosed, PoolExhausted, Role
from s3py_helper.adapters.fastdfs.protocol.messages import ACTIVE_TEST, ask
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.observer import ConnectionReplaced, DownloadResumed, PoolWaited
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.events import RecordingObserver
from tests.support.fastdfs import Command, FakeCluster
from tests.support.fastdfs.black_hole import black_hole
from tests.support.fastdfs.storage import StorageServer
from tests.support.waiting import until

_TIMEOUT = 0.5
_LARGE = bytes(range(256)) * 8192

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
def storage(cluster: FakeCluster) -> StorageServer:
    return cluster.storages[0]


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
async def pool(storage: StorageServer, observer: RecordingObserver) -> AsyncIterator[ConnectionPool]:
    pool = _pool(storage.address, observer, size=4)
    yield pool
    assert pool.free_slots == 4
    pool.close()


def _pool(address: str, observer: RecordingObserver, *, size: int, pool_timeout: float = 5) -> ConnectionPool:
    return ConnectionPool(
        Peer(Role.STORAGE, Address.parse(address)),
        observer,
        Dialer(),
        size=size,
        pool_timeout=pool_timeout,
        connect_timeout=_TIMEOUT,
        network_timeout=_TIMEOUT,
    )


def _config(cluster: FakeCluster, **settings: object) -> FastdfsConfig:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, network_timeout=_TIMEOUT)
    return config.model_copy(update=settings)


async def _filled(pool: ConnectionPool, count: int) -> None:
    """Leave so many used connections idle."""
    connections = [await pool.get_connection() for _ in range(count)]
    for connection in connections:
        await ask(connection, ACTIVE_TEST)
        connection.release()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the pool's clock on."""
    offset = [0.0]
    monkeypatch.setattr(pool_module, "monotonic", lambda: time.monotonic() + offset[0])

    def move(seconds: float) -> None:
        offset[0] += seconds

    return move


async def test_connections_that_were_forgotten_on_the_way_cost_one_timeout_together(
    cluster: FakeCluster, storage: StorageServer, observer: RecordingObserver
) -> None:
    async with FastdfsBlobStore(_config(cluster), observer) as store:
        written = await store.write(new_blob(), body_of(b"still here"))
        await asyncio.gather(*(store.info(written.file_id) for _ in range(26)))
        assert storage.statistics.open > 5
        storage.forget_connections()
        began = time.monotonic()
        for _ in range(26):
            assert (await store.info(written.file_id)).size == 10
        assert time.monotonic() - began < 5 * _TIMEOUT
    assert [event.server for event in observer.of(ConnectionReplaced)] == [storage.address]


@pytest.mark.parametrize("operation", ["info", "read", "delete"])
async def test_a_forgotten_connection_fails_nobody_whose_work_may_be_repeated(
    cluster: FakeCluster, storage: StorageServer, operation: str
) -> None:
    async with FastdfsBlobStore(_config(cluster)) as store:
        written = await store.write(new_blob(), body_of(_LARGE))
        cluster.trackers[0].forget_connections()
        storage.forget_connections()
        if operation == "info":
            assert (await store.info(written.file_id)).size == len(_LARGE)
        elif operation == "read":
            assert await read_all(store, written.file_id) == _LARGE
        else:
            await store.delete(written.file_id)
            assert not cluster.file_ids


async def test_an_old_connection_is_tested_before_it_is_used(
    pool: ConnectionPool, storage: StorageServer, clock: Callable[[float], None]
) -> None:
    await _filled(pool, 1)
    clock(6)
    async with await pool.get_connection() as connection:
        await ask(connection, ACTIVE_TEST)
    assert storage.statistics.accepted == 1
    assert storage.statistics.commands[Command.ACTIVE_TEST] == 3


async def test_an_upload_after_an_outage_meets_no_dead_connection(
    cluster: FakeCluster, storage: StorageServer, observer: RecordingObserver, clock: Callable[[float], None]
) -> None:
    async with FastdfsBlobStore(_config(cluster), observer) as store:
        await store.write(new_blob(), body_of(b"before"))
        storage.forget_connections()
        clock(6)
        written = await store.write(new_blob(), body_of(b"after"))
        assert await read_all(store, written.file_id) == b"after"
    assert [event.server for event in observer.of(ConnectionReplaced)] == [storage.address]


async def test_what_has_been_idle_for_too_long_is_closed_and_not_even_tested(
    pool: ConnectionPool, storage: StorageServer, observer: RecordingObserver, clock: Callable[[float], None]
) -> None:
    await _filled(pool, 3)
    clock(51)
    async with await pool.get_connection() as connection:
        await ask(connection, ACTIVE_TEST)
    assert storage.statistics.accepted == 4
    await until(lambda: storage.statistics.open == 1)
    assert not observer.events


async def test_what_a_rush_left_over_is_closed_after_a_while(
    pool: ConnectionPool, storage: StorageServer, clock: Callable[[float], None]
) -> None:
    await _filled(pool, 4)
    for _ in range(30):
        clock(2)
        async with await pool.get_connection() as connection:
            await ask(connection, ACTIVE_TEST)
    await until(lambda: storage.statistics.open == 1)


async def test_a_test_that_is_cancelled_gives_everything_back(
    pool: ConnectionPool, storage: StorageServer, clock: Callable[[float], None]
) -> None:
    await _filled(pool, 1)
    storage.forget_connections()
    clock(6)
    getting = asyncio.create_task(pool.get_connection())
    await asyncio.sleep(0.05)
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting
    assert pool.free_slots == 4
    await until(lambda: storage.statistics.open == 0)


async def test_a_connection_that_is_closed_meanwhile_is_replaced(
    pool: ConnectionPool, storage: StorageServer, observer: RecordingObserver
) -> None:
    await _filled(pool, 2)
    await storage.stop()
    await storage.start()
    async with await pool.get_connection() as connection:
        await ask(connection, ACTIVE_TEST)
    assert len(observer.of(ConnectionReplaced)) == 2


async def test_a_slot_comes_back_when_connecting_fails_or_is_cancelled(observer: RecordingObserver) -> None:
    with black_hole() as address:
        pool = _pool(address, observer, size=2)
        for _ in range(3):
            with pytest.raises(ConnectionFault, match="no connection within"):
                await pool.get_connection(long=True)
        for _ in range(3):
            getting = asyncio.create_task(pool.get_connection())
            await asyncio.sleep(0.02)
            assert pool.free_slots == 1
            getting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await getting
        assert pool.free_slots == 2
        pool.close()


async def test_a_slot_comes_back_when_the_server_refuses(observer: RecordingObserver) -> None:
    async with FakeCluster({"group1": 1}) as cluster:
        address = cluster.storages[0].address
    pool = _pool(address, observer, size=2)
    for _ in range(5):
        with pytest.raises(ConnectionFault, match="no connection"):
            await pool.get_connection()
    assert pool.free_slots == 2
    pool.close()


async def test_transfers_leave_slots_to_short_requests(storage: StorageServer, observer: RecordingObserver) -> None:
    pool = _pool(storage.address, observer, size=16, pool_timeout=0.2)
    held = [await pool.get_connection(long=True) for _ in range(14)]
    with pytest.raises(PoolExhausted, match="all 16 connections stayed in use"):
        await pool.get_connection(long=True)
    for _ in range(3):
        async with await pool.get_connection() as connection:
            await ask(connection, ACTIVE_TEST)
    for connection in held:
        connection.release()
    assert pool.free_slots == 16
    assert [event.server for event in observer.of(PoolWaited)] == [storage.address]
    pool.close()


async def test_one_who_waits_gets_the_next_slot_and_those_cancelled_none(
    storage: StorageServer, observer: RecordingObserver
) -> None:
    pool = _pool(storage.address, observer, size=2)
    held = [await pool.get_connection(), await pool.get_connection()]
    waiting = [asyncio.create_task(pool.get_connection(long=bool(number % 2))) for number in range(6)]
    await asyncio.sleep(0.02)
    for task in waiting[:3]:
        task.cancel()
    for connection in held:
        connection.release()
    for task in waiting[3:]:
        (await task).release()
    await asyncio.gather(*waiting[:3], return_exceptions=True)
    assert pool.free_slots == 2
    assert len(observer.of(PoolWaited)) == 6
    pool.close()


async def test_a_slot_given_to_one_who_is_cancelled_in_that_moment_is_not_lost(
    storage: StorageServer, observer: RecordingObserver
) -> None:
    pool = _pool(storage.address, observer, size=1)
    held = await pool.get_connection()
    waiting = asyncio.create_task(pool.get_connection())
    await asyncio.sleep(0.02)
    held.release()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.free_slots == 1
    pool.close()


async def test_closing_twice_does_nothing_and_closes_for_good(
    storage: StorageServer, observer: RecordingObserver
) -> None:
    pool = _pool(storage.address, observer, size=1)
    await _filled(pool, 1)
    pool.close()
    pool.close()
    with pytest.raises(PoolClosed):
        await pool.get_connection()


async def test_a_pool_closed_while_one_connects_keeps_nothing(
    storage: StorageServer, observer: RecordingObserver
) -> None:
    pool = _pool(storage.address, observer, size=1)
    getting = asyncio.create_task(pool.get_connection())
    await asyncio.sleep(0)
    pool.close()
    with pytest.raises(PoolClosed):
        await getting
    await until(lambda: storage.statistics.open == 0)


@pytest.mark.parametrize("readers", [20, 40])
async def test_slow_readers_starve_nobody_and_all_get_everything(
    cluster: FakeCluster, observer: RecordingObserver, readers: int
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


async def test_no_pool_waits_for_a_server_that_is_slow_to_connect() -> None:
    with black_hole() as dead:
        async with FakeCluster({"group1": 1}) as cluster:
            config = FastdfsConfig(tracker_servers=[dead, cluster.tracker_address], connect_timeout=_TIMEOUT)
            async with FastdfsBlobStore(config) as store:
                began = time.monotonic()
                await asyncio.gather(*(store.check() for _ in range(100)))
                assert time.monotonic() - began < 4 * _TIMEOUT


async def test_one_look_up_serves_all_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo

    async def counted(host: str, port: int, **options: int) -> object:
        asked.append(host)
        await asyncio.sleep(0.05)
        return await look_up(host, port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", counted)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    async with server:
        dialer = Dialer()
        address = Address("localhost", server.sockets[0].getsockname()[1])
        tasks = [asyncio.create_task(dialer.connect(address)) for _ in range(20)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        for task in tasks[1:]:
            (await task).close()
        assert asked == ["localhost"]
        (await dialer.connect(address)).close()
        assert asked == ["localhost"] * 2


async def test_a_failed_look_up_fails_all_and_is_not_remembered() -> None:
    dialer = Dialer()
    for _ in range(2):
        tasks = [dialer.connect(Address("name.invalid", 22122)) for _ in range(3)]
        assert all(isinstance(error, OSError) for error in await asyncio.gather(*tasks, return_exceptions=True))

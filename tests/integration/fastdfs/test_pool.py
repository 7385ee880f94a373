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
from s3py_helper.application.ports.observer import ConnectionReplaced, PoolWaited
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import Command, FakeCluster
from tests.support.fastdfs.black_hole import black_hole
from tests.support.fastdfs.storage import StorageServer
from tests.support.recorder import Recorder
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
def observer() -> Recorder:
    return Recorder()


@pytest.fixture
async def pool(storage: StorageServer, observer: Recorder) -> AsyncIterator[ConnectionPool]:
    pool = _pool(storage.address, observer, size=4)
    yield pool
    assert pool.free_slots == 4
    pool.close()


def _pool(address: str, observer: Recorder, *, size: int, pool_timeout: float = 5) -> ConnectionPool:
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
    cluster: FakeCluster, storage: StorageServer, observer: Recorder
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
    pool: ConnectionPool, storage: StorageServer, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_TEST_TIMEOUT", 0.3)
    await _filled(pool, 1)
    clock(6)
    async with await pool.get_connection() as connection:
        await ask(connection, ACTIVE_TEST)
        assert connection.channel.timeout == _TIMEOUT, "the test itself is over sooner"
    assert storage.statistics.accepted == 1
    assert storage.statistics.commands[Command.ACTIVE_TEST] == 3


async def test_an_upload_after_an_outage_meets_no_dead_connection(
    cluster: FakeCluster, storage: StorageServer, observer: Recorder, clock: Callable[[float], None]
) -> None:
    async with FastdfsBlobStore(_config(cluster), observer) as store:
        await store.write(new_blob(), body_of(b"before"))
        storage.forget_connections()
        clock(6)
        written = await store.write(new_blob(), body_of(b"after"))
        assert await read_all(store, written.file_id) == b"after"
    assert [event.server for event in observer.of(ConnectionReplaced)] == [storage.address]


async def test_what_has_been_idle_for_too_long_is_closed_and_not_even_tested(
    pool: ConnectionPool, storage: StorageServer, observer: Recorder, clock: Callable[[float], None]
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
    pool: ConnectionPool, storage: StorageServer, observer: Recorder
) -> None:
    await _filled(pool, 2)
    await storage.stop()
    await storage.start()
    async with await pool.get_connection() as connection:
        await ask(connection, ACTIVE_TEST)
    assert len(observer.of(ConnectionReplaced)) == 2


async def test_a_slot_comes_back_when_connecting_fails_or_is_cancelled(observer: Recorder) -> None:
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


async def test_a_slot_comes_back_when_the_server_refuses(observer: Recorder) -> None:
    async with FakeCluster({"group1": 1}) as cluster:
        address = cluster.storages[0].address
    pool = _pool(address, observer, size=2)
    for _ in range(5):
        with pytest.raises(ConnectionFault, match="no connection"):
            await pool.get_connection()
    assert pool.free_slots == 2
    pool.close()


async def test_transfers_leave_slots_to_short_requests(storage: StorageServer, observer: Recorder) -> None:
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
    storage: StorageServer, observer: Recorder
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
    storage: StorageServer, observer: Recorder
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


async def test_closing_twice_does_nothing_and_closes_for_good(storage: StorageServer, observer: Recorder) -> None:
    pool = _pool(storage.address, observer, size=1)
    await _filled(pool, 1)
    pool.close()
    pool.close()
    with pytest.raises(PoolClosed):
        await pool.get_connection()


async def test_a_pool_closed_while_one_connects_keeps_nothing(storage: StorageServer, observer: Recorder) -> None:
    pool = _pool(storage.address, observer, size=1)
    getting = asyncio.create_task(pool.get_connection())
    await asyncio.sleep(0)
    pool.close()
    with pytest.raises(PoolClosed):
        await getting
    await until(lambda: storage.statistics.open == 0)


async def test_no_pool_waits_for_a_server_that_is_slow_to_connect() -> None:
    with black_hole() as dead:
        async with FakeCluster({"group1": 1}) as cluster:
            config = FastdfsConfig(tracker_servers=[dead, cluster.tracker_address], connect_timeout=_TIMEOUT)
            async with FastdfsBlobStore(config) as store:
                began = time.monotonic()
                await asyncio.gather(*(store.check() for _ in range(100)))
                assert time.monotonic() - began < 4 * _TIMEOUT

"""What belongs to a session, and what of it ends with its event loop."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable

import pytest

from s3py_helper.adapters.fastdfs.deadline import within
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, PoolClosed, PoolExhausted
from s3py_helper.adapters.fastdfs.protocol.messages import ACTIVE_TEST, ask
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import reply
from tests.support.fastdfs.scripted_cluster import OTHER, SOURCE, TRACKER, ScriptedCluster, appender, server

pytestmark = pytest.mark.timeout(30)

_STORAGE = Address(SOURCE, 23000)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ScriptedCluster:
    cluster = ScriptedCluster(monkeypatch)
    cluster.on(SOURCE, Command.ACTIVE_TEST, reply(b"pong"))
    return cluster


async def _ping(connection: FramedConnection) -> bytes:
    return await ask(connection, ACTIVE_TEST)


def _times(cluster: ScriptedCluster) -> list[int]:
    """How often each connection was used."""
    return [len(channel.sent) for channel in cluster.channels]


async def test_times_follow_from_the_settings(cluster: ScriptedCluster) -> None:
    session = FastdfsSession(cluster.config(operation_timeout=7, pool_timeout=4), cluster.observer)
    assert (session.operation_timeout, session.opening_timeout) == (7, 11)
    config = cluster.config(connect_timeout=5, network_timeout=6, pool_timeout=4, connection_pool_size=3)
    session = FastdfsSession(config, cluster.observer)
    session.open()
    connection = await session.storage(_STORAGE).get_connection()
    assert connection.channel.timeout == 6
    pool = session.storage(_STORAGE)
    assert (pool._connect_timeout, pool._pool_timeout) == (5, 4)  # noqa: SLF001 - to wait for them would take seconds
    assert (session.pool_use().in_use, session.pool_use().limit) == (1, 3)
    await session.tracker(Address(TRACKER, 22122)).get_connection()
    assert (session.pool_use().in_use, session.pool_use().limit) == (2, 6)
    connection.release()
    await session.close()


async def test_a_server_is_reached_where_the_map_says(cluster: ScriptedCluster) -> None:
    session = FastdfsSession(cluster.config(address_map={"127.9.9.9": SOURCE}), cluster.observer)
    session.open()
    assert await session.talk(Address("127.9.9.9", 23000), _ping) == b"pong"
    assert [pool.peer.address for pool in session.pools] == [_STORAGE]
    await session.close()


@pytest.mark.parametrize("way", ["talk", "begin"])
@pytest.mark.parametrize(
    ("stale", "fails", "tries"), [(True, 1, 2), (True, 2, 2), (False, 1, 1)], ids=["stale", "stale twice", "silent"]
)
async def test_work_is_done_once_more_only_over_a_connection_that_was_not_dead(
    cluster: ScriptedCluster, way: str, *, stale: bool, fails: int, tries: int
) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)
    session.open()
    done: list[FramedConnection] = []

    async def work(connection: FramedConnection) -> str:
        done.append(connection)
        if len(done) <= fails:
            raise ConnectionFault(connection.peer, "it closed the connection", stale=stale)
        return "done"

    doing: Callable[[Address, Callable[[FramedConnection], Awaitable[str]]], Awaitable[str]] = getattr(session, way)
    if fails < tries:
        assert await doing(_STORAGE, work) == "done"
        assert session.pool_use().in_use == (way == "begin"), "its result owns the connection"
    else:
        with pytest.raises(ConnectionFault):
            await doing(_STORAGE, work)
        assert session.pool_use().in_use == 0
    assert len(done) == tries
    await session.close()


async def test_what_lasts_leaves_a_reserve_and_what_is_short_uses_it(cluster: ScriptedCluster) -> None:
    session = FastdfsSession(cluster.config(connection_pool_size=2, pool_timeout=0.02), cluster.observer)
    session.open()

    async def keep(connection: FramedConnection) -> FramedConnection:
        return connection

    await session.begin(_STORAGE, keep)
    assert await session.talk(_STORAGE, _ping) == b"pong"
    with pytest.raises(PoolExhausted, match="all 2 connections stayed in use"):
        await session.begin(_STORAGE, keep)
    await session.close()


async def test_work_that_is_cancelled_keeps_no_connection(cluster: ScriptedCluster) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)
    session.open()

    async def for_ever(connection: FramedConnection) -> None:
        await asyncio.Event().wait()

    for doing in (session.talk(_STORAGE, for_ever), session.begin(_STORAGE, for_ever)):
        task = asyncio.ensure_future(doing)
        await asyncio.sleep(0)
        assert session.pool_use().in_use == 1
        task.cancel()
        await asyncio.wait([task])
        assert session.pool_use().in_use == 0
    await session.close()


async def test_closing_waits_for_clean_up_and_forgets_every_pool(cluster: ScriptedCluster) -> None:
    session, cleaned = FastdfsSession(cluster.config(), cluster.observer), list[bytes]()
    session.open()

    async def clean() -> None:
        await asyncio.sleep(0)
        cleaned.append(await session.talk(_STORAGE, _ping))

    session.clean_up.start("fastdfs", "a file", clean)
    await session.tracker(Address(TRACKER, 22122)).get_connection()
    await session.close()
    await session.close()
    assert cleaned == [b"pong"]
    assert session.pools == []
    assert all(channel.is_closed or channel.was_aborted for channel in cluster.channels)
    with pytest.raises(PoolClosed, match="the store is not open"):
        session.limit(1)
    with pytest.raises(PoolClosed, match="the store is not open"):
        session.storage(_STORAGE)


async def test_one_that_was_closed_and_opened_again_takes_clean_up_again(cluster: ScriptedCluster) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)
    for _ in range(2):
        session.open()
        with pytest.raises(PoolClosed, match="open already"):
            session.open()
        task = session.clean_up.start("fastdfs", "a file", lambda: session.talk(_STORAGE, _ping))
        assert task is not None, "else it would be reported"
        await session.close()
    assert cluster.observer.of(RollbackFailed) == []


def test_what_ended_with_its_loop_is_released_by_whoever_opens_it_next(cluster: ScriptedCluster) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)

    async def leave_open() -> None:
        session.open()
        await session.storage(_STORAGE).get_connection()
        await session.tracker(Address(TRACKER, 22122)).get_connection()

    async def use() -> None:
        session.open()
        assert session.pools == []
        assert await session.talk(_STORAGE, _ping) == b"pong"
        await session.close()

    asyncio.run(leave_open())
    asyncio.run(use())
    assert [channel.is_closed for channel in cluster.channels] == [True] * 3


async def test_a_forked_process_uses_no_connection_of_its_parent(
    cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)
    session.open()
    await session.storage(_STORAGE).get_connection()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(PoolClosed, match="opened before this process was forked"):
        session.storage(Address("127.0.0.8", 23000))
    await session.close()
    [channel] = cluster.channels
    assert (channel.is_closed, channel.was_aborted) == (True, False), "its parent goes on with the other end"
    assert session.pools == []


@pytest.mark.parametrize("server_", ["storage", "tracker"])
def test_a_pool_of_another_loop_is_not_used_here(cluster: ScriptedCluster, server_: str) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)

    def pool() -> object:
        return session.storage(_STORAGE) if server_ == "storage" else session.tracker(Address(TRACKER, 22122))

    async def at_home() -> object:
        return pool()

    async def abroad() -> None:
        with pytest.raises(PoolClosed, match="opened in another event loop: open one in each"):
            pool()
        with pytest.raises(PoolClosed, match="opened in another event loop: open one in each"):
            session.limit(1)
        with pytest.raises(PoolClosed, match="opened in another event loop: close it there"):
            await session.close()

    async def opened() -> object:
        session.open()
        return pool()

    with asyncio.Runner() as home, asyncio.Runner() as other:
        first = home.run(opened())
        other.run(abroad())
        assert home.run(at_home()) is first
        home.run(session.close())


class TestHealth:
    """Whether new files can be stored."""

    @pytest.mark.parametrize(("down", "well"), [(0, True), (1, True), (2, True), (3, False)])
    async def test_one_of_three_servers_that_are_named_responds(
        self, cluster: ScriptedCluster, down: int, *, well: bool
    ) -> None:
        cluster.refuses = {OTHER}
        hosts = [OTHER] * down + [SOURCE]
        cluster.on(TRACKER, Command.STORE_ANYWHERE, *(server(host, with_path=True) for host in hosts))
        async with FastdfsBlobStore(cluster.config(), cluster.observer) as store:
            if well:
                await store.check()
                assert cluster.asked[-1] == f"active_test@{SOURCE}"
            else:
                with pytest.raises(StorageUnavailableException, match="no connection: Connection refused"):
                    await store.check()
            assert cluster.asked.count("store_anywhere") == min(3, down + 1)

    async def test_one_that_refuses_is_not_well(self, cluster: ScriptedCluster) -> None:
        cluster.on(SOURCE, Command.ACTIVE_TEST, reply(status=28))
        async with FastdfsBlobStore(cluster.config()) as store:
            with pytest.raises(StorageOperationException, match="has no space left"):
                await store.check()
        assert cluster.asked.count("store_anywhere") == 1


class _Late:
    """A time limit that is over when its block ends."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        raise TimeoutError


@pytest.mark.parametrize("file_id", [appender(), None])
async def test_an_operation_that_takes_too_long_says_which(
    cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch, file_id: FileId | None
) -> None:
    session = FastdfsSession(cluster.config(), cluster.observer)
    monkeypatch.setattr(session, "limit", lambda _seconds: _Late())
    text = None if file_id is None else str(file_id)
    subject = "info" if text is None else f"info of {text}"
    told = f"^{re.escape(subject)}: the servers did not finish within 7 s$"
    with pytest.raises(StorageUnavailableException, match=told) as late, within(session, 7, "info", file_id):
        pass
    assert (late.value.operation, late.value.file_id, late.value.backend) == ("info", text, Backend.FASTDFS)


async def test_an_operation_of_a_closed_store_says_which(cluster: ScriptedCluster) -> None:
    store = FastdfsBlobStore(cluster.config(), cluster.observer)
    with pytest.raises(StorageOperationException, match=r"^info of group1/.* the store is not open") as closed:
        await store.info(appender())
    assert (closed.value.operation, closed.value.file_id) == ("info", str(appender()))

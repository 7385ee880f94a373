"""Which connections are kept, tested, replaced and closed, and that no slot is lost; nothing is connected to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from s3py_helper.adapters.fastdfs.protocol import pool as module
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, PoolClosed, PoolExhausted
from s3py_helper.adapters.fastdfs.protocol.messages import ACTIVE_TEST, ask
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.application.ports.observer import ConnectionReplaced, PoolWaited
from s3py_helper.domain.file_id import Backend
from tests.support.fastdfs.scripted_channel import PEER, ScriptedChannel
from tests.support.fastdfs.scripted_channel import reply as answer
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

_SERVER = "127.0.0.9:23000"


class Site:
    """A pool, its clock, and the channels that it has made.

    Attributes:
        now: The pool's clock.
        channels: In the order in which they were made.
        connecting: What connecting does; by default it succeeds.
        asked: Servers that were connected to.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
        self.now = 1000.0
        self.channels: list[ScriptedChannel] = []
        self.connecting: Callable[[], Awaitable[None]] = self._at_once
        self.asked: list[object] = []
        self.observer = Recorder()
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "Channel", self._channel)
        self.pool = ConnectionPool(
            PEER,
            self.observer,
            cast("Dialer", self),
            size=size,
            pool_timeout=5,
            connect_timeout=0.02,
            network_timeout=3,
        )

    async def connect(self, address: object) -> None:
        self.asked.append(address)
        await self.connecting()

    async def _at_once(self) -> None:
        """It is there."""

    def _channel(self, _socket: object, timeout: float) -> ScriptedChannel:
        self.channels.append(ScriptedChannel(*[answer(b"pong")] * 3, timeout=timeout))
        return self.channels[-1]

    async def idle(self, count: int, *, apart: float = 0.0) -> list[ScriptedChannel]:
        """Leave so many used ones idle, each released so many seconds after the one before it."""
        connections = [await self.pool.get_connection() for _ in range(count)]
        for number, connection in enumerate(connections):
            self.now += apart if number else 0
            await ask(connection, ACTIVE_TEST)
            connection.release()
        return [self.channel_of(connection) for connection in connections]

    async def next_channel(self) -> ScriptedChannel:
        return self.channel_of(await self.pool.get_connection())

    @staticmethod
    def channel_of(connection: FramedConnection) -> ScriptedChannel:
        return cast("ScriptedChannel", connection.channel)

    @property
    def replaced(self) -> list[str]:
        events = self.observer.of(ConnectionReplaced)
        assert {(event.backend, event.server) for event in events} <= {(Backend.FASTDFS, _SERVER)}
        return [event.reason for event in events]

    def closed(self) -> list[int]:
        return [number for number, channel in enumerate(self.channels) if channel.is_closed]


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch, size=4)


async def test_a_new_one_is_made_only_where_none_is_idle_and_the_last_is_used_first(site: Site) -> None:
    first, second = await site.idle(2)
    assert await site.next_channel() is second
    assert await site.next_channel() is first
    assert await site.next_channel() is site.channels[2]
    assert site.asked == [PEER.address] * 3
    assert site.pool.free_slots == 1
    assert (first.timeout, site.replaced) == (3, [])


@pytest.mark.parametrize("long", [True, False])
async def test_a_connection_that_is_not_between_two_exchanges_is_closed(site: Site, *, long: bool) -> None:
    connection = await site.pool.get_connection(long=long)
    await connection.send(bytes(7) + b"\x09" + bytes([ACTIVE_TEST, 0]) + b"half")
    connection.release()
    connection.release()
    assert site.closed() == [0]
    assert site.pool.free_slots == 4, "once, however often it is released"
    longs = [await site.pool.get_connection(long=True) for _ in range(3)]
    assert site.pool.free_slots == 1
    assert len(longs) == 3, "the reserve is as it was"


async def test_those_of_another_rush_expire_at_the_other_end(site: Site) -> None:
    first, second, third = await site.idle(3, apart=20)
    site.now += 11
    connection = await site.pool.get_connection()
    assert site.channel_of(connection) is third
    await ask(connection, ACTIVE_TEST)
    connection.release()
    assert [channel.is_closed for channel in (first, second, third)] == [True, False, False]
    assert site.replaced == []


@pytest.mark.parametrize(
    ("seconds", "quiet", "responds", "used_again", "closed", "why"),
    [
        (5.0, True, True, True, [], []),
        (5.1, True, True, True, [], []),
        (50.0, True, True, True, [], []),
        (50.1, True, True, False, [0, 1], []),
        (1.0, False, True, False, [1], ["the peer had closed it, or sent unsolicited bytes"]),
        (6.0, True, False, False, [0, 1], ["it did not answer"]),
    ],
)
async def test_an_idle_one_is_used_again_if_it_is_young_quiet_and_responds(
    site: Site, *, seconds: float, quiet: bool, responds: bool, used_again: bool, closed: list[int], why: list[str]
) -> None:
    other, last = await site.idle(2)
    last.quiet = quiet
    if not responds:
        last._replies.clear()  # noqa: SLF001 - of the script
    asked = len(last.sent)
    site.now += seconds
    found = await site.next_channel()
    assert (found is last) is used_again
    assert (found is other) is (not used_again and closed[:1] != [0])
    assert site.closed() == closed
    assert site.replaced == why
    tested = 5.0 < seconds <= 50.0
    assert len(last.sent) - asked == tested
    if tested:
        assert last.notes[-1] == "waits 1 + 0", "a test is over sooner than other exchanges"
        assert last.timeout == (3 if responds else 1)


async def test_a_slow_network_makes_no_test_longer_and_a_quick_one_makes_it_shorter(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.pool, "_network_timeout", 0.5)
    [channel] = await site.idle(1)
    site.now += 6
    assert await site.next_channel() is channel
    assert channel.notes[-1] == "waits 0.5 + 0"
    assert channel.timeout == 0.5


async def test_a_test_that_is_cancelled_closes_what_it_tested(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def for_ever(*_: object) -> None:
        await asyncio.Event().wait()

    await site.idle(1)
    site.now += 6
    monkeypatch.setattr(module, "ask", for_ever)
    getting = asyncio.ensure_future(site.pool.get_connection())
    await asyncio.sleep(0)
    getting.cancel()
    await asyncio.wait([getting])
    assert getting.cancelled()
    assert (site.closed(), site.pool.free_slots) == ([0], 4)


async def test_one_that_turns_out_to_be_dead_takes_the_idle_ones_along(site: Site) -> None:
    other, _ = await site.idle(2)
    connection = await site.pool.get_connection()
    site.channel_of(connection)._replies.clear()  # noqa: SLF001 - of the script
    with pytest.raises(ConnectionFault) as fault:
        await ask(connection, ACTIVE_TEST)
    assert fault.value.stale
    assert not other.is_closed
    connection.release()
    assert site.closed() == [0, 1]
    assert site.replaced == ["the peer, or a firewall on the way, had dropped it"]
    connection = await site.pool.get_connection()
    site.channel_of(connection)._replies.clear()  # noqa: SLF001 - of the script
    with pytest.raises(ConnectionFault) as fault:
        await ask(connection, ACTIVE_TEST)
    assert not fault.value.stale, "a new one that is silent says that the server is"
    connection.release()
    assert len(site.replaced) == 1


@pytest.mark.parametrize("long", [True, False])
@pytest.mark.parametrize(
    ("failure", "told"),
    [(ConnectionRefusedError(111, "Connection refused"), "no connection: Connection refused"),
     (None, "no connection within 0.02 s")],
    ids=["refused", "silent"],
)  # fmt: skip
async def test_a_server_that_cannot_be_reached_costs_no_slot(
    site: Site, failure: OSError | None, told: str, *, long: bool
) -> None:
    async def fails() -> None:
        if failure is None:
            await asyncio.Event().wait()
        else:
            raise failure

    site.connecting = fails
    with pytest.raises(ConnectionFault) as raised:
        await site.pool.get_connection(long=long)
    assert (raised.value.message, raised.value.stale, raised.value.peer) == (told, False, PEER)
    site.connecting = site._at_once  # noqa: SLF001 - as it was
    assert [await site.pool.get_connection(long=True) for _ in range(3)]
    assert site.pool.free_slots == 1


async def test_all_callers_learn_that_a_pool_is_closed(site: Site) -> None:
    go_on = asyncio.Event()
    await site.idle(1)
    used = [await site.pool.get_connection() for _ in range(3)]
    await ask(used[0], ACTIVE_TEST)

    async def slowly() -> None:
        await go_on.wait()

    site.connecting = slowly
    calls = [asyncio.ensure_future(site.pool.get_connection(long=long)) for long in (False, False, True)]
    await asyncio.sleep(0)
    site.pool.close()
    site.pool.close()
    go_on.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [PoolClosed] * 3
    assert [channel.was_aborted for channel in site.channels] == [True, True, True, False]
    for connection in used:
        connection.release()
    assert site.closed() == [0, 1, 2, 3], "nothing is kept"
    with pytest.raises(PoolClosed):
        await site.pool.get_connection()


async def test_those_who_wait_learn_it_although_nobody_releases_anything(site: Site) -> None:
    used = [await site.pool.get_connection() for _ in range(4)]
    calls = [asyncio.ensure_future(site.pool.get_connection(long=long)) for long in (False, True)]
    await asyncio.sleep(0)
    site.pool.close()
    outcomes = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 1)
    assert [type(outcome) for outcome in outcomes] == [PoolClosed] * 2
    assert not any(connection.is_reusable for connection in used)


async def test_closing_drops_what_is_idle(site: Site) -> None:
    await site.idle(3)
    site.pool.close()
    assert site.closed() == [0, 1, 2]


async def test_a_deserted_pool_closes_what_is_in_use_and_wakes_nobody(site: Site) -> None:
    await site.idle(2)
    await site.pool.get_connection()
    site.pool.close(deserted=True)
    assert site.closed() == [0, 1]
    assert not any(channel.was_aborted for channel in site.channels)


async def test_who_has_waited_is_told_with_the_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    used = [await site.pool.get_connection() for _ in range(4)]
    getting = asyncio.ensure_future(site.pool.get_connection())
    await asyncio.sleep(0)
    site.now += 1.5
    used[0].release()
    await getting
    monkeypatch.setattr(site.pool, "_pool_timeout", 0.01)
    with pytest.raises(
        PoolExhausted, match=r"all 4 connections stayed in use for 0\.01 s; read downloads to their end, or raise"
    ):
        await site.pool.get_connection()
    assert site.observer.events == [PoolWaited(Backend.FASTDFS, _SERVER, 1.5), PoolWaited(Backend.FASTDFS, _SERVER, 0)]
    assert site.pool.free_slots == 0


async def test_those_that_stand_still_are_asked_as_long_as_others_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_DEMAND_INTERVAL", 0.001)
    site, now, asked = Site(monkeypatch, size=6), asyncio.get_running_loop().time(), list[int]()
    used = [await site.pool.get_connection() for _ in range(6)]

    def asking(number: int) -> Callable[[], None]:
        def ask_for_it() -> None:
            asked.append(number)
            used[number].release()

        return ask_for_it

    for number, still_for in enumerate((1.5, 3, 2, 0.5)):
        used[number].stands_still_since = now - still_for
        used[number].on_demand = asking(number)
    first = [asyncio.ensure_future(site.pool.get_connection()) for _ in range(2)]
    await asyncio.gather(*first)
    assert asked == [1, 2], "as many as wait, and who has stood still for longest first"
    await until(lambda: cast("Any", site.pool)._demand is None)  # noqa: SLF001 - it looks no more
    second = asyncio.ensure_future(site.pool.get_connection())
    third = asyncio.ensure_future(site.pool.get_connection())
    await second
    assert asked == [1, 2, 0], "the other has only just stopped"
    used[3].stands_still_since = now - 1.5
    await third
    assert asked == [1, 2, 0, 3]

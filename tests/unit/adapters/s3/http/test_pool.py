"""Which connections are kept, which one is given out, and which has to go."""

import asyncio
from collections.abc import Callable

import pytest

from s3py_helper.adapters.s3.http import pool as pool_module
from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.faults import ClientClosed, NotConnected
from s3py_helper.adapters.s3.http.places import Hold, Place, Places
from s3py_helper.adapters.s3.http.pool import ConnectionPool

pytestmark = pytest.mark.timeout(10)

HERE, THERE = "http://127.0.0.1:1", "http://127.0.0.1:2"


def delays_of_timers(monkeypatch: pytest.MonkeyPatch, *, fire_at_once: bool) -> list[float]:
    """The delays of the timers that are set from now on."""
    loop = asyncio.get_running_loop()
    delays: list[float] = []
    real = loop.call_later

    def call_later(delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        delays.append(delay)
        return real(0 if fire_at_once else delay, callback)

    monkeypatch.setattr(loop, "call_later", call_later)
    return delays


class FakeConnection(HttpConnection):
    """Does as a test says; `abort` ends it at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.idle_since = 1000.0
        self.lost = asyncio.get_running_loop().create_future()
        self.is_reusable = True
        self.drains = False
        self.heard = False
        self.gave_up = False
        self.severed = False
        self.drained: Callable[[], None] | None = None

    @property
    def is_alive(self) -> bool:
        return not self.lost.done()

    def has_input(self) -> bool:
        return self.heard

    def finish(self) -> bool:
        return self.is_reusable and self.is_alive

    def drain(self, then: Callable[[], None]) -> bool:
        self.drained = then if self.drains else None
        return self.drains

    def give_up(self) -> None:
        self.gave_up = True
        self.abort()

    def abort(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def sever(self) -> None:
        self.severed = True


class Stage:
    def __init__(self, limit: int) -> None:
        self.made: list[FakeConnection] = []
        self.replaced: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.pool = ConnectionPool(self._dial, limit, lambda origin, reason: self.replaced.append((origin, reason)))

    async def _dial(self, origin: str) -> HttpConnection:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.made.append(FakeConnection(f"{origin}#{len(self.made)}"))
        return self.made[-1]

    async def connect(self, origin: str = HERE) -> FakeConnection:
        made = await self.pool.connect(origin)
        assert isinstance(made, FakeConnection)
        return made

    async def kept(self, origin: str = HERE, *, since: float = 1000.0) -> FakeConnection:
        connection = await self.connect(origin)
        connection.idle_since = since
        self.pool.release(origin, connection)
        return connection


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the pool sees it."""
    time = [1000.0]
    monkeypatch.setattr(pool_module, "monotonic", lambda: time[0])
    return time


@pytest.fixture
async def stage(now: list[float]) -> Stage:
    return Stage(4)


def a_place() -> tuple[Places, Place]:
    places = Places(4)
    place = places.take(Hold.BRIEF)
    assert place is not None
    return places, place


class TestGivingOut:
    async def test_the_one_used_last(self, stage: Stage) -> None:
        first, second = await stage.connect(), await stage.connect()
        for connection in (first, second):
            stage.pool.release(HERE, connection)
        assert [stage.pool.idle(HERE), stage.pool.idle(HERE), stage.pool.idle(HERE)] == [second, first, None]
        assert (first.is_alive, second.is_alive) == (True, True)

    async def test_only_one_to_the_same_origin(self, stage: Stage) -> None:
        await stage.kept(HERE)
        assert stage.pool.idle(THERE) is None

    @pytest.mark.parametrize(("age", "is_used"), [(0, True), (15, True), (15.1, False)])
    async def test_none_that_was_idle_for_too_long(
        self, stage: Stage, now: list[float], age: float, is_used: bool
    ) -> None:
        connection = await stage.kept()
        now[0] += age
        assert (stage.pool.idle(HERE) is connection) is is_used
        assert connection.is_alive is is_used
        assert not stage.replaced

    async def test_none_that_has_said_something_meanwhile(self, stage: Stage) -> None:
        good, spoilt = await stage.connect(), await stage.connect()
        for connection in (good, spoilt):
            stage.pool.release(HERE, connection)
        spoilt.heard = True
        assert stage.pool.idle(HERE) is good
        assert not spoilt.is_alive
        [(origin, reason)] = stage.replaced
        assert origin == HERE
        assert "nobody had asked for" in reason

    async def test_none_that_is_gone(self, stage: Stage) -> None:
        gone = await stage.kept()
        gone.abort()
        assert stage.pool.idle(HERE) is None
        assert not stage.replaced


class TestTakingBack:
    async def test_one_that_can_go_on_is_kept_and_its_place_free(self, stage: Stage) -> None:
        places, place = a_place()
        connection = await stage.connect()
        stage.pool.release(HERE, connection, place)
        assert (places.in_use, stage.pool.open, stage.pool.idle_ones) == (0, 1, 1)

    async def test_one_that_cannot_is_given_up_and_its_place_free(self, stage: Stage) -> None:
        places, place = a_place()
        connection = await stage.connect()
        connection.is_reusable = False
        stage.pool.release(HERE, connection, place)
        assert connection.gave_up
        assert (places.in_use, stage.pool.open, stage.pool.idle_ones) == (0, 0, 0)
        await asyncio.sleep(0)
        assert not stage.pool._open  # noqa: SLF001 - it would keep them all in memory

    async def test_one_with_a_rest_holds_its_place_until_that_has_come(self, stage: Stage) -> None:
        places, place = a_place()
        connection = await stage.connect()
        connection.is_reusable, connection.drains = False, True
        stage.pool.release(HERE, connection, place)
        assert (places.in_use, stage.pool.idle_ones, stage.pool.open) == (1, 0, 1)
        assert connection.drained is not None
        connection.is_reusable = True
        connection.drained()
        assert (places.in_use, stage.pool.idle_ones, stage.pool.open) == (0, 1, 1)
        assert stage.pool.idle(HERE) is connection

    async def test_one_whose_rest_does_not_come_is_closed(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool_module, "_DRAIN_SECONDS", 0.01)
        places, place = a_place()
        connection = await stage.connect()
        connection.is_reusable, connection.drains = False, True
        stage.pool.release(HERE, connection, place)
        connection.drains = False
        await connection.lost
        await asyncio.sleep(0)
        assert (places.in_use, stage.pool.open) == (0, 0)

    async def test_one_whose_rest_has_come_is_not_closed_later(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool_module, "_DRAIN_SECONDS", 0.01)
        connection = await stage.connect()
        connection.is_reusable, connection.drains = False, True
        stage.pool.release(HERE, connection)
        connection.is_reusable = True
        assert connection.drained is not None
        connection.drained()
        await asyncio.sleep(0.03)
        assert connection.is_alive

    async def test_one_that_breaks_before_its_rest_has_come_gives_its_place_back(self, stage: Stage) -> None:
        places, place = a_place()
        connection = await stage.connect()
        connection.is_reusable, connection.drains = False, True
        stage.pool.release(HERE, connection, place)
        connection.drains = False
        connection.abort()
        await asyncio.sleep(0)
        assert (places.in_use, stage.pool.open) == (0, 0)

    @pytest.mark.parametrize("drains", [False, True])
    async def test_none_is_kept_once_the_pool_is_closed(self, stage: Stage, drains: bool) -> None:
        places, place = a_place()
        connection = await stage.connect()
        stage.pool.closed = True
        connection.is_reusable, connection.drains = not drains, drains
        stage.pool.release(HERE, connection, place)
        assert not connection.is_alive
        assert (places.in_use, stage.pool.idle_ones) == (0, 0)

    async def test_a_rest_has_a_second_and_what_is_kept_fifteen(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draining = await stage.connect()
        draining.is_reusable, draining.drains = False, True
        delays = delays_of_timers(monkeypatch, fire_at_once=False)
        stage.pool.release(HERE, draining)
        await stage.kept(HERE)
        assert delays == [1, 15]
        await stage.pool.aclose()


class TestMakingRoom:
    async def test_there_are_never_more_than_allowed(self, stage: Stage) -> None:
        oldest = await stage.kept(HERE, since=998)
        newer = await stage.kept(HERE, since=999)
        await stage.kept(THERE, since=999.5)
        used = await stage.connect(THERE)
        assert stage.pool.open == 4
        await stage.connect(THERE)
        assert (oldest.is_alive, newer.is_alive, used.is_alive) == (False, True, True)
        assert stage.pool.open == 4

    async def test_the_one_idle_for_longest_goes_wherever_it_leads(self, stage: Stage) -> None:
        connections = [await stage.kept(origin, since=since) for origin, since in ((HERE, 999), (THERE, 998))]
        for _ in range(2):
            await stage.connect(THERE)
        await stage.connect(HERE)
        assert [connection.is_alive for connection in connections] == [True, False]

    async def test_those_that_are_being_made_count_as_well(self, stage: Stage) -> None:
        kept = [await stage.kept(), await stage.connect()]
        stage.pool.release(HERE, kept[1])
        await asyncio.gather(*(stage.connect(THERE) for _ in range(3)))
        assert sum(connection.is_alive for connection in kept) == 1
        assert stage.pool.open == 4

    async def test_one_that_only_receives_a_rest_goes_when_none_is_idle(self, stage: Stage) -> None:
        draining = await stage.connect()
        draining.is_reusable, draining.drains = False, True
        stage.pool.release(HERE, draining)
        for _ in range(3):
            await stage.connect()
        assert draining.is_alive
        draining.drains = False
        await stage.connect()
        assert not draining.is_alive

    async def test_none_has_to_go_while_there_is_room(self, stage: Stage) -> None:
        kept = [await stage.kept(THERE), await stage.connect(), await stage.connect(), await stage.connect()]
        assert all(connection.is_alive for connection in kept)

    async def test_one_that_is_in_use_again_does_not_go(self, stage: Stage) -> None:
        used = await stage.kept(HERE, since=998)
        assert stage.pool.idle(HERE) is used
        idle = await stage.kept(THERE, since=999)
        for _ in range(3):
            await stage.connect()
        assert (used.is_alive, idle.is_alive) == (True, False)

    async def test_nor_does_one_whose_rest_has_come(self, stage: Stage) -> None:
        used = await stage.connect()
        used.is_reusable, used.drains = False, True
        stage.pool.release(HERE, used)
        used.is_reusable = True
        assert used.drained is not None
        used.drained()
        assert stage.pool.idle(HERE) is used
        for _ in range(4):
            await stage.connect()
        assert used.is_alive

    async def test_one_that_is_going_already_makes_no_more_room(self, stage: Stage) -> None:
        draining = [await stage.connect(), await stage.connect()]
        for connection in draining:
            connection.is_reusable, connection.drains = False, True
            stage.pool.release(HERE, connection)
            connection.drains = False
        for _ in range(2):
            await stage.connect()
        await asyncio.gather(stage.connect(THERE), stage.connect(THERE))
        assert [connection.is_alive for connection in draining] == [False, False]
        assert stage.pool.open == 4

    async def test_an_attempt_that_failed_does_not_count(self, stage: Stage) -> None:
        kept = await stage.kept(THERE)
        stage.failure = NotConnected()
        for _ in range(5):
            with pytest.raises(NotConnected):
                await stage.connect()
        stage.failure = None
        for _ in range(3):
            await stage.connect()
        assert kept.is_alive

    async def test_nor_does_one_that_was_cancelled(self, stage: Stage) -> None:
        kept = await stage.kept(THERE)
        for _ in range(5):
            connecting = asyncio.ensure_future(stage.connect())
            await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.wait([connecting])
        for _ in range(3):
            await stage.connect()
        assert kept.is_alive


class TestEnd:
    async def test_all_are_closed_and_waited_for(self, stage: Stage) -> None:
        kept, used = await stage.kept(), await stage.connect()
        await stage.pool.aclose()
        assert [kept.is_alive, used.is_alive] == [False, False]
        assert (stage.pool.open, stage.pool.idle_ones, stage.pool.idle(HERE)) == (0, 0, None)
        with pytest.raises(ClientClosed):
            await stage.connect()
        assert len(stage.made) == 2, "nobody is dialled any more"

    async def test_it_is_over_when_the_sockets_are_gone(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = await stage.kept()
        monkeypatch.setattr(connection, "abort", lambda: None)
        closing = asyncio.ensure_future(stage.pool.aclose())
        await asyncio.sleep(0)
        assert not closing.done()
        connection.lost.set_result(None)
        await closing

    async def test_one_that_is_made_meanwhile_is_closed(self, stage: Stage) -> None:
        connecting = asyncio.ensure_future(stage.connect())
        await asyncio.sleep(0)
        await stage.pool.aclose()
        with pytest.raises(ClientClosed):
            await connecting
        [made] = stage.made
        assert not made.is_alive

    @pytest.mark.parametrize("abort", [False, True])
    async def test_severing_closes_the_sockets(self, stage: Stage, abort: bool) -> None:
        connections = [await stage.kept(), await stage.connect()]
        stage.pool.sever(abort=abort)
        assert all(connection.severed for connection in connections)
        assert [connection.is_alive for connection in connections] == [not abort] * 2
        assert (stage.pool.open, stage.pool.closed, stage.pool.idle(HERE)) == (0, True, None)


class TestSweeping:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool_module, "_IDLE_SECONDS", 0.02)

    async def test_what_nobody_has_used_for_long_is_closed(self, stage: Stage, now: list[float]) -> None:
        stale = await stage.kept(HERE, since=999.9)
        fresh = await stage.connect(HERE)
        stage.pool.release(HERE, fresh)
        await stale.lost
        assert fresh.is_alive
        assert stage.pool.idle_ones == 1
        now[0] += 1
        await fresh.lost
        assert stage.pool.idle_ones == 0

    async def test_one_timer_serves_all_and_only_while_something_is_kept(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connections = {await stage.connect(origin): origin for origin in (HERE, HERE, THERE)}
        delays = delays_of_timers(monkeypatch, fire_at_once=True)
        for connection, origin in connections.items():
            connection.idle_since = 999.9
            stage.pool.release(origin, connection)
        for connection in connections:
            await connection.lost
        for _ in range(3):
            await asyncio.sleep(0)
        assert delays == [0.02]

    async def test_it_goes_on_when_something_is_kept_again(self, stage: Stage) -> None:
        for _ in range(2):
            connection = await stage.kept(HERE, since=999.9)
            await connection.lost

    async def test_it_ends_with_the_pool(self, stage: Stage) -> None:
        connection = await stage.kept()
        await stage.pool.aclose()
        assert stage.pool._sweeping is not None  # noqa: SLF001 - nothing else shows the timer
        assert stage.pool._sweeping.cancelled()  # noqa: SLF001 - as above
        assert not connection.is_alive

"""A connection is closed after a pause of some seconds between requests, for which one timer waits."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.unit.entrypoints.server.connecting import PAUSE_SECONDS as SECONDS
from tests.unit.entrypoints.server.connecting import Connection


class Clock:
    """A loop's time and timers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], object]]] = []
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop, "call_later", self._call_later)

    def _call_later(self, seconds: float, callback: Callable[[], object]) -> SimpleNamespace:
        timer = self.now + seconds, callback
        self.timers.append(timer)
        return SimpleNamespace(cancel=lambda: self.timers.remove(timer))

    def elapse(self, seconds: float) -> None:
        self.now += seconds
        for timer in [timer for timer in self.timers if timer[0] <= self.now]:
            self.timers.remove(timer)
            timer[1]()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_a_connection_is_closed_when_its_pause_has_been_long_enough(clock: Clock) -> None:
    connection = Connection()
    await connection.ask()
    clock.elapse(SECONDS - 1)
    assert not connection.transport.closed
    clock.elapse(1)
    assert connection.transport.closed


async def test_each_pause_is_counted_from_its_own_beginning(clock: Clock) -> None:
    connection = Connection()
    await connection.ask()
    clock.elapse(SECONDS - 1)
    await connection.ask()
    clock.elapse(1)
    clock.elapse(SECONDS - 2)
    assert not connection.transport.closed
    clock.elapse(1)
    assert connection.transport.closed


async def test_a_connection_stays_while_a_response_takes_its_time(clock: Clock) -> None:
    connection = Connection()
    await connection.ask()
    connection.answered.clear()
    await connection.ask()
    clock.elapse(2 * SECONDS)
    assert not connection.transport.closed
    connection.answered.set()
    await connection.settle()
    clock.elapse(SECONDS)
    assert connection.transport.closed


async def test_many_requests_set_one_timer_and_the_end_of_the_connection_ends_it(clock: Clock) -> None:
    connection = Connection()
    before = len(clock.timers)
    for _ in range(5):
        await connection.ask()
    assert len(clock.timers) == before + 1
    connection.protocol.connection_lost(None)
    assert not clock.timers
    assert connection.state.total_requests == 5

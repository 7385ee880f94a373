"""Who is served soon is never looked after; who is not, once, and one timer sees to all."""

import asyncio
from collections.abc import Callable
from contextvars import Context

import pytest

from s3py_helper.entrypoints.http.downloads.newcomers import FIRST_LOOK, Newcomers, newcomers_of


class Timers:
    """What the event loop was asked to call later."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pending: list[Callable[[], None]] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", self._call_later)

    def _call_later(self, seconds: float, callback: Callable[[], None], context: Context) -> None:
        assert seconds == FIRST_LOOK / 2
        assert not context, "it is nobody's request"
        self.pending.append(callback)

    def elapse(self) -> None:
        pending, self.pending = self.pending, []
        for callback in pending:
            callback()


class Client:
    looks = 0

    def look_after(self) -> None:
        self.looks += 1


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    return Timers(monkeypatch)


async def test_who_stays_is_looked_after_once(timers: Timers) -> None:
    newcomers, client = Newcomers(), Client()
    newcomers.add(client)
    timers.elapse()
    assert client.looks == 0, "it may have come a moment ago"
    timers.elapse()
    timers.elapse()
    assert client.looks == 1


@pytest.mark.parametrize("elapsed", [0, 1])
async def test_who_has_been_served_is_not_looked_after(elapsed: int, timers: Timers) -> None:
    newcomers, served, stays = Newcomers(), Client(), Client()
    newcomers.add(served)
    newcomers.add(stays)
    for _ in range(elapsed):
        timers.elapse()
    newcomers.discard(served)
    for _ in range(3):
        timers.elapse()
    assert (served.looks, stays.looks) == (0, 1)


async def test_one_timer_sees_to_all_and_ends_with_them(timers: Timers) -> None:
    newcomers = Newcomers()
    for _ in range(3):
        newcomers.add(Client())
    assert len(timers.pending) == 1
    timers.elapse()
    newcomers.add(Client())
    assert len(timers.pending) == 1
    for _ in range(3):
        timers.elapse()
    assert not timers.pending
    newcomers.add(Client())
    assert len(timers.pending) == 1


async def test_each_event_loop_has_its_own() -> None:
    loop, other = asyncio.get_running_loop(), asyncio.new_event_loop()
    try:
        assert newcomers_of(loop) is newcomers_of(loop)
        assert newcomers_of(loop) is not newcomers_of(other)
    finally:
        other.close()

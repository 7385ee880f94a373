"""How long one task waits."""

import asyncio
import time
import weakref

import pytest

from s3py_helper.adapters.s3.http import patience as patience_module
from s3py_helper.adapters.s3.http.faults import BrokenOff, NoResponseInTime
from s3py_helper.adapters.s3.http.patience import Patience

pytestmark = pytest.mark.timeout(10)


class Stage:
    """A clock, and what the patience is told.

    Attributes:
        tick: Real seconds after which each timer fires.
    """

    tick = 0.001

    def __init__(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.moves = 0
        self.asked = 0
        self.gave_up = 0
        self.periods: list[float] = []
        self.timers: list[asyncio.TimerHandle] = []
        self._callback: object = None
        monkeypatch.setattr(patience_module, "monotonic", lambda: self.now)
        loop = asyncio.get_running_loop()
        self.patience = Patience(seconds, self._has_moved, self._give_up)
        real = loop.call_later

        def call_later(delay: float, callback: object, *arguments: object) -> asyncio.TimerHandle:
            if getattr(callback, "__self__", None) is not self.patience:
                return real(delay, callback, *arguments)  # type: ignore[arg-type]  # as given
            self.periods.append(round(delay, 6))
            self._callback = callback
            self.timers.append(real(self.tick, callback, *arguments))  # type: ignore[arg-type]  # the clock is the test's
            return self.timers[-1]

        monkeypatch.setattr(loop, "call_later", call_later)

    def fire(self) -> None:
        """Have the last timer fire now."""
        self.timers[-1].cancel()
        self._callback()  # type: ignore[operator]  # it is one

    def _has_moved(self) -> bool:
        self.asked += 1
        self.now += self.periods[-1]
        self.moves -= 1
        return self.moves >= 0

    def _give_up(self) -> None:
        self.gave_up += 1


async def test_a_wait_ends_when_it_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.tick = 60  # no timer fires meanwhile, however busy the machine is
    await _woken(stage)
    stage.patience.wake()
    await _woken(stage)
    assert not stage.gave_up
    assert len(stage.timers) == 1, "one for all waits"


async def test_without_progress_it_is_given_up_once_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.patience.renew()
    await asyncio.wait_for(stage.patience.wait(), 5)
    for _ in range(2):
        with pytest.raises(NoResponseInTime, match="8 s"):
            await stage.patience.wait()
    assert stage.gave_up == 1


async def test_progress_that_was_reported_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.patience.renew()
    stage.now += 3
    stage.patience.renew()
    stage.now += 3
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.wait([waiting], timeout=5)
    # The timer looks after 8 s, of which 3 had passed.
    assert stage.periods == [8]
    assert stage.now == 1014
    assert isinstance(stage.patience.fault, NoResponseInTime)


async def test_progress_that_is_asked_for_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.moves = 2
    stage.patience.renew()
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.wait([waiting], timeout=5)
    assert stage.periods == [8, 8, 8]
    assert isinstance(stage.patience.fault, NoResponseInTime)


@pytest.mark.parametrize(("hurry", "limit"), [(2, 2), (99, 8)])
async def test_a_hurried_wait_is_looked_at_four_times(
    monkeypatch: pytest.MonkeyPatch, hurry: float, limit: float
) -> None:
    stage = Stage(8, monkeypatch)
    stage.patience.hurry(hurry)
    stage.patience.renew()
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.wait([waiting], timeout=5)
    assert stage.periods == [limit / 4] * 4
    assert str(stage.patience.fault) == f"{limit:g} s"


async def _woken(stage: Stage) -> None:
    """Wait until woken, long before the time is over."""
    stage.patience.renew()
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.sleep(0)
    stage.patience.wake()
    await waiting


async def test_hurrying_replaces_the_timer_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    await _woken(stage)
    stage.patience.hurry(2)
    stage.patience.renew()
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.wait([waiting], timeout=5)
    assert stage.periods == [8, 0.5, 0.5, 0.5, 0.5]


async def test_relaxed_it_waits_as_usual_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.patience.hurry(2)
    stage.patience.relax()
    stage.patience.renew()
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.wait([waiting], timeout=5)
    assert stage.periods == [8]
    assert str(stage.patience.fault) == "8 s"


async def test_a_timer_that_fires_while_nobody_waits_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    await _woken(stage)
    await asyncio.sleep(0.02)
    assert (stage.asked, stage.gave_up, stage.patience.fault) == (0, 0, None)
    await asyncio.wait_for(stage.patience.wait(), 5)
    assert isinstance(stage.patience.fault, NoResponseInTime), "the next wait has a timer of its own"


async def test_what_has_come_when_the_timer_fires_is_not_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.patience.renew()
    asyncio.get_running_loop().call_later(stage.tick, stage.patience.wake)
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.sleep(0)
    time.sleep(2 * stage.tick)  # noqa: ASYNC251 - both are due before the event loop looks
    await waiting
    await asyncio.sleep(0)
    assert (stage.asked, stage.gave_up, stage.patience.fault) == (0, 0, None)


async def test_the_timer_looks_again_when_the_time_may_be_over(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.tick = 60
    await _woken(stage)
    stage.now += 3
    stage.patience.renew()
    stage.now -= 3  # the timer was set before
    stage.tick = 0.001
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.sleep(0)
    stage.fire()
    await asyncio.wait_for(waiting, 5)
    assert stage.periods == [8, 3]


async def test_the_next_task_may_wait_before_the_last_one_has_gone_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.tick = 60  # no timer fires meanwhile, however busy the machine is
    first = asyncio.ensure_future(stage.patience.wait())
    await asyncio.sleep(0)
    stage.patience.wake()
    first.add_done_callback(lambda _: stage.patience.wake())
    async with asyncio.timeout(2):
        await stage.patience.wait()


async def test_the_end_wakes_and_is_told_to_all_who_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.tick = 60
    waiting = asyncio.ensure_future(stage.patience.wait())
    await asyncio.sleep(0)
    stage.patience.fault = BrokenOff()
    stage.patience.stop()
    await waiting
    with pytest.raises(BrokenOff):
        await stage.patience.wait()
    assert [timer.cancelled() for timer in stage.timers] == [True], "it would keep the connection in memory"


async def test_what_has_ended_refers_to_nobody() -> None:
    class Connection:
        def has_moved(self) -> bool:
            return False

        def give_up(self) -> None: ...

    connection = Connection()
    left = weakref.ref(connection)
    patience = Patience(8, connection.has_moved, connection.give_up)
    waiting = asyncio.ensure_future(patience.wait())
    await asyncio.sleep(0)
    patience.stop()
    await waiting
    del connection
    assert left() is None, "without the garbage collector"


async def test_a_timer_that_is_replaced_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(8, monkeypatch)
    stage.tick = 60
    await _woken(stage)
    stage.patience.hurry(2)
    assert [timer.cancelled() for timer in stage.timers] == [True]
    stage.patience.hurry(1)
    stage.patience.stop()
    assert len(stage.timers) == 1, "nobody waits"

"""Time limits that share one timer."""

import asyncio
from collections.abc import Callable

import pytest

from s3py_helper.application.concurrency.deadlines import DeadlineWatch
from s3py_helper.testing import leak_guard

pytestmark = pytest.mark.timeout(20)


async def test_work_that_ends_in_time_is_left_alone() -> None:
    watch = DeadlineWatch(5)
    with watch.limit(5):
        await asyncio.sleep(0)
    async with leak_guard():
        with watch.limit(5):
            pass


async def test_work_that_takes_longer_is_ended_with_a_timeout_and_the_task_goes_on() -> None:
    watch = DeadlineWatch(0.02)
    for _ in range(2):
        with pytest.raises(TimeoutError), watch.limit(0.02):
            await asyncio.sleep(3600)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_limits_of_many_tasks_end_each_at_its_time() -> None:
    watch = DeadlineWatch(0.05)
    ended: list[float] = []

    async def work(seconds: float) -> None:
        try:
            with watch.limit(seconds):
                await asyncio.sleep(3600)
        except TimeoutError:
            ended.append(seconds)

    await asyncio.gather(work(0.2), work(0.01), work(0.1))
    assert ended == [0.01, 0.1, 0.2]


async def test_a_cancellation_is_not_turned_into_a_timeout() -> None:
    watch = DeadlineWatch(30)

    async def work() -> None:
        with watch.limit(30):
            await asyncio.sleep(3600)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_that_comes_with_the_timeout_wins() -> None:
    watch = DeadlineWatch(0.02)

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        with watch.limit(0.02):
            try:
                await asyncio.sleep(3600)
            finally:
                task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())


async def test_a_task_that_was_cancelled_before_gets_its_timeout_while_it_cleans_up() -> None:
    watch = DeadlineWatch(0.02)

    async def work() -> int:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            with pytest.raises(TimeoutError), watch.limit(0.02):
                await asyncio.sleep(3600)
        return task.cancelling()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == 1


async def test_work_that_is_slow_to_clean_up_is_ended_once() -> None:
    cleaned_up: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.02)  # the watch looks every millisecond
            cleaned_up.append("it")

    with pytest.raises(TimeoutError), DeadlineWatch(0.02).limit(0.005):
        await work()
    assert cleaned_up == ["it"]


async def test_work_that_is_shorter_than_its_limit_outlasts_the_ticks() -> None:
    watch = DeadlineWatch(0.02)
    with watch.limit(3600):
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("usual", "tick"), [(10, 0.5), (20, 1.0), (3600, 1.0)])
async def test_the_timer_runs_twenty_times_in_a_usual_limit_and_every_second_at_least(
    usual: float, tick: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[float] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda seconds, _look: ticks.append(seconds))
    watch = DeadlineWatch(usual)
    watch.limit(1)
    assert ticks == [tick]


async def test_one_timer_looks_after_all_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[float] = []
    loop = asyncio.get_running_loop()
    real = loop.call_later

    def counted(seconds: float, look: Callable[[], None]) -> asyncio.TimerHandle:
        timers.append(seconds)
        return real(seconds, look)

    monkeypatch.setattr(loop, "call_later", counted)
    watch = DeadlineWatch(3600)
    with watch.limit(3600), watch.limit(1800), watch.limit(3600):
        assert timers == [1.0]


async def test_what_the_work_makes_of_its_end_is_its_own_affair() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise KeyError from None

    with pytest.raises(KeyError), DeadlineWatch(0.02).limit(0.02):
        await work()


async def test_an_error_of_the_work_is_the_one_that_is_raised() -> None:
    with pytest.raises(KeyError), DeadlineWatch(30).limit(30):
        raise KeyError


async def test_the_timer_ends_when_there_is_nothing_to_look_at() -> None:
    watch = DeadlineWatch(0.02)
    with watch.limit(30):
        pass
    loop = asyncio.get_running_loop()
    looks = 0
    real = loop.call_later

    def counting(*args: object) -> object:
        nonlocal looks
        looks += 1
        return real(*args)  # type: ignore[arg-type]  # as they came

    loop.call_later = counting  # type: ignore[method-assign, assignment]  # only for this test
    try:
        await asyncio.sleep(0.05)
    finally:
        loop.call_later = real  # type: ignore[method-assign]  # as it was
    assert looks == 1, "the sleep's own, and none of the watch"


def test_a_limit_works_in_tasks_only() -> None:
    loop = asyncio.new_event_loop()
    try:
        errors: list[Exception] = []

        def outside_a_task() -> None:
            try:
                with DeadlineWatch(1).limit(1):
                    pass
            except RuntimeError as error:
                errors.append(error)
            loop.stop()

        loop.call_soon(outside_a_task)
        loop.run_forever()
        assert [str(error) for error in errors] == ["a time limit works inside a task only"]
    finally:
        loop.close()

"""Clean-up that may outlive its operation, but not the session."""

import asyncio
import time

import pytest

from s3py_helper.application.background import BackgroundCleanUp, CleanUp
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.testing import leak_guard
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def test_work_that_ends_soon_has_ended_when_the_caller_goes_on(recorder: Recorder) -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("it")

    async with leak_guard():
        background = BackgroundCleanUp(recorder)
        await background.run("s3", "it", work)
        assert done == ["it"]
        assert background.outstanding == 0
        await background.aclose()
    assert recorder.events == []


async def test_work_that_takes_long_goes_on_in_the_background_and_closing_waits_for_it(recorder: Recorder) -> None:
    may_end = asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        await may_end.wait()
        done.append("it")

    async with leak_guard():
        background = BackgroundCleanUp(recorder)
        await background.run("s3", "it", work, patience=0.01)
        assert (done, background.outstanding) == ([], 1)
        closing = asyncio.create_task(background.aclose())
        await asyncio.sleep(0)
        may_end.set()
        await closing
    assert done == ["it"]
    assert recorder.events == []


async def test_a_caller_that_is_cancelled_meanwhile_is_let_go_and_the_work_goes_on(recorder: Recorder) -> None:
    may_end = asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        await may_end.wait()
        done.append("it")

    background = BackgroundCleanUp(recorder)
    caller = asyncio.create_task(background.run("s3", "it", work, patience=3600))
    await until(lambda: background.outstanding)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_end.set()
    await background.aclose()
    assert done == ["it"]


async def test_closing_gives_up_after_its_bound_and_reports_what_is_left(recorder: Recorder) -> None:
    async def work() -> None:
        await asyncio.sleep(3600)

    async with leak_guard():
        background = BackgroundCleanUp(recorder)
        await background.run("s3", "the object s3:b/k", work, patience=0)
        began = time.monotonic()
        await background.aclose(within=0.05)
        assert time.monotonic() - began < 5
    assert recorder.events == [RollbackFailed("s3", "the object s3:b/k", "the session was closed before it was done")]


async def test_leaving_the_block_closes_it_and_entering_opens_it_again(recorder: Recorder) -> None:
    begun: list[str] = []
    done: list[str] = []
    may_end = asyncio.Event()

    async def work() -> None:
        begun.append("it")
        await may_end.wait()
        done.append("it")

    background = BackgroundCleanUp(recorder)
    for _ in range(2):
        begun.clear()
        done.clear()
        may_end.clear()
        async with background:
            background.later(3600, "s3", "it", work)
            for _ in range(3):
                await asyncio.sleep(0)
            assert begun == [], "it is not due"
            background.start("s3", "it", work)
            asyncio.get_running_loop().call_soon(may_end.set)
        assert (done, background.outstanding) == (["it"] * 2, 0)
        assert background.start("s3", "too late", work) is None
    assert [(event.what, event.reason) for event in recorder.of(RollbackFailed)] == [
        ("too late", "the session is closed")
    ] * 2


async def test_what_is_given_up_has_ended_when_closing_has(recorder: Recorder) -> None:
    ended: list[int] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append(1)

    background = BackgroundCleanUp(recorder)
    for _ in range(3):
        background.start("s3", "it", work)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await background.aclose(within=0)
    assert ended == [1] * 3
    assert background.outstanding == 0
    assert len(recorder.events) == 3


async def test_work_that_takes_longer_than_its_limit_is_ended_and_reported(recorder: Recorder) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("it")

    async with leak_guard():
        await BackgroundCleanUp(recorder, seconds=0.02).run("fastdfs", "it", work)
    assert ended == ["it"]
    assert recorder.events == [RollbackFailed("fastdfs", "it", "not done within 0.02 s")]


async def test_a_failure_is_reported_and_not_raised(recorder: Recorder) -> None:
    async def work() -> None:
        raise StorageOperationException("it refuses")

    await BackgroundCleanUp(recorder).run("s3", "it", work)
    assert recorder.events == [RollbackFailed("s3", "it", "it refuses")]


async def test_a_defect_is_reported_and_reaches_the_event_loops_handler(recorder: Recorder) -> None:
    handled: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: handled.append(context))

    async def work() -> None:
        raise KeyError("x")

    await BackgroundCleanUp(recorder).run("s3", "it", work)
    assert recorder.events == [RollbackFailed("s3", "it", "KeyError: 'x'")]
    assert isinstance(handled[0]["exception"], KeyError)


async def test_only_so_many_run_at_once_and_the_others_wait(recorder: Recorder) -> None:
    running = highest = 0

    async def work() -> None:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await asyncio.sleep(0)
        running -= 1

    background = BackgroundCleanUp(recorder)
    await asyncio.gather(*(background.run("s3", "it", work) for _ in range(100)))
    assert 1 < highest <= 16
    assert recorder.events == []


async def test_the_limit_of_a_piece_of_work_counts_its_waiting_for_a_turn(recorder: Recorder) -> None:
    may_end = asyncio.Event()
    begun: list[str] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await may_end.wait()

    async def work() -> None:
        begun.append("it")

    background = BackgroundCleanUp(recorder, seconds=0.02)
    for _ in range(16):
        background.start("s3", "stubborn", stubborn)
    background.start("s3", "it", work)
    await until(lambda: recorder.events)
    assert recorder.events == [RollbackFailed("s3", "it", "not done within 0.02 s")]
    may_end.set()
    await background.aclose()
    assert begun == []


async def test_what_is_outstanding_is_bounded_and_what_is_refused_is_reported(recorder: Recorder) -> None:
    async def work() -> None:
        await asyncio.sleep(3600)

    background = BackgroundCleanUp(recorder)
    for _ in range(10_001):
        background.start("s3", "it", work)
    assert background.outstanding == 10_000
    assert recorder.events == [RollbackFailed("s3", "it", "10,000 other clean-ups are outstanding")]
    await background.aclose(within=0)
    assert background.outstanding == 0


async def test_several_pieces_share_the_patience_of_their_caller(recorder: Recorder) -> None:
    may_end = asyncio.Event()
    background = BackgroundCleanUp(recorder)
    pieces = [CleanUp("s3", f"file {number}", may_end.wait) for number in range(1600)]
    async with asyncio.timeout(2):  # 16 at a time: 5 s if each had its own
        await background.run_all(pieces, patience=0.05)
    assert background.outstanding == 1600
    may_end.set()
    await background.aclose()
    assert recorder.events == []


async def test_after_closing_nothing_is_taken_on(recorder: Recorder) -> None:
    async def work() -> None:
        raise AssertionError("must not run")

    background = BackgroundCleanUp(recorder)
    await background.aclose()
    await background.run("s3", "it", work)
    assert recorder.events == [RollbackFailed("s3", "it", "the session is closed")]


async def test_who_waits_for_clean_up_waits_for_seconds_and_nothing_is_tried_for_ever(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float | None] = []
    waits: list[float | None] = []
    wait, timeout = asyncio.wait, asyncio.timeout

    def limited(seconds: float | None) -> asyncio.Timeout:
        limits.append(seconds)
        return timeout(seconds)

    async def waited(tasks: set[asyncio.Task[None]], timeout: float | None = None) -> object:  # noqa: ASYNC109 - its name
        waits.append(timeout)
        return await wait(tasks)

    async def work() -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(asyncio, "timeout", limited)
    monkeypatch.setattr(asyncio, "wait", waited)
    background = BackgroundCleanUp(recorder)
    await background.run("s3", "it", work)
    background.start("s3", "it", work)
    await background.aclose()
    assert limits == [60.0] * 2
    caller, closing = waits
    assert caller == 2.0, "twice, by a use case and its backend, are less than 5 s"
    assert closing == pytest.approx(10, abs=1)


class TestLater:
    async def test_work_that_is_due_later_is_done_then(self, recorder: Recorder) -> None:
        done = asyncio.Event()

        async def work() -> None:
            done.set()

        async with leak_guard():
            background = BackgroundCleanUp(recorder)
            background.later(0.01, "s3", "it", work)
            assert not done.is_set()
            await done.wait()
            await background.aclose()
        assert background.outstanding == 0

    async def test_work_is_done_once_and_not_before_it_is_due(self, recorder: Recorder) -> None:
        done: list[int] = []
        troubles: list[dict[str, object]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: troubles.append(context))

        async def work() -> None:
            done.append(1)

        background = BackgroundCleanUp(recorder)
        background.later(0.005, "s3", "it", work)
        for _ in range(3):
            await asyncio.sleep(0)
        assert done == []
        await background.aclose()
        assert done == [1]
        await asyncio.sleep(0.01)
        assert (done, troubles, background.outstanding) == ([1], [], 0), "its timer was left running"

    async def test_what_is_due_later_is_done_at_once_while_closing_and_then_no_more(self, recorder: Recorder) -> None:
        done: list[str] = []
        may_end = asyncio.Event()

        async def work() -> None:
            done.append("it")

        background = BackgroundCleanUp(recorder)
        background.start("s3", "it", may_end.wait)
        closing = asyncio.ensure_future(background.aclose())
        await asyncio.sleep(0)
        background.later(3600, "s3", "it", work)
        assert background.outstanding == 2
        may_end.set()
        await closing
        assert done == ["it"]
        background.later(3600, "s3", "too late", work)
        assert background.outstanding == 0
        assert recorder.events == [RollbackFailed("s3", "too late", "the session is closed")]

    async def test_closing_does_at_once_what_is_due_later_and_what_that_would_do_later(
        self, recorder: Recorder
    ) -> None:
        done: list[int] = []

        async def second() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            done.append(2)

        async def first() -> None:
            done.append(1)
            background.later(3600, "s3", "it", second)

        async with leak_guard():
            background = BackgroundCleanUp(recorder)
            background.later(3600, "s3", "it", first)
            assert background.outstanding == 1
            await background.aclose()
        assert done == [1, 2]
        assert recorder.events == []

    async def test_it_counts_among_what_is_outstanding(self, recorder: Recorder) -> None:
        async def work() -> None:
            await asyncio.sleep(0)

        background = BackgroundCleanUp(recorder)
        for _ in range(10_001):
            background.later(3600, "s3", "it", work)
        assert background.outstanding == 10_000
        assert len(recorder.events) == 1
        await background.aclose()

"""Several jobs, and clean-up that nobody cuts short."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import pytest

from s3py_helper.application.concurrency.all_or_nothing import all_or_nothing
from s3py_helper.application.concurrency.completion import completed
from tests.support.collector import nothing_for_the_collector


async def _nothing_to_roll_back(_results: Sequence[object]) -> None:
    pytest.fail("nothing is to be rolled back")


async def test_results_come_in_the_order_of_the_jobs() -> None:
    async def do(job: int) -> int:
        for _ in range(5 - job):
            await asyncio.sleep(0)
        return job * 10

    assert await all_or_nothing(range(5), do, _nothing_to_roll_back, at_once=5) == [0, 10, 20, 30, 40]


async def test_no_more_than_the_bound_run_at_once() -> None:
    running = Counter[str]()
    highest = 0

    async def do(_job: int) -> None:
        nonlocal highest
        running["now"] += 1
        highest = max(highest, running["now"])
        await asyncio.sleep(0)
        running["now"] -= 1

    await all_or_nothing(range(20), do, _nothing_to_roll_back, at_once=3)
    assert highest == 3


async def test_a_failure_rolls_back_what_succeeded_and_cancels_the_rest() -> None:
    cancelled: list[int] = []
    rolled_back: list[int] = []
    two_done = asyncio.Event()

    async def do(job: int) -> int:
        if job == 3:
            await two_done.wait()
            raise KeyError(job)
        if job < 2:
            if job == 1:
                two_done.set()
            return job
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(job)
            raise
        return job

    async def roll_back(results: Sequence[int]) -> None:
        await asyncio.sleep(0)
        rolled_back.extend(results)

    with pytest.raises(KeyError):
        await all_or_nothing(range(5), do, roll_back, at_once=5)
    assert sorted(rolled_back) == [0, 1]
    assert cancelled == [2], "and 4 was not begun any more"


async def test_a_cancellation_rolls_back_what_succeeded() -> None:
    rolled_back: list[int] = []
    one_done = asyncio.Event()

    async def do(job: int) -> int:
        if job == 0:
            one_done.set()
            return job
        return await asyncio.Future[int]()

    async def roll_back(results: Sequence[int]) -> None:
        await asyncio.sleep(0)
        rolled_back.extend(results)

    task = asyncio.create_task(all_or_nothing(range(2), do, roll_back, at_once=2))
    await one_done.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rolled_back == [0]


async def test_completed_work_survives_any_number_of_cancellations() -> None:
    gate = asyncio.Event()
    finished = False

    async def work() -> None:
        nonlocal finished
        await gate.wait()
        finished = True

    task = asyncio.create_task(completed(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert finished


async def test_completed_work_gives_its_result_or_error() -> None:
    async def give() -> int:
        return 5

    async def fail() -> int:
        raise KeyError("x")

    assert await completed(give()) == 5
    with pytest.raises(KeyError):
        await completed(fail())


async def test_a_cancellation_outweighs_the_error_of_the_work() -> None:
    gate = asyncio.Event()

    async def fail() -> None:
        await gate.wait()
        raise KeyError("x")

    task = asyncio.create_task(completed(fail()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_completed_work_does_not_refer_to_itself() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with nothing_for_the_collector(), suppress(KeyError):
        await completed(fail())


async def test_a_cancellation_that_was_kept_back_does_not_refer_to_itself() -> None:
    async def cancelled() -> None:
        gate = asyncio.Event()
        task = asyncio.create_task(completed(gate.wait()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        gate.set()
        with suppress(asyncio.CancelledError):
            await task

    with nothing_for_the_collector():
        await cancelled()
        # Python itself refers to the last one for a while.
        await cancelled()

"""Work that is finished whoever is cancelled: one error comes out, and nobody else hears of any."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from s3py_helper.application.concurrency.completion import acquired, completed


@pytest.fixture(autouse=True)
async def nothing_else() -> AsyncIterator[None]:
    """Errors that nobody read reach the event loop's handler when their task is collected."""
    heard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    yield
    gc.collect()
    assert heard == []


class Work:
    """Waits until it may end, and ends as told."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.may_end = asyncio.Event()
        self.begun = asyncio.Event()
        self._error = error

    async def run(self) -> int:
        self.begun.set()
        await self.may_end.wait()
        if self._error is not None:
            raise self._error
        return 5


@pytest.mark.parametrize("error", [None, ValueError("its own"), asyncio.CancelledError()])
@pytest.mark.parametrize("cancelled", [0, 1, 3])
async def test_how_it_ends(error: BaseException | None, cancelled: int) -> None:
    work = Work(error)
    caller = asyncio.ensure_future(completed(work.run()))
    await work.begun.wait()
    for _ in range(cancelled):
        caller.cancel()
        await asyncio.sleep(0)
        assert not caller.done()
    work.may_end.set()
    expected = asyncio.CancelledError if cancelled else None if error is None else type(error)
    if expected is None:
        assert await caller == 5
    else:
        with pytest.raises(expected):
            await caller


@pytest.mark.parametrize("error", [None, ValueError("its own")])
async def test_what_was_opened_for_a_caller_that_is_cancelled_is_released_once(error: BaseException | None) -> None:
    work, released = Work(error), list[int]()
    caller = asyncio.ensure_future(acquired(work.run(), released.append))
    await work.begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    caller.cancel()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert released == ([] if error else [5])


async def test_what_was_opened_is_its_callers_else() -> None:
    released = list[int]()
    work = Work()
    work.may_end.set()
    assert await acquired(work.run(), released.append) == 5
    failing = Work(ValueError("its own"))
    failing.may_end.set()
    with pytest.raises(ValueError, match="its own"):
        await acquired(failing.run(), released.append)
    assert released == []

"""Generators that run ahead of their readers."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator

import pytest

from s3py_helper.application.streams.read_ahead import ReadAhead
from s3py_helper.testing import leak_guard
from tests.support.cancelling import CleaningUp


class Counter:
    """Counts from zero, and how far it came."""

    def __init__(self, *, end: int = 100, error: Exception | None = None) -> None:
        self.given = 0
        self.closed = False
        self._end = end
        self._error = error

    async def items(self) -> AsyncGenerator[int]:
        try:
            for number in range(self._end):
                self.given = number + 1
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_runs_ahead_as_far_as_allowed_and_waits_there() -> None:
    counter = Counter()
    ahead = ReadAhead(counter.items(), depth=3)
    await settle()
    assert counter.given == 4  # three wait to be read, the fourth to be put down
    assert await anext(ahead) == 0
    await settle()
    assert counter.given == 5
    await ahead.aclose()


async def test_it_gives_every_item_in_order_and_ends_for_good() -> None:
    ahead = ReadAhead(Counter(end=10).items(), depth=2)
    assert [number async for number in ahead] == list(range(10))
    assert [number async for number in ahead] == []


async def test_an_error_of_being_stopped_is_nobodys_concern() -> None:
    heard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))

    async def items() -> AsyncGenerator[int]:
        try:
            yield 0
            await asyncio.Event().wait()
        finally:
            raise ValueError("its own")

    ahead = ReadAhead(items(), depth=3)
    assert await anext(ahead) == 0
    await settle()
    await ahead.aclose()
    del ahead
    gc.collect()
    assert heard == []


async def test_an_error_comes_after_the_items_before_it() -> None:
    ahead = ReadAhead(Counter(end=2, error=ValueError("broken")).items(), depth=5)
    await settle()
    assert [await anext(ahead), await anext(ahead)] == [0, 1]
    with pytest.raises(ValueError, match="broken"):
        await anext(ahead)


@pytest.mark.parametrize("error", [None, ValueError("nobody sees it")])
async def test_closing_closes_the_generator_wherever_it_is(error: Exception | None) -> None:
    async with leak_guard(within=0):
        for end in (0, 1, 100):
            counter = Counter(end=end, error=error)
            ahead = ReadAhead(counter.items(), depth=2)
            await settle()
            await ahead.aclose()
            assert counter.closed


async def test_closing_before_the_start_runs_nothing() -> None:
    counter = Counter()
    async with leak_guard(within=0):
        await ReadAhead(counter.items(), depth=2).aclose()
    assert counter.given == 0


async def test_stopping_twice_does_not_cut_its_clean_up_short() -> None:
    cleaning_up = CleaningUp()
    async with leak_guard():
        ahead = ReadAhead(cleaning_up.after(chunks_without_end()), depth=1)
        await anext(ahead)
        ahead.stop()
        await cleaning_up.gate.reached.wait()
        closing = asyncio.ensure_future(ahead.aclose())
        await settle()
        assert not closing.done()
        cleaning_up.release()
        await closing
    assert cleaning_up.ended


async def chunks_without_end() -> AsyncGenerator[bytes]:
    while True:
        yield b"chunk"


async def test_one_that_was_closed_gives_nothing_more() -> None:
    ahead = ReadAhead(Counter().items(), depth=3)
    assert await anext(ahead) == 0
    await settle()
    for _ in range(2):
        await ahead.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(ahead)


async def test_nothing_refers_to_one_that_was_closed_before_its_error_was_read() -> None:
    ahead = ReadAhead(Counter(end=1, error=ValueError("its own")).items(), depth=3)
    await settle()
    reference = weakref.ref(ahead)
    gc.disable()
    try:
        await ahead.aclose()
        del ahead
        assert reference() is None
    finally:
        gc.enable()

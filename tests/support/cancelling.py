"""Cancelling somebody who is already cleaning up: the second cancellation must not cut the clean-up short."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from s3py_helper.testing import Gate
from tests.support.waiting import until

AT_MOST = 10.0
"""Seconds for each step: far more than any takes, so that a test fails instead of waiting for ever."""


class CleaningUp:
    """A stage in somebody's clean-up that lasts until it is released.

    Attributes:
        gate: Where the clean-up waits.
        ended: Whether it went on to its end: a clean-up that is cut short does not.
    """

    def __init__(self) -> None:
        self.gate = Gate()
        self.ended = False

    async def passed(self) -> None:
        """Clean up."""
        await self.gate.passed()
        # A last step, for which a cancellation that was kept back until now would be early enough, too.
        await asyncio.sleep(0)
        self.ended = True

    def release(self) -> None:
        """Let it go on."""
        self.gate.released.set()

    @asynccontextmanager
    async def around[Value](self, inner: AbstractAsyncContextManager[Value]) -> AsyncGenerator[Value]:
        """The context, whose exit takes this clean-up first."""
        async with inner as value:
            try:
                yield value
            finally:
                await self.passed()

    async def after(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """The chunks, from a generator that cleans up when it is closed."""
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await self.passed()


class CleaningUpInThread(CleaningUp):
    """The same for clean-up that runs in a thread, which no cancellation reaches: it must be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._released = threading.Event()

    def before[**Arguments, Result](self, work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """The blocking work, which waits before it begins."""

        def held(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            self._loop.call_soon_threadsafe(self.gate.reached.set)
            assert self._released.wait(AT_MOST)
            result = work(*args, **kwargs)
            self.ended = True
            return result

        return held

    def release(self) -> None:
        """Let it go on."""
        super().release()
        self._released.set()


async def cancelled_twice(work: Awaitable[object], under_way: asyncio.Event, cleaning_up: CleaningUp) -> None:
    """Cancel the work, and again, several times, while it cleans up; it must not leave before the clean-up has ended.

    Args:
        work: What is cancelled.
        under_way: Set when it has got to where it is to be cancelled.
        cleaning_up: Reached by its clean-up.
    """
    task = asyncio.ensure_future(work)
    await _reached(under_way, task)
    task.cancel()
    await cancelled_again(task, cleaning_up)
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_again[Result](task: "asyncio.Future[Result]", cleaning_up: CleaningUp) -> None:
    """The same for a task that cleans up for whatever reason; returns when the task has ended."""
    await _reached(cleaning_up.gate.reached, task)
    for _ in range(3):
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done(), "it did not wait for its clean-up"
    cleaning_up.release()
    await asyncio.wait([task], timeout=AT_MOST)
    assert task.done(), "its clean-up has ended, and it does not end"
    assert cleaning_up.ended, "its clean-up was cut short"


async def _reached[Result](event: asyncio.Event, task: "asyncio.Future[Result]") -> None:
    await until(lambda: event.is_set() or task.done(), within=AT_MOST)
    if not event.is_set():
        await task
        raise AssertionError("it ended before it got there")

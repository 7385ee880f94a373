"""Cancelling a piece of work at each of its suspensions, one after the other."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any


class CancelledAt[Result]:
    """Awaits a coroutine, and cancels the task that does so once the coroutine has suspended for the n-th time.

    Attributes:
        reached: Whether it suspended so often.
        cancelled_at: When that was, by `time.monotonic()`.
    """

    def __init__(self, work: Coroutine[Any, Any, Result], nth: int, *, times: int = 1) -> None:
        self.reached = False
        self.cancelled_at = math.inf
        self._work = work
        self._left = nth
        self._times = times

    def __await__(self) -> Generator[Any, Any, Result]:
        step: Callable[[Any], Any] = self._work.send
        argument: object = None
        while True:
            try:
                awaited = step(argument)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            self._left -= 1
            if self._left == 0:
                self.reached = True
                self.cancelled_at = time.monotonic()
                self._cancel_soon()
            try:
                step, argument = self._work.send, (yield awaited)
            except BaseException as error:  # noqa: BLE001 - goes to the coroutine, whatever it is
                step, argument = self._work.throw, error

    def _cancel_soon(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        for _ in range(self._times):
            loop.call_soon(task.cancel)


async def interrupted_everywhere(
    work: Callable[[], Coroutine[Any, Any, object]], *, within: float = 5.0, most: int = 400
) -> AsyncIterator[int]:
    """Run the work again and again, cancelled at its first suspension, then at its second, and so on.

    Gives the number of the suspension after each run; ends with the run that has no more suspensions, and must succeed.

    Args:
        work: Makes the coroutine.
        within: Seconds that a cancelled run may take.
        most: Suspensions that are tried.
    """
    for at in range(1, most + 1):
        run = CancelledAt(work(), at)
        task = asyncio.ensure_future(_awaited(run))
        done, _ = await asyncio.wait([task], timeout=within + 30)
        assert done, f"cancelled at suspension {at}, it goes on"
        if not run.reached:
            task.result()
            return
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        yield at
    raise AssertionError(f"more than {most} suspensions")


async def _awaited[T](work: Awaitable[T]) -> T:
    return await work

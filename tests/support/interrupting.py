"""Cancelling work at its n-th suspension, for all n."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any


class Interrupted[T]:
    """Awaits work, and cancels the awaiting task when the work suspends for the `at`-th time.

    Attributes:
        reached: Whether it came so far.
    """

    def __init__(self, work: Coroutine[Any, Any, T], at: int) -> None:
        self.reached = False
        self._work = work
        self._at = at

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[Any], Any] = self._work.send
        argument: Any = None
        for suspension in range(1, 1_000_000):
            try:
                waiting_for = step(argument)
            except StopIteration as end:
                result: T = end.value
                return result
            if suspension == self._at:
                self.reached = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                argument = yield waiting_for
                step = self._work.send
            except BaseException as error:  # noqa: BLE001 - whatever the task is sent is for the work
                step, argument = self._work.throw, error
        raise AssertionError("it never ends")


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
        run = Interrupted(work(), at)
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

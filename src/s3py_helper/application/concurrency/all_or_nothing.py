"""Several jobs of which either all succeed or none leaves a trace."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from s3py_helper.application.concurrency.completion import completed


async def all_or_nothing[Job, Result](
    jobs: Iterable[Job],
    do: Callable[[Job], Awaitable[Result]],
    undo: Callable[[Result], Awaitable[None]],
    *,
    at_once: int,
) -> list[Result]:
    """Do every job, at most `at_once` at a time; the results are in the order of the jobs.

    When one fails, or the call is cancelled, the jobs under way are cancelled, what had succeeded is undone, and the
    first failure is raised. `undo` is called shielded from cancellation and deals with its own errors.
    """
    done: dict[int, Result] = {}
    gate = asyncio.Semaphore(at_once)
    failed = asyncio.Event()

    async def run(index: int, job: Job) -> None:
        async with gate:
            # The group cancels the others a turn of the event loop later: long enough to begin one in vain.
            if not failed.is_set():
                try:
                    done[index] = await do(job)
                except BaseException:  # a cancelled job is one that has not succeeded, too
                    failed.set()
                    raise

    async def undo_all() -> None:
        for result in done.values():
            await undo(result)

    try:
        async with asyncio.TaskGroup() as group:
            for index, job in enumerate(jobs):
                group.create_task(run(index, job))
    except BaseException as error:
        await completed(undo_all())
        # Callers deal with one error of one file; the others are only its echo.
        if isinstance(error, BaseExceptionGroup):
            raise error.exceptions[0] from None
        raise
    return [done[index] for index in range(len(done))]

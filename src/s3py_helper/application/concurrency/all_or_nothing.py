"""Several jobs that either all succeed or leave nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from s3py_helper.application.concurrency.first_error import first_error_of


async def all_or_nothing[Job, Result](
    jobs: Iterable[Job],
    do: Callable[[Job], Awaitable[Result]],
    roll_back: Callable[[Sequence[Result]], Awaitable[None]],
    *,
    at_once: int,
) -> list[Result]:
    """Do every job, at most `at_once` at a time; the results are in the order of the jobs.

    When one fails, or the call is cancelled, the jobs in progress are cancelled, `roll_back` is given the results of
    those that had succeeded, and the first failure is raised.

    Args:
        jobs: What is to be done.
        do: Does one of them.
        roll_back: Handles its own errors, and a cancellation: it is not called again.
        at_once: How many run at a time.
    """
    done: dict[int, Result] = {}
    gate = asyncio.Semaphore(at_once)
    failed = asyncio.Event()

    async def run(index: int, job: Job) -> None:
        async with gate:
            # The group cancels the others one step of the event loop later, in which another would begin in vain.
            if not failed.is_set():
                try:
                    done[index] = await do(job)
                except BaseException:  # a cancelled job has not succeeded either
                    failed.set()
                    raise

    async def run_all() -> None:
        async with asyncio.TaskGroup() as group:
            for index, job in enumerate(jobs):
                group.create_task(run(index, job))

    try:
        await first_error_of(run_all())
    except BaseException:  # a cancellation as well: nobody would learn what was done
        await roll_back(list(done.values()))
        raise
    return [done[index] for index in range(len(done))]

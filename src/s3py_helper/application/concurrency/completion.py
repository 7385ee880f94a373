"""Finishing what must be finished, no matter who is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine


async def completed[T](work: Coroutine[None, None, T]) -> T:
    """Run `work` to its end even when the calling task is cancelled meanwhile, even repeatedly.

    A cancellation is kept and raised afterwards. For clean-up only (giving a connection back, aborting a multipart
    upload): an event loop that shuts down waits for it.
    """
    task = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancellation = error
    try:
        if cancellation is not None:
            if not task.cancelled():
                task.exception()  # marks it as seen: the cancellation is the one to report
            raise cancellation
        return task.result()
    finally:
        # The traceback of an error refers to this frame, which would refer to the error: everything that the frames
        # on its way refer to would stay in memory until Python looks for cycles.
        del task, cancellation


async def acquired[T](work: Coroutine[None, None, T], release: Callable[[T], object]) -> T:
    """As `completed`, for work that opens something: when the caller is cancelled meanwhile, it is released again.

    Args:
        work: Opens it.
        release: Closes it, at once.
    """
    opened: list[T] = []

    async def note() -> None:
        opened.append(await work)

    try:
        await completed(note())
    except asyncio.CancelledError:
        for resource in opened:
            release(resource)
        raise
    return opened[0]

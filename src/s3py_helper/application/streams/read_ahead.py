"""Running an async generator ahead of its reader."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Self

_END: Final = object()


class ReadAhead[Item]:
    """An async iterator over the items of a generator that runs in a task of its own, up to `depth` items ahead.

    What the generator raises is raised in its place, after the items that came before.

    An error refers to this object by its traceback, and the task to the error: so the task is dropped as soon as it has
    ended. Otherwise both, and all that is in the queue, would stay in memory until Python looks for cycles.
    """

    def __init__(self, source: AsyncGenerator[Item], *, depth: int) -> None:
        self._stopped = False
        self._room = asyncio.Semaphore(depth)
        self._items: asyncio.Queue[Item | object] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = asyncio.create_task(_run(source, self._room, self._items))
        # By a callback, so that it follows every item, however the task ends, and never waits for room.
        items = self._items
        self._task.add_done_callback(lambda _: items.put_nowait(_END))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        item = await self._items.get()
        if item is _END:
            self._items.put_nowait(_END)
            self._raise_error()
            raise StopAsyncIteration
        self._room.release()
        return item  # type: ignore[return-value] # everything but the mark is an item

    def stop(self) -> None:
        """Stop the generator, which from now on only cleans up. To be followed by `aclose`."""
        if self._task is not None and not self._stopped:
            # Once: a second cancellation would cut the clean-up short.
            self._stopped = True
            self._task.cancel()

    async def aclose(self) -> None:
        """Stop the generator and wait until it has cleaned up."""
        if self._task is None:
            return
        self.stop()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()  # marks it as seen: nobody wants it any more
        self._task = None
        self._items = asyncio.Queue()
        self._items.put_nowait(_END)

    def _raise_error(self) -> None:
        """Raise what the generator raised, if anything, once."""
        task, self._task = self._task, None
        try:
            if task is not None:
                task.result()
        finally:
            del task  # the traceback of the error refers to this frame


async def _run[Item](
    source: AsyncGenerator[Item], room: asyncio.Semaphore, items: "asyncio.Queue[Item | object]"
) -> None:
    async with aclosing(source):
        async for item in source:
            await room.acquire()
            items.put_nowait(item)

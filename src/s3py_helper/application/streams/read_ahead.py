"""Running an async generator ahead of whoever reads it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Self

_END: Final = object()


class ReadAhead[Item]:
    """An async iterator over the items of a generator that runs in a task of its own, up to `depth` items ahead.

    What the generator raises is raised in its turn, after the items that came before.
    """

    def __init__(self, source: AsyncGenerator[Item], *, depth: int) -> None:
        self._room = asyncio.Semaphore(depth)
        self._items: asyncio.Queue[Item | object] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(source))
        # By callback, so that it comes after every item, however the task ends, and never waits for room.
        self._task.add_done_callback(lambda _: self._items.put_nowait(_END))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        item = await self._items.get()
        if item is _END:
            self._items.put_nowait(_END)
            self._task.result()
            raise StopAsyncIteration
        self._room.release()
        return item  # type: ignore[return-value] # everything but the mark is an item

    async def aclose(self) -> None:
        """Stop the generator and wait until it has cleaned up."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()  # marks it as seen: nobody is interested any more

    async def _run(self, source: AsyncGenerator[Item]) -> None:
        async with aclosing(source):
            async for item in source:
                await self._room.acquire()
                self._items.put_nowait(item)

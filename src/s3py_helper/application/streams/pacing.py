"""Long work that yields to the event loop."""

import asyncio
from collections.abc import Iterable
from typing import Final, Self

_ITEMS_AT_ONCE: Final = 25
"""At some 20 µs for each, 0.5 ms."""


class Paced[Item]:
    """An async iterator over the items that yields to the event loop now and then.

    Not a generator: a loop over it may end early, and leaves nothing to close.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._given = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        self._given += 1
        if self._given % _ITEMS_AT_ONCE == 0:
            await asyncio.sleep(0)
        for item in self._items:
            return item
        raise StopAsyncIteration


class Pause:
    """Yields to the event loop now and then: a source that has all its bytes at hand never waits, however many it has.

    Args:
        every: After how many bytes.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._passed = 0

    async def after(self, chunk: bytes) -> None:
        """To be called for each chunk."""
        self._passed += len(chunk)
        if self._passed >= self._every:
            self._passed = 0
            await asyncio.sleep(0)

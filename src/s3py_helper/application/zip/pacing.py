"""Long lists, without making others wait."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Final

_ITEMS_AT_ONCE: Final = 25
"""At some 20 µs for each, 0.5 ms."""


async def paced[Item](items: Iterable[Item]) -> AsyncGenerator[Item]:
    """The items; the event loop gets a turn now and then."""
    for index, item in enumerate(items, 1):
        yield item
        if index % _ITEMS_AT_ONCE == 0:
            await asyncio.sleep(0)

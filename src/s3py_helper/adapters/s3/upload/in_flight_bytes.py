"""How much of one upload may be in memory."""

import asyncio
from typing import Final

from s3py_helper.domain.part_plan import MIB

MOST_BYTES: Final = 128 * MIB
"""Bytes of parts in flight where parts are larger than configured. A single part may be larger than that."""


class InFlightBytes:
    """Admits parts as long as there are few enough of them, and they are small enough together.

    Args:
        parts: Most parts at once.
        part_size: The configured size of a part in bytes; `parts` of this size are always admitted.
    """

    def __init__(self, parts: int, part_size: int) -> None:
        self._parts = parts
        self._most_bytes = max(MOST_BYTES, parts * part_size)
        self._held: list[int] = []
        self._released = asyncio.Event()

    async def acquire(self, size: int) -> None:
        """Wait until a part of `size` bytes may be read into memory. For one task at a time."""
        while self._held and (len(self._held) >= self._parts or sum(self._held) + size > self._most_bytes):
            self._released.clear()
            await self._released.wait()
        self._held.append(size)

    def release(self, size: int) -> None:
        """Note that a part of that size has left memory."""
        self._held.remove(size)
        self._released.set()

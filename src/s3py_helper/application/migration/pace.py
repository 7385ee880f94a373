"""Holding a migration to its limits, which all workers share, and which may change while it runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from math import ceil
from typing import Final

from s3py_helper.application.ports.ledger import Ledger, Limits

_SLICE_SECONDS: Final = 0.1
"""Seconds' worth of the limit to draw at once: it bounds the number of draws, and how far one worker gets ahead."""


class Tokens:
    """Bytes or files that this worker has drawn from the account of all.

    Args:
        draw: Draws that many tokens; returns the seconds until their turn.
        on_wait: Is called when it has to wait for that.
    """

    def __init__(self, draw: Callable[[int], Awaitable[float]], on_wait: Callable[[], None] = lambda: None) -> None:
        self._draw = draw
        self._on_wait = on_wait
        self._rate: int | None = None
        self._left = 0
        self._taking = asyncio.Lock()
        self._changed = asyncio.Event()

    def set_rate(self, rate: int | None) -> None:
        """Tokens a second for all workers together, from now on; `None` for no limit."""
        if rate != self._rate:
            self._rate = rate
            self._left = 0
            self._changed.set()

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._rate is not None

    async def take(self, count: int) -> None:
        """Wait until that many tokens are there.

        Raises:
            StorageException: The ledger could not be asked.
        """
        if not self.limited:
            return
        async with self._taking:
            while self._left < count:
                if (rate := self._rate) is None:
                    return
                await self._draw_more(rate, count - self._left)
            self._left -= count

    async def _draw_more(self, rate: int, missing: int) -> None:
        self._changed.clear()
        count = max(missing, ceil(rate * _SLICE_SECONDS))
        seconds = await self._draw(count)
        if seconds > 0:
            self._on_wait()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()  # then this was drawn from an account that no longer counts
        except TimeoutError:
            self._left += count


class Pace:
    """Bytes and files a second of one worker, out of what all workers of the ledger share.

    Args:
        ledger: Keeps the account.

    Attributes:
        limited_by: What last held the worker up: `bytes`, `files`, or nothing.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.limited_by: str | None = None
        self._bytes = Tokens(lambda count: ledger.draw("bytes", count), lambda: self._held_up("bytes"))
        self._files = Tokens(lambda count: ledger.draw("files", count), lambda: self._held_up("files"))

    def set_limits(self, limits: Limits) -> None:
        """Keep to these limits."""
        self._bytes.set_rate(limits.bytes_per_second)
        self._files.set_rate(limits.files_per_second)
        if limits.bytes_per_second is None and limits.files_per_second is None:
            self.limited_by = None

    async def next_file(self) -> None:
        """Wait until another file may begin."""
        await self._files.take(1)

    async def next_bytes(self, count: int) -> None:
        """Wait until that many bytes may pass."""
        await self._bytes.take(count)

    async def paced(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, as fast as they may come."""
        async for chunk in chunks:
            await self._bytes.take(len(chunk))
            yield chunk

    def _held_up(self, limit: str) -> None:
        self.limited_by = limit

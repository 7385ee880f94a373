"""Holding a migration to its limits, which may change while it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Final

from s3py_helper.application.ports.ledger import Limits

_BURST_SECONDS: Final = 1.0
"""What was not used within a second is lost, so that no window of ten has a tenth more than it may."""


class Bucket:
    """So many tokens a second.

    Args:
        clock: Gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._rate: int | None = None
        self._tokens = 0.0
        self._filled_at = clock()

    def set_rate(self, rate: int | None) -> None:
        """Tokens a second from now on; `None` for no limit."""
        self._fill()
        if rate != self._rate:
            self._rate = rate
            self._tokens = min(self._tokens, float(rate or 0))

    async def take(self, count: int) -> bool:
        """Wait until so many tokens are there, or as many as a second brings; gives whether that took time."""
        if self._rate is None:
            return False
        waited = False
        # Taken in advance and waited for after: a chunk larger than a second's tokens is let through, and paid for.
        self._fill()
        self._tokens -= count
        while (rate := self._rate) and self._tokens < 0:
            waited = True
            await asyncio.sleep(min(-self._tokens / rate, 1.0))
            self._fill()
        return waited

    def _fill(self) -> None:
        now = self._clock()
        if self._rate is not None:
            most = self._rate * _BURST_SECONDS
            self._tokens = min(most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now


class Pace:
    """Bytes and files a second of one worker.

    Attributes:
        limited_by: What held the worker up last: `bytes`, `files`, or nothing.
    """

    def __init__(self) -> None:
        self.limited_by: str | None = None
        self._bytes = Bucket()
        self._files = Bucket()

    def set_limits(self, limits: Limits, workers: int = 1) -> None:
        """Keep to these limits, as one of so many workers that share them."""
        self._bytes.set_rate(_share(limits.bytes_per_second, workers))
        self._files.set_rate(_share(limits.files_per_second, workers))
        if limits.bytes_per_second is None and limits.files_per_second is None:
            self.limited_by = None

    async def next_file(self) -> None:
        """Wait until another file may begin."""
        if await self._files.take(1):
            self.limited_by = "files"

    async def paced(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, as fast as they may come."""
        async for chunk in chunks:
            if await self._bytes.take(len(chunk)):
                self.limited_by = "bytes"
            yield chunk


def _share(rate: int | None, workers: int) -> int | None:
    return None if rate is None else max(1, rate // workers)

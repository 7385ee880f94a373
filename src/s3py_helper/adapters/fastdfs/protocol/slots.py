"""How many connections to a server may be in use, and which of them may be held for long."""

import asyncio
from collections import deque
from typing import Final

_RESERVED: Final = 8
"""One slot in this many is reserved for short requests."""


class Slots:
    """At most `size` slots in use. Long users, such as transfers, leave an eighth of them to short requests.

    A single slot is not divided. Short requests are served first: they are over soon.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._free_for_long = size - (max(1, size // _RESERVED) if size > 1 else 0)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waiting_for_long: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many slots are free."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot."""
        return len(self._waiting) + len(self._waiting_for_long)

    def try_acquire(self, *, long: bool) -> bool:
        """Take a slot if one is free; no caller waits while one is."""
        if self._free <= 0 or (long and self._free_for_long <= 0):
            return False
        self._take(long=long)
        return True

    async def acquire(self, *, long: bool) -> None:
        """Take a slot as soon as one is free."""
        if self.try_acquire(long=long):
            return
        queue = self._waiting_for_long if long else self._waiting
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # a slot had just been granted
                self.release(long=long)
            raise

    def release(self, *, long: bool) -> None:
        """Release a slot; `long` as it was acquired."""
        self._free += 1
        self._free_for_long += long
        if self._waiting or self._waiting_for_long:
            self._serve(self._waiting, long=False)
            if self._free_for_long > 0:
                self._serve(self._waiting_for_long, long=True)

    def wake_all(self) -> None:
        """Grant a slot to every waiting caller, as if there were enough."""
        while self._waiting:
            self._free += 1
            self._serve(self._waiting, long=False)
        while self._waiting_for_long:
            self._free += 1
            self._free_for_long += 1
            self._serve(self._waiting_for_long, long=True)

    def _serve(self, queue: deque[asyncio.Future[None]], *, long: bool) -> None:
        while queue and self._free > 0:
            turn = queue.popleft()
            if not turn.done():
                self._take(long=long)
                turn.set_result(None)
                return

    def _take(self, *, long: bool) -> None:
        self._free -= 1
        self._free_for_long -= long

"""How many may use a server at once, and who of them may stay."""

import asyncio
from collections import deque
from typing import Final

_RESERVED: Final = 8
"""One slot of so many is kept for short requests."""


class Slots:
    """At most `size` users at once. Those who stay for long, as transfers do, leave an eighth to short requests.

    With fewer than two slots there is nothing to keep. Short requests go first: they are over soon.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._free_for_long = size - (max(1, size // _RESERVED) if size > 1 else 0)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waiting_for_long: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many slots nobody uses."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting) + len(self._waiting_for_long)

    def try_acquire(self, *, long: bool) -> bool:
        """Take a slot if there is one; where there is, nobody waits for it."""
        if self._free <= 0 or (long and self._free_for_long <= 0):
            return False
        self._take(long=long)
        return True

    async def acquire(self, *, long: bool) -> None:
        """Take a slot, as soon as there is one."""
        if self.try_acquire(long=long):
            return
        queue = self._waiting_for_long if long else self._waiting
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had just been given one
                self.release(long=long)
            raise

    def release(self, *, long: bool) -> None:
        """Give a slot back; `long` is what it was acquired with."""
        self._free += 1
        self._free_for_long += long
        self._serve(self._waiting, long=False)
        if self._free_for_long > 0:
            self._serve(self._waiting_for_long, long=True)

    def wake_all(self) -> None:
        """Let all who wait acquire a slot, as if there were enough."""
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

"""A semaphore whose number of places can be changed while it is used."""

import asyncio
from collections import deque
from types import TracebackType


class Gate:
    """Lets a number of callers through at a time, in the order in which they came; `async with gate:` holds a place.

    Args:
        places: How many; at least 1.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, places: int) -> None:
        """Change the number of places. Holders keep theirs: surplus places are not granted again."""
        self._places = max(1, places)
        self._admit()

    async def acquire(self) -> None:
        """Wait for a place."""
        if self._taken < self._places and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # the place came together with the cancellation
            elif turn in self._waiting:  # who left at the same time may have passed it over
                self._waiting.remove(turn)
            raise

    def release(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._admit()

    async def __aenter__(self) -> None:
        """Wait for a place."""
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.release()

    def _admit(self) -> None:
        while self._waiting and self._taken < self._places:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

"""Memory that tasks share, counted in bytes."""

import asyncio
from collections import deque
from types import TracebackType


class Room:
    """Admits pieces as long as they fit, in the order in which they came. One larger than the room is admitted alone.

    Args:
        size: Bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def of(self, size: int) -> "RoomHeld":
        """`async with room.of(size):` holds this many bytes for as long as the block is open."""
        return RoomHeld(self, size)

    async def acquire(self, size: int) -> None:
        """Wait for this many bytes."""
        if not self._waiting and self._fits(size):
            self._taken += size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(size)  # its turn came together with the cancellation
            elif (size, turn) in self._waiting:  # who left at the same time may have passed it over
                self._waiting.remove((size, turn))
                self._admit()
            raise

    def release(self, size: int) -> None:
        """Give them back."""
        self._taken -= size
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._taken += size
                turn.set_result(None)

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._size


class RoomHeld:
    """See `Room.of`. A class, because a generator for each small file would show."""

    __slots__ = ("_room", "_size")

    def __init__(self, room: Room, size: int) -> None:
        self._room = room
        self._size = size

    async def __aenter__(self) -> None:
        """Wait for the bytes."""
        await self._room.acquire(self._size)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        self._room.release(self._size)

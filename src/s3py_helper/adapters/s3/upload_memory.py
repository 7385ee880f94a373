"""How much of all uploads may be in memory."""

import asyncio


class UploadMemory:
    """What the uploads of one session have in memory together.

    Each has the part that it reads or sends, whatever the others have: one that stalls stops nobody. Further parts it
    has only while all uploads together stay within a number of bytes, or while it is the only one.

    Args:
        most: That number.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._released = asyncio.Event()

    @property
    def scarce(self) -> bool:
        """Whether there is none for further parts."""
        return self._held > self._most

    def admits(self, size: int, own: int) -> bool:
        """Whether an upload that has `own` bytes already may have a further part."""
        others = self._held - own
        return not others or self._held + size <= self._most

    def acquire(self, size: int) -> None:
        """Bytes are in memory from now on."""
        self._held += size

    def release(self, size: int) -> None:
        """They are no longer in memory."""
        self._held -= size
        self._released.set()

    async def wait_for_release(self) -> None:
        """Wait until some have left memory."""
        self._released.clear()
        await self._released.wait()

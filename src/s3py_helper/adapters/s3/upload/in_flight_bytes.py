"""How much of one upload may be in memory."""

from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.s3.upload_memory import UploadMemory
from s3py_helper.domain.part_plan import MIB

MOST_BYTES: Final = 128 * MIB
"""Bytes of parts in flight where parts are larger than configured. A single part may be larger than that."""


class InFlightBytes:
    """Admits parts of one upload as long as there are few enough of them, and they are small enough together.

    A context: at its end, all parts have left memory.

    Args:
        memory: What all uploads share.
        parts: Most parts at once.
        part_size: The configured size of a part in bytes; an upload that is alone may always have `parts` of this size.
    """

    def __init__(self, memory: UploadMemory, parts: int, part_size: int) -> None:
        self._memory = memory
        self._parts = parts
        self._most_bytes = max(MOST_BYTES, parts * part_size)
        self._held: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.release(sum(self._held))
        self._held.clear()

    async def acquire(self, size: int) -> None:
        """Wait until a part of `size` bytes may be read into memory. For one task at a time."""
        while self._held and not self._admits(size):
            await self._memory.wait_for_release()
        self._held.append(size)
        self._memory.acquire(size)

    def release(self, size: int) -> None:
        """Note that a part of that size has left memory."""
        self._held.remove(size)
        self._memory.release(size)

    def _admits(self, size: int) -> bool:
        own = sum(self._held)
        if len(self._held) >= self._parts or own + size > self._most_bytes:
            return False
        return self._memory.admits(size, own)

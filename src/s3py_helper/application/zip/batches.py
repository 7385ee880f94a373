"""Chunks of any size, as batches of one size."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from s3py_helper.application.streams.pacing import Pause

_BYTES_AT_ONCE: Final = 256 * 1024

type Batch = list[bytes | memoryview]
"""Bytes in chunks that are still to be joined: copying a MiB is work for a thread."""


async def batched(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[Batch]:
    """Yield exactly `size` bytes at a time, the rest at the end.

    So an archive does not depend on how the network happened to cut its files, and work has a size that is worth a
    thread.
    """
    batch: Batch = []
    held = 0
    pause = Pause(_BYTES_AT_ONCE)
    async for chunk in chunks:
        await pause.after(chunk)
        rest: bytes | memoryview = chunk
        while held + len(rest) >= size:
            view = memoryview(rest)
            batch.append(view[: size - held])
            rest = view[size - held :]
            yield batch
            batch, held = [], 0
        if rest:
            batch.append(rest)
            held += len(rest)
    if batch:
        yield batch


async def one_batch(chunks: AsyncIterator[bytes], size: int) -> Batch | None:
    """All chunks together; `None` when they do not have `size` bytes."""
    batch: Batch = []
    held = 0
    pause = Pause(_BYTES_AT_ONCE)
    async for chunk in chunks:
        held += len(chunk)
        if held > size:
            return None
        batch.append(chunk)
        await pause.after(chunk)
    return batch if held == size else None


class Coalescer:
    """Joins small pieces of output into chunks of at least `size` bytes; large ones are passed on as they are."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[bytes] = []
        self._held = 0

    def add(self, piece: bytes) -> list[bytes]:
        """Take the next piece; returns the chunks that are ready now, mostly none."""
        if len(piece) >= self._size:
            return [*self.rest(), piece]
        if piece:
            self._parts.append(piece)
            self._held += len(piece)
        return self.rest() if self._held >= self._size else []

    def rest(self) -> list[bytes]:
        """What is held, as one chunk."""
        parts, self._parts, self._held = self._parts, [], 0
        return [b"".join(parts)] if parts else []

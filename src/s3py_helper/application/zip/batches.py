"""Chunks of any size, as batches of one size."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

_BYTES_AT_ONCE: Final = 256 * 1024

type Batch = list[bytes | memoryview]
"""Bytes in parts that are still to be joined: copying a MiB is work for a thread."""


async def batched(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[Batch]:
    """Yield exactly `size` bytes at a time, the rest at the end.

    An archive is then the same however the network happened to cut its files. It also makes work of a size that is
    worth a thread.
    """
    batch: Batch = []
    held = 0
    pause = _Pause()
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
    pause = _Pause()
    async for chunk in chunks:
        held += len(chunk)
        if held > size:
            return None
        batch.append(chunk)
        await pause.after(chunk)
    return batch if held == size else None


class _Pause:
    """Lets others have a turn: a source that has all its bytes at hand never waits, and there may be many of those."""

    def __init__(self) -> None:
        self._passed = 0

    async def after(self, chunk: bytes) -> None:
        self._passed += len(chunk)
        if self._passed > _BYTES_AT_ONCE:
            self._passed = 0
            await asyncio.sleep(0)


async def coalesced(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes]:
    """Yield at least `size` bytes at a time; large chunks are passed on as they are."""
    parts: list[bytes] = []
    held = 0
    async for chunk in chunks:
        large = len(chunk) >= size
        if chunk and not large:
            parts.append(chunk)
            held += len(chunk)
        if parts and (large or held >= size):
            yield b"".join(parts)
            parts, held = [], 0
        if large:
            yield chunk
    if parts:
        yield b"".join(parts)

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
    held = unpaused = 0
    async for chunk in chunks:
        unpaused += len(chunk)
        if unpaused > _BYTES_AT_ONCE:
            # A source that has all its bytes at hand never waits; with many of those nobody else had a turn for long.
            unpaused = 0
            await asyncio.sleep(0)
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

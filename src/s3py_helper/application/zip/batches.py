"""Chunks of any size, as batches of one size."""

from collections.abc import AsyncGenerator, AsyncIterator


async def batched_bytes(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes]:
    """Yield exactly `size` bytes at a time, the rest at the end.

    An archive is then the same however the network happened to cut its files. It also makes work of a size that is
    worth a thread.
    """
    parts: list[bytes | memoryview] = []
    held = 0
    async for chunk in chunks:
        rest = memoryview(chunk)
        while held + len(rest) >= size:
            parts.append(rest[: size - held])
            rest = rest[size - held :]
            yield b"".join(parts)
            parts, held = [], 0
        if rest:
            parts.append(rest)
            held += len(rest)
    if parts:
        yield b"".join(parts)


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

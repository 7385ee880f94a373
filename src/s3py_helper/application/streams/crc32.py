"""CRC-32 of bytes that pass, without holding up others."""

import asyncio
from typing import Final

from isal import isal_zlib

_LARGE: Final = 4 * 1024 * 1024
"""Summing so many bytes takes long enough (about 0.1 ms per MiB at worst) to be worth a thread."""


async def crc32_with(chunk: bytes | memoryview, crc32: int) -> int:
    """The CRC-32 of everything so far, `crc32` being that of what came before the chunk."""
    if len(chunk) > _LARGE:
        return await asyncio.to_thread(isal_zlib.crc32, chunk, crc32)
    return isal_zlib.crc32(chunk, crc32)


def crc32_of_rest(before: int, whole: int, size: int) -> int:
    """The CRC-32 of the last `size` bytes of something, by those of all of it and of what comes before them."""
    # Appending the rest to the beginning combines their sums by exclusive or, after the first was moved up (zlib's
    # crc32_combine); the same again takes the beginning away.
    return whole ^ isal_zlib.crc32_combine(before, 0, size)

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

"""Bytes in memory that can be sent as often as it takes."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from isal import isal_zlib

# From so many bytes on, the sum takes a few tenths of a millisecond and is left to a thread.
_CRC_OFF_LOOP: Final = 16 * 1024 * 1024
_SHA_OFF_LOOP: Final = 256 * 1024

type Chunk = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Buffer:
    """Chunks in order. They stay where they are: nothing is joined or copied on the way to the socket."""

    chunks: Sequence[Chunk] = ()
    size: int = 0

    def pieces(self, largest: int) -> Iterator[Chunk]:
        """The bytes in views of at most `largest` bytes."""
        for chunk in self.chunks:
            if len(chunk) <= largest:
                yield chunk
            else:
                view = memoryview(chunk)
                for start in range(0, len(view), largest):
                    yield view[start : start + largest]

    async def crc32(self) -> int:
        """CRC-32 of all bytes."""
        return self._crc32() if self.size < _CRC_OFF_LOOP else await asyncio.to_thread(self._crc32)

    async def sha256(self) -> str:
        """Hex SHA-256 of all bytes."""
        return self._sha256() if self.size < _SHA_OFF_LOOP else await asyncio.to_thread(self._sha256)

    def _crc32(self) -> int:
        value = 0
        for chunk in self.chunks:
            value = isal_zlib.crc32(chunk, value)
        return value

    def _sha256(self) -> str:
        digest = sha256()
        for chunk in self.chunks:
            digest.update(chunk)
        return digest.hexdigest()


EMPTY: Final = Buffer()


def buffer_of(content: Chunk) -> Buffer:
    """A buffer of one chunk."""
    return Buffer((content,), len(content)) if content else EMPTY

"""Bytes in memory, which can be sent as often as it takes."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from isal import isal_zlib

# Hashing this many bytes takes a few tenths of a millisecond, and is left to a thread.
_SHA_OFF_LOOP: Final = 256 * 1024

type Chunk = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Payload:
    """Chunks in order. They stay where they are: nothing is joined or copied on the way to the socket.

    Attributes:
        chunks: The bytes.
        size: How many there are.
        crc32: Their CRC-32.
    """

    chunks: Sequence[Chunk] = ()
    size: int = 0
    crc32: int = 0

    def pieces(self, largest: int) -> Iterator[Chunk]:
        """The bytes in views of at most `largest` bytes."""
        for chunk in self.chunks:
            view = memoryview(chunk)
            for start in range(0, len(view), largest):
                yield view[start : start + largest]

    async def sha256(self) -> str:
        """Hex SHA-256 of all bytes."""
        return self._sha256() if self.size < _SHA_OFF_LOOP else await asyncio.to_thread(self._sha256)

    def _sha256(self) -> str:
        digest = sha256()
        for chunk in self.chunks:
            digest.update(chunk)
        return digest.hexdigest()


EMPTY: Final = Payload()


def payload_of(content: Chunk) -> Payload:
    """A buffer of one small chunk."""
    return Payload((content,), len(content), isal_zlib.crc32(content)) if content else EMPTY

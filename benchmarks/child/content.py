"""Bytes that everybody can make and check without keeping them."""

import io
import random
from collections.abc import AsyncIterator, Iterator

PERIOD = 1_048_583
"""A prime: blocks of a usual size that change places, or come twice, show."""

CHUNK = 256 * 1024
_EDGE = 64


class Pattern:
    """An endless sequence of bytes that do not compress."""

    def __init__(self, seed: int = 1) -> None:
        block = random.Random(seed).randbytes(PERIOD)
        self._block = block + block

    def at(self, offset: int, length: int) -> bytes:
        start = offset % PERIOD
        if start + length <= 2 * PERIOD:
            return self._block[start : start + length]
        return (self._block[start : start + PERIOD] * (length // PERIOD + 1))[:length]

    def matches(self, offset: int, piece: bytes | memoryview) -> bool:
        """Compares small pieces whole and large ones at both edges, where what is lost or swapped shows."""
        if len(piece) <= 4096:
            return self.at(offset, len(piece)) == piece
        end = len(piece) - _EDGE
        return piece[:_EDGE] == self.at(offset, _EDGE) and piece[end:] == self.at(offset + end, _EDGE)


class Source:
    """A file that is made while it is read, by `for` or by `async for`.

    Attributes:
        size: Its size, or `None` when readers are not to know.
    """

    def __init__(self, pattern: Pattern, size: int, *, tell_size: bool = True) -> None:
        self._pattern = pattern
        self._size = size
        self.size = size if tell_size else None

    def __iter__(self) -> Iterator[bytes]:
        for offset in range(0, self._size, CHUNK):
            yield self._pattern.at(offset, min(CHUNK, self._size - offset))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def reader(self) -> "io.BufferedReader":
        """The same as a binary file object that cannot seek."""
        return io.BufferedReader(_Raw(iter(self)), CHUNK)


class _Raw(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview", /) -> int:  # type: ignore[override]  # BufferedReader gives a memoryview
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class CheckedSink:
    """Takes a download piece by piece, keeps nothing, and knows in the end whether it was right."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self.received = 0

    def write(self, piece: bytes | memoryview) -> int:
        if not self._pattern.matches(self.received, piece):
            raise ValueError(f"wrong bytes within the {len(piece)} after position {self.received}")
        self.received += len(piece)
        return len(piece)

    def require(self, size: int) -> None:
        if self.received != size:
            raise ValueError(f"{self.received} bytes came instead of {size}")

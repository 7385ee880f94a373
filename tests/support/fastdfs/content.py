"""The bytes of one file: in memory while small, in an unnamed temporary file from then on."""

import tempfile
import weakref
import zlib
from collections.abc import Iterator
from typing import IO, Final, Self

MEMORY_LIMIT: Final = 1024 * 1024
PIECE: Final = 256 * 1024


class Content:
    """Replicas share the content of a file that cannot change. The last one to forget it frees it."""

    def __init__(self) -> None:
        file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_LIMIT)  # noqa: SIM115 - closed by the finalizer below
        self._file = file
        self._size = 0
        weakref.finalize(self, file.close)

    @property
    def size(self) -> int:
        return self._size

    def crc32(self) -> int:
        value = 0
        for piece in self.pieces(0, self._size):
            value = zlib.crc32(piece, value)
        return value

    def pieces(self, offset: int, length: int) -> Iterator[bytes]:
        end = min(offset + length, self._size)
        while offset < end:
            self._file.seek(offset)
            piece = self._file.read(min(PIECE, end - offset))
            offset += len(piece)
            yield piece

    def write(self, offset: int, data: bytes) -> None:
        self._file.seek(offset)
        self._file.write(data)
        self._size = max(self._size, offset + len(data))

    def append(self, data: bytes) -> None:
        self.write(self._size, data)

    def overlay(self, offset: int, other: Self) -> None:
        for piece in other.pieces(0, other.size):
            self.write(offset, piece)
            offset += len(piece)

    def resize(self, size: int) -> None:
        """Cut, or fill up with NUL bytes."""
        if size < self._size:
            self._file.seek(size)
            self._file.truncate()
            self._size = size
        while self._size < size:
            self.append(bytes(min(PIECE, size - self._size)))

    def copy(self) -> Self:
        twin = type(self)()
        twin.overlay(0, self)
        return twin

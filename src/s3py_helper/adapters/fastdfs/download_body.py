"""The bytes of a download."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.fastdfs.errors import translated
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.domain.errors import IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

CHUNK_BYTES: Final = 256 * 1024

type Refill = Callable[[int, int], Awaitable[bytes]]
"""Fetches a number of bytes from a position of the file, over a connection of its own."""


class HeldBody:
    """A body that has arrived as a whole: a slow reader holds no connection.

    Args:
        crc32: The checksum to compare it with, if any.
    """

    def __init__(self, file_id: FileId, content: bytes, crc32: int | None) -> None:
        self._file_id = file_id
        self._content = content
        self._expected_crc32 = crc32
        self._closed = False

    def __aiter__(self) -> "HeldBody":
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise _closed(self._file_id)
        content, self._content = self._content, b""
        if not content:
            raise StopAsyncIteration
        if self._expected_crc32 is not None:
            _compare(isal_zlib.crc32(content), self._expected_crc32, self._file_id)
        return content

    def close(self) -> None:
        """Drop the bytes."""
        self._closed = True


class StreamedBody:
    """Chunks of a file as they arrive. The connection goes back to its pool with the last of them.

    When others wait for a connection while the reader stands still, it goes back earlier, and the rest is fetched chunk
    by chunk as the reader asks for it.

    Args:
        connection: Receives the chunks.
        start: Position of the first of them in the file.
        size: How many bytes will come.
        crc32: The checksum to compare them with, if any, before the last chunk is handed over.
        refill: Fetches the rest; `None` for a file that may change meanwhile.
    """

    def __init__(
        self,
        file_id: FileId,
        connection: FramedConnection,
        start: int,
        size: int,
        crc32: int | None,
        refill: Refill | None,
    ) -> None:
        self._file_id = file_id
        self._connection: FramedConnection | None = connection
        self._position = start
        self._left = size
        self._expected_crc32 = crc32
        self._crc32 = 0
        self._refill = refill
        self._closed = False
        if refill is not None:
            connection.on_demand = self._release
            connection.stands_still_since = connection.channel.now()

    def __aiter__(self) -> "StreamedBody":
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise _closed(self._file_id)
        if not self._left:
            raise StopAsyncIteration
        with translated("download", self._file_id):
            chunk = await self._next(min(CHUNK_BYTES, self._left))
        self._position += len(chunk)
        self._left -= len(chunk)
        if self._expected_crc32 is not None:
            self._crc32 = isal_zlib.crc32(chunk, self._crc32)
        if not self._left:
            self._release()
            if self._expected_crc32 is not None:
                _compare(self._crc32, self._expected_crc32, self._file_id)
        return chunk

    def close(self) -> None:
        """Release the connection, however much was read."""
        self._closed = True
        self._release()

    async def _next(self, size: int) -> bytes:
        connection = self._connection
        if connection is None:
            if self._refill is None:
                raise _closed(self._file_id)
            return await self._refill(self._position, size)
        connection.stands_still_since = inf
        chunk = await connection.receive(size)
        if self._refill is not None:
            connection.stands_still_since = connection.channel.now()
        return chunk

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()


type DownloadBody = HeldBody | StreamedBody


def _compare(crc32: int, expected: int, file_id: FileId) -> None:
    if crc32 != expected:
        raise IntegrityException(
            f"download of {file_id}: the bytes have the CRC-32 {crc32:08x}, the id says {expected:08x}",
            operation="download",
            file_id=str(file_id),
            backend=Backend.FASTDFS,
        )


def _closed(file_id: FileId) -> StorageOperationException:
    return StorageOperationException(
        f"download of {file_id}: the file has been closed",
        operation="download",
        file_id=str(file_id),
        backend=Backend.FASTDFS,
    )

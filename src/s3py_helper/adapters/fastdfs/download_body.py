"""The bytes of a download."""

from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.fastdfs.errors import translated
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.domain.errors import IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

_CHUNK_BYTES: Final = 256 * 1024


class DownloadBody:
    """Chunks of a file as they come in. The connection goes back to its pool with the last of them.

    Args:
        connection: Where they come from.
        size: How many will come.
        crc32: Their checksum, where it is to be compared: before the last chunk is handed over.
    """

    def __init__(self, file_id: FileId, connection: FramedConnection, size: int, crc32: int | None) -> None:
        self._file_id = file_id
        self._connection: FramedConnection | None = connection
        self._left = size
        self._expected_crc32 = crc32
        self._crc32 = 0
        self._closed = False
        if not size:
            self._release()

    def __aiter__(self) -> "DownloadBody":
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise StorageOperationException(
                f"download of {self._file_id}: the file has been closed",
                operation="download",
                file_id=str(self._file_id),
                backend=Backend.FASTDFS,
            )
        if self._connection is None:
            raise StopAsyncIteration
        with translated("download", self._file_id):
            chunk = await self._connection.receive(min(_CHUNK_BYTES, self._left))
        self._left -= len(chunk)
        if self._expected_crc32 is not None:
            self._crc32 = isal_zlib.crc32(chunk, self._crc32)
        if not self._left:
            self._release()
            self._verify()
        return chunk

    def close(self) -> None:
        """Let go of the connection, however much was read."""
        self._closed = True
        self._release()

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    def _verify(self) -> None:
        if self._expected_crc32 is not None and self._crc32 != self._expected_crc32:
            raise IntegrityException(
                f"download of {self._file_id}: the bytes have the CRC-32 {self._crc32:08x}, "
                f"the id says {self._expected_crc32:08x}",
                operation="download",
                file_id=str(self._file_id),
                backend=Backend.FASTDFS,
            )

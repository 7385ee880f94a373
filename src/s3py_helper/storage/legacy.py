"""Helpers that s3py-helper 0.0.17 let its users import; nothing here needs them any more."""

import asyncio
from pathlib import PurePosixPath
from typing import Final, Protocol

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.object_key import new_object_key

REAL_FILE_NAME_KEY: Final = "--real-file-name--"
"""The metadata key under which S3 keeps the percent-encoded original file name."""


def extract_file_extension(file_name: str) -> str:
    """What follows the last dot of a name, in lower case; empty where there is none, or where a name begins with it."""
    stem, _, extension = PurePosixPath(file_name).name.rpartition(".")
    return extension.lower() if stem else ""


def generate_object_key(file_name: str, folder: str | None = None) -> str:
    """A fresh object key: `[folder/]<16 random hex digits>_<file name>`.

    Raises:
        InvalidArgumentException: The folder is not a path of valid names, or the key would be too long.
    """
    return new_object_key(file_name, folder)


def build_s3_file_id(bucket: str, key: str) -> str:
    """The id that raw S3 services give and take: `bucket/key`."""
    return f"{bucket}/{key}"


def parse_s3_file_id(file_id: str) -> tuple[str, str]:
    """Bucket and key of an id that reads `bucket/key`.

    Raises:
        InvalidArgumentException: One of them is missing.
    """
    bucket, _, key = file_id.partition("/")
    if not bucket or not key:
        raise InvalidArgumentException(f"invalid S3 file id {file_id!r}: it reads bucket/key", file_id=file_id)
    return bucket, key


class BinaryWriteable(Protocol):
    """A binary output that can only be written to."""

    def write(self, data: bytes) -> int:
        """Take all bytes and return their number."""
        ...

    def flush(self) -> None:
        """Pass on what is buffered."""
        ...


class AsyncQueueWriter:
    """An output whose chunks come out of an `asyncio.Queue`: bytes, then `None` for the end.

    Args:
        maxsize: Chunks that may wait; a further one raises `asyncio.QueueFull`.
    """

    def __init__(self, maxsize: int = 16) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize)
        self._closed = False

    def write(self, data: bytes) -> int:
        """Put a chunk into the queue."""
        if self._closed:
            raise RuntimeError("the writer is closed")
        if data:
            self.queue.put_nowait(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered."""

    async def close(self) -> None:
        """Put the end into the queue, once; waits while the queue is full."""
        if not self._closed:
            self._closed = True
            await self.queue.put(None)

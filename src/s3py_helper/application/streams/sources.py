"""Every form in which callers hand in bytes, as one: an async iterator of chunks."""

import asyncio
import inspect
import io
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from typing import BinaryIO, Final, Protocol, cast, runtime_checkable

from s3py_helper.domain.errors import InvalidArgumentException

READ_SIZE: Final = 256 * 1024
"""Bytes asked for at a time where the source leaves the choice to us."""


@runtime_checkable
class AsyncReadable(Protocol):
    """An object with an `async` `read(size)`: FastAPI's `UploadFile`, an aiofiles file, an `asyncio.StreamReader`."""

    def read(self, size: int = -1, /) -> Awaitable[bytes]:
        """Up to `size` bytes; none at the end."""
        ...


class FormFile(AsyncReadable, Protocol):
    """A file from a form: it can be read again from its beginning."""

    async def seek(self, offset: int) -> None:
        """Go to a position."""


type ByteSource = bytes | bytearray | memoryview | BinaryIO | AsyncReadable | AsyncIterable[bytes]
"""What uploads accept."""


def chunks_of(source: ByteSource) -> AsyncIterator[bytes]:
    """Chunks of the source, from where it stands to its end.

    Blocking file objects are read in threads. The source is not closed: whoever opened it does that.

    Raises:
        InvalidArgumentException: It is nothing that bytes can be read from.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _whole(bytes(source))
    if isinstance(source, io.BytesIO):
        return _read_in_memory(source)
    read = getattr(source, "read", None)
    if inspect.iscoroutinefunction(read):
        return _read_async(cast("AsyncReadable", source))
    if isinstance(source, AsyncIterable):
        return aiter(source)
    if callable(read):
        return _read_blocking(cast("BinaryIO", source))
    raise InvalidArgumentException(
        f"cannot read bytes from {type(source).__name__}: "
        "give bytes, a binary file object or an async iterator of bytes",
        operation="upload",
    )


async def rewound(file: FormFile) -> ByteSource:
    """A file from a form as a source that begins with its first byte, whatever was read of it before.

    Starlette takes every read of a file to a thread unless it made that file itself; what is in memory needs none.
    """
    inner = getattr(file, "file", None)
    if isinstance(inner, io.BytesIO):
        inner.seek(0)
        return inner
    await file.seek(0)
    return file


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _read_in_memory(source: io.BytesIO) -> AsyncIterator[bytes]:
    while chunk := source.read(READ_SIZE):
        yield chunk


async def _read_async(source: AsyncReadable) -> AsyncIterator[bytes]:
    while chunk := await source.read(READ_SIZE):
        yield _checked(chunk)


async def _read_blocking(source: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(source.read, READ_SIZE):
        yield _checked(chunk)


def _checked(chunk: object) -> bytes:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise InvalidArgumentException(
            f"the file object gave {type(chunk).__name__}, not bytes: open it in binary mode", operation="upload"
        )
    return bytes(chunk)

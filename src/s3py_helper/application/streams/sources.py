"""Whatever callers hand in bytes as, turned into an async iterator of chunks."""

import asyncio
import inspect
import io
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Buffer
from typing import BinaryIO, Final, Protocol, cast, runtime_checkable

from s3py_helper.domain.errors import InvalidArgumentException

READ_SIZE: Final = 256 * 1024
"""Bytes requested at a time where the source leaves the choice to us."""

_FILE: Final = "the file object"


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


class UploadedFile(FormFile, Protocol):
    """A file from a form, as FastAPI's and Starlette's `UploadFile` present it."""

    @property
    def filename(self) -> str | None:
        """The client's name for it."""

    @property
    def size(self) -> int | None:
        """Its size in bytes, where known."""

    @property
    def content_type(self) -> str | None:
        """The media type that the client claims."""


type ByteSource = bytes | bytearray | memoryview | BinaryIO | AsyncReadable | AsyncIterable[bytes]
"""What uploads accept."""


def chunks_of(source: ByteSource) -> AsyncIterator[bytes]:
    """Chunks of the source, from its position to its end.

    Blocking file objects are read in threads. The source is not closed: that is up to its owner.

    Raises:
        InvalidArgumentException: No bytes can be read from it. Reading the chunks raises it as well: when the source
            gives anything but bytes, is not open for reading, or has no bytes yet because it does not block.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _whole(as_bytes(source, "the caller"))
    if getattr(source, "closed", False) is True:
        raise InvalidArgumentException(f"the {type(source).__name__} to read from is closed", operation="upload")
    if isinstance(source, io.BytesIO):
        return _read_in_memory(source)
    read = getattr(source, "read", None)
    if inspect.iscoroutinefunction(read):
        return _read_async(cast("AsyncReadable", source))
    if isinstance(source, AsyncIterable):
        return _iterator_of(source)
    if callable(read):
        return _read_blocking(cast("BinaryIO", source))
    if isinstance(source, Buffer):
        return _whole(as_bytes(source, "the caller"))
    raise InvalidArgumentException(
        f"cannot read bytes from {type(source).__name__}: "
        "give bytes, a binary file object or an async iterator of bytes",
        operation="upload",
    )


def bytes_in_memory(content: object) -> bytes:
    """The whole content as a caller gives it; `InvalidArgumentException` unless it is bytes-like."""
    if not isinstance(content, Buffer):
        raise InvalidArgumentException(
            f"the content is bytes, got {type(content).__name__}: encode text, and use upload_stream for files",
            operation="upload",
        )
    return as_bytes(content, "the caller")


def as_bytes(chunk: object, giver: str) -> bytes:
    """The bytes of a bytes-like object, copied: its owner may overwrite it while parts of it wait to be sent.

    Raises:
        InvalidArgumentException: It is not. `bytes()` alone would make 72 zeros of the number 72.
    """
    if type(chunk) is bytes:
        return chunk
    if chunk is None:
        raise InvalidArgumentException(
            f"{giver} gave None, as a non-blocking file does that has no bytes yet: give a blocking one, "
            "or an async iterator of bytes",
            operation="upload",
        )
    if not isinstance(chunk, Buffer):
        raise InvalidArgumentException(
            f"{giver} gave {type(chunk).__name__}, not bytes: open it in binary mode, or encode its text",
            operation="upload",
        )
    try:
        return memoryview(chunk).tobytes()
    except ValueError as error:
        raise InvalidArgumentException(
            f"{giver} gave a buffer that cannot be read: {error}", operation="upload"
        ) from None


def as_uploaded_file(file: object) -> UploadedFile:
    """The file from a form; `InvalidArgumentException`, which names what it lacks, for anything else."""
    missing = [name for name in ("filename", "size", "content_type", "read", "seek") if not hasattr(file, name)]
    if missing:
        raise InvalidArgumentException(
            f"give a FastAPI UploadFile, or an object like it; {type(file).__name__} has no {', '.join(missing)}",
            operation="upload",
        )
    return cast("UploadedFile", file)


async def rewound(file: FormFile) -> ByteSource:
    """A file from a form as a source that begins with its first byte, whatever was read of it before.

    Starlette reads a file in a thread unless it made the file itself; one in memory needs no thread.

    Raises:
        InvalidArgumentException: It is closed: the server closes the files of a form when it has responded.
    """
    inner = getattr(file, "file", None)
    if getattr(inner, "closed", False) is True:
        raise InvalidArgumentException("the uploaded file is closed: store it before you respond", operation="upload")
    if isinstance(inner, io.BytesIO):
        inner.seek(0)
        return inner
    try:
        # Also for files of other frameworks, whose methods block.
        if inspect.isawaitable(moved := cast("object", file.seek(0))):
            await moved
    except io.UnsupportedOperation as error:
        raise InvalidArgumentException(f"the uploaded file cannot be read again: {error}", operation="upload") from None
    return file


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _read_in_memory(source: io.BytesIO) -> AsyncIterator[bytes]:
    while chunk := as_bytes(source.read(READ_SIZE), _FILE):
        yield chunk


async def _read_async(source: AsyncReadable) -> AsyncIterator[bytes]:
    while chunk := as_bytes(await source.read(READ_SIZE), _FILE):
        yield chunk


async def _read_blocking(source: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := as_bytes(await asyncio.to_thread(_read, source), _FILE):
        yield chunk


def _read(source: BinaryIO) -> object:
    try:
        return source.read(READ_SIZE)
    except io.UnsupportedOperation as error:
        raise InvalidArgumentException(
            f"the {type(source).__name__} cannot be read from: {error}", operation="upload"
        ) from None


def _iterator_of(source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    try:
        return aiter(source)
    except TypeError as error:
        raise InvalidArgumentException(
            f"cannot read bytes from {type(source).__name__}: {error}", operation="upload"
        ) from None

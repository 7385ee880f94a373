"""Where downloads go: a caller's binary file object."""

import asyncio
import inspect
import io
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import BinaryIO, Final, cast

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.streams.read_ahead import ReadAhead
from s3py_helper.domain.errors import InvalidArgumentException

_AHEAD: Final = 2
"""Chunks that may wait while one is written: a thread to write in is not always free at once."""


async def pour(chunks: AsyncGenerator[bytes], out: BinaryIO) -> None:
    """Write everything to `out`; what comes next is fetched meanwhile. Closes the generator, however it ends.

    Raises:
        InvalidArgumentException: `out` cannot be written to, or does not take what it is given.
    """
    async with aclosing(chunks):
        write = writer_to(out)
        if isinstance(out, io.BytesIO):
            async for chunk in chunks:
                await write(chunk)
            return
        ahead = ReadAhead(chunks, depth=_AHEAD)
        try:
            async for chunk in ahead:
                await write(chunk)
        finally:
            await completed(ahead.aclose())


def writer_to(out: BinaryIO) -> Callable[[bytes], Awaitable[None]]:
    """An async function that writes a whole chunk to `out`.

    Blocking objects are written to in threads, `BytesIO` directly, objects with an `async` `write` (aiofiles) are
    awaited. A short write, as of raw files and sockets, is continued.

    Raises:
        InvalidArgumentException: It cannot be written to. Writing raises it as well: when `out` is not open for
            writing, takes nothing because it does not block, or claims to have taken more than it was given.
    """
    write = getattr(out, "write", None)
    if not callable(write):
        raise InvalidArgumentException(f"cannot write bytes to {type(out).__name__}: give a binary file object")
    if isinstance(cast("object", out), io.TextIOBase):
        raise InvalidArgumentException(f"{type(out).__name__} takes text, not bytes: open it in binary mode")
    if getattr(out, "closed", False) is True:
        raise InvalidArgumentException(f"the {type(out).__name__} to write to is closed")
    if isinstance(out, io.BytesIO):
        return _in_memory(out)
    if inspect.iscoroutinefunction(write):
        return _awaited(out)
    return _in_threads(out)


def _in_memory(out: io.BytesIO) -> Callable[[bytes], Awaitable[None]]:
    async def write(chunk: bytes) -> None:
        out.write(chunk)

    return write


def _awaited(out: BinaryIO) -> Callable[[bytes], Awaitable[None]]:
    async def write(chunk: bytes) -> None:
        rest: bytes | memoryview = chunk
        while rest:
            written = await cast("Awaitable[object]", out.write(rest))
            rest = _after(rest, written, out)

    return write


def _in_threads(out: BinaryIO) -> Callable[[bytes], Awaitable[None]]:
    def write_all(chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = _after(rest, out.write(rest), out)
        except io.UnsupportedOperation as error:
            raise InvalidArgumentException(f"the {type(out).__name__} cannot be written to: {error}") from None

    async def write(chunk: bytes) -> None:
        await asyncio.to_thread(write_all, chunk)

    return write


def _after(rest: bytes | memoryview, written: object, out: BinaryIO) -> memoryview:
    """What is left to write."""
    if written is None and not isinstance(out, io.RawIOBase):
        # Objects that do not follow io's protocol may return `None`: they have taken all.
        return memoryview(b"")
    if not written:
        raise InvalidArgumentException(
            f"the {type(out).__name__} took none of {len(rest)} bytes, as a non-blocking file does that is full: "
            "give a blocking one, or one with an async write()"
        )
    if not isinstance(written, int) or not 0 < written <= len(rest):
        raise InvalidArgumentException(
            f"the {type(out).__name__} was given {len(rest)} bytes and says that it took {written!r}: "
            "its write() must return the number of bytes taken"
        )
    return memoryview(rest)[written:]

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
"""Chunks that may wait while one is written: a thread to write in is not always to be had at once."""


async def pour(chunks: AsyncGenerator[bytes], out: BinaryIO) -> None:
    """Write everything to `out`; what comes next is fetched meanwhile. Closes the generator, however it ends.

    Raises:
        InvalidArgumentException: `out` cannot be written to.
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
    awaited. A short write, as raw files and sockets make them, is continued.

    Raises:
        InvalidArgumentException: It cannot be written to.
    """
    write = getattr(out, "write", None)
    if not callable(write):
        raise InvalidArgumentException(f"cannot write bytes to {type(out).__name__}: give a binary file object")
    if isinstance(out, io.BytesIO):
        return _in_memory(out)
    if inspect.iscoroutinefunction(write):
        return cast("Callable[[bytes], Awaitable[None]]", write)
    return _in_threads(out)


def _in_memory(out: io.BytesIO) -> Callable[[bytes], Awaitable[None]]:
    async def write(chunk: bytes) -> None:
        out.write(chunk)

    return write


def _in_threads(out: BinaryIO) -> Callable[[bytes], Awaitable[None]]:
    def write_all(chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            written = cast("int | None", out.write(rest))
            # Objects that do not follow io's protocol may return nothing: they have taken all.
            rest = rest[len(rest) if written is None else written :]

    async def write(chunk: bytes) -> None:
        await asyncio.to_thread(write_all, chunk)

    return write

"""Files, pipes and standard streams of the user, as commands read and write them."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from s3py_helper.application.concurrency.completion import acquired, completed
from s3py_helper.application.streams.local_files import CHUNK, write_all
from s3py_helper.entrypoints.cli.progress.progress import Advance

STDIN: Final = 0
STDOUT: Final = 1

type Write = Callable[[bytes], Awaitable[None]]
"""Puts a chunk where it belongs."""


async def chunks_of_file(path: Path, advance: Advance) -> AsyncGenerator[bytes]:
    """The file's bytes."""
    descriptor = await acquired(asyncio.to_thread(os.open, path, os.O_RDONLY), os.close)
    try:
        # To its end: a number that is closed meanwhile may belong to another file a moment later.
        while chunk := await completed(asyncio.to_thread(os.read, descriptor, CHUNK)):
            advance(len(chunk))
            yield chunk
    finally:
        os.close(descriptor)


async def chunks_of_pipe(path: Path, advance: Advance) -> AsyncGenerator[bytes]:
    """What comes out of a named pipe or a device, either of which may block for ever, the pipe already when opened."""
    descriptor = await _detached(lambda: os.open(path, os.O_RDONLY))
    try:
        while chunk := await _detached(lambda: os.read(descriptor, CHUNK)):
            advance(len(chunk))
            yield chunk
    finally:
        os.close(descriptor)


async def chunks_of_stdin(advance: Advance | None = None) -> AsyncGenerator[bytes]:
    """What comes on standard input."""
    while chunk := await _detached(lambda: os.read(STDIN, CHUNK)):
        if advance is not None:
            advance(len(chunk))
        yield chunk


async def write_to_stdout(chunk: bytes) -> None:
    """Write a whole chunk to standard output."""
    await _detached(lambda: write_all(STDOUT, chunk))


async def _detached[T](work: Callable[[], T]) -> T:
    """Do it in a thread that nobody waits for.

    A pipe may block for ever. The end of asyncio's own threads is waited for when a command is interrupted.
    """
    loop = asyncio.get_running_loop()
    future: Future[T] = Future()

    def do() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except OSError as error:
            future.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return await asyncio.wrap_future(future, loop=loop)

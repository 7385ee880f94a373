"""Files on the user's own disk."""

import asyncio
import contextlib
import errno
import os
import re
import secrets
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from s3py_helper.application.concurrency.completion import acquired, completed
from s3py_helper.entrypoints.cli.progress.progress import Advance

CHUNK: Final = 1024 * 1024
STDIN: Final = 0
STDOUT: Final = 1

type Write = Callable[[bytes], Awaitable[None]]
"""Puts a chunk where it belongs."""

_NO_LINKS: Final = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EMLINK}


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
    await _detached(lambda: _write_all(STDOUT, chunk))


async def write_to_file(descriptor: int, chunk: bytes) -> None:
    """Write a whole chunk to a file."""
    await completed(asyncio.to_thread(_write_all, descriptor, chunk))


def _write_all(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


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


@contextlib.asynccontextmanager
async def new_file(target: Path, *, overwrite: bool) -> AsyncGenerator[int]:
    """A descriptor to write to; what was written appears at `target` whole, when the block ends well, or not at all.

    Raises:
        FileExistsError: There is such a file, and it is not to be overwritten.
    """
    temporary = target.with_name(f".s3py-{secrets.token_hex(8)}.part")

    def discard(descriptor: int) -> None:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)

    descriptor = await acquired(asyncio.to_thread(_create, temporary, target, overwrite=overwrite), discard)
    try:
        try:
            yield descriptor
            await completed(asyncio.to_thread(os.fsync, descriptor))
        finally:
            os.close(descriptor)
        await completed(asyncio.to_thread(_move, temporary, target, overwrite=overwrite))
    finally:
        temporary.unlink(missing_ok=True)


def _create(temporary: Path, target: Path, *, overwrite: bool) -> int:
    if not target.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "no such folder", str(target.parent))
    if not overwrite:
        _refuse_existing(target)
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def _move(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
        return
    # Unlike a rename, a link never replaces what came there meanwhile.
    try:
        os.link(temporary, target)
    except FileExistsError:
        _refuse_existing(target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _refuse_existing(target)
        temporary.rename(target)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "exists already (--force overwrites it)", str(target))


def local_name(stored: str | None) -> str:
    """A stored name as one that is safe in any folder: a name from elsewhere may be a path, or hide control codes."""
    last = re.split(r"[/\\]", stored or "")[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()
    return printable if printable.strip(".") else "file"

"""A temporary file for an upload whose size is not known yet.

FastDFS must know a file's size before its first byte. The alternative, an appender file (`appender`), has an
id that tells neither size nor checksum.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import IO, Final

from s3py_helper.adapters.fastdfs.protocol.faults import SpoolFault
from s3py_helper.adapters.fastdfs.upload.blocks import Blocks
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.streams.read_ahead import ReadAhead

_PIECE_BYTES: Final = 1024 * 1024


def lacks_folder(directory: Path | None) -> str | None:
    """Why there is no folder for temporary files, where none is configured and the system has none that is writable."""
    if directory is None:
        try:
            gettempdir()
        except FileNotFoundError as error:
            return str(error.strerror or error)
    return None


@asynccontextmanager
async def spooled(blocks: Blocks, directory: Path | None) -> AsyncGenerator[tuple[int, Blocks]]:
    """Read the source to its end into a temporary file; yields its size, and the bytes once more.

    Args:
        blocks: The source.
        directory: The folder of the file, which has no name there; `None` is the system's.
    """
    with _opened(directory) as file:
        size = 0
        while piece := await blocks.take(_PIECE_BYTES):
            await _in_thread(file.write, piece)
            size += len(piece)
            del piece  # not kept while the next one comes
        await _in_thread(file.seek, 0)
        async with aclosing(ReadAhead(_pieces(file.read), depth=1)) as pieces:
            yield size, Blocks(pieces)


def _opened(directory: Path | None) -> IO[bytes]:
    # Not in a thread: it is quick, and a caller that was cancelled meanwhile would never get the open file.
    try:
        return tempfile.TemporaryFile(dir=directory)
    except OSError as error:
        raise _failed(error) from error


async def _pieces(read: Callable[[int], bytes]) -> AsyncGenerator[bytes]:
    while piece := await _in_thread(read, _PIECE_BYTES):
        yield piece


async def _in_thread[A, R](call: Callable[[A], R], argument: A) -> R:
    # Waited for even when cancelled: the file must not be closed under a thread that works on it.
    try:
        return await completed(asyncio.to_thread(call, argument))
    except OSError as error:
        raise _failed(error) from error


def _failed(error: OSError) -> SpoolFault:
    return SpoolFault(f"the temporary file of an upload of unknown size failed: {error}")

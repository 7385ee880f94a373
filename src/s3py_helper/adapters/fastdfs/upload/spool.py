"""A place for an upload whose size nobody knows yet."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.faults import SpoolFault
from s3py_helper.adapters.fastdfs.upload.blocks import Blocks
from s3py_helper.application.concurrency.completion import completed

_PIECE_BYTES: Final = 1024 * 1024


@asynccontextmanager
async def spooled(first: bytes, blocks: Blocks, *, memory: int) -> AsyncGenerator[tuple[int, Blocks]]:
    """Read the source to its end; gives its size, and the bytes once more. Those beyond `memory` wait on the disk."""
    with tempfile.SpooledTemporaryFile(max_size=memory) as file:
        size, piece = 0, first
        while piece:
            await _in_thread(file.write, piece)
            size += len(piece)
            piece = await blocks.take(_PIECE_BYTES)
        await _in_thread(file.seek, 0)
        yield size, Blocks(_pieces(file.read))


async def _pieces(read: Callable[[int], bytes]) -> AsyncIterator[bytes]:
    while piece := await _in_thread(read, _PIECE_BYTES):
        yield piece


async def _in_thread[A, R](call: Callable[[A], R], argument: A) -> R:
    # Waited for even when cancelled: the file must not be closed under a thread that works on it.
    try:
        return await completed(asyncio.to_thread(call, argument))
    except OSError as error:
        raise SpoolFault(f"the temporary file of an upload of unknown size failed: {error}") from error

"""A download to a path on the local disk, which may continue where an earlier one broke off."""

import asyncio
import contextlib
import errno
import fcntl
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path
from typing import Final

from isal import isal_zlib

from s3py_helper.application.concurrency.completion import acquired, completed
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.local_files import CHUNK, check_target, move, new_file, write_whole
from s3py_helper.application.streams.progress import Progress
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import IntegrityException

type Open = Callable[[ByteRange | None], AbstractAsyncContextManager[OpenBlob]]
"""Opens the file, or a part of it."""

_BUSY: Final = {errno.EWOULDBLOCK, errno.EAGAIN, errno.ENOLCK, errno.ENOTSUP}


async def fetch(open_file: Open, target: Path, *, overwrite: bool, progress: Progress | None) -> int:
    """Fetch the file and give its size; afterwards the target is whole, or as it was."""
    async with open_file(None) as blob, new_file(target, overwrite=overwrite) as descriptor:
        await _write(blob, descriptor, 0, progress)
        return len(blob.span)


async def fetch_resumably(
    open_file: Open, info: BlobInfo, target: Path, *, overwrite: bool, progress: Progress | None
) -> None:
    """As `fetch`; what has arrived when it breaks off stays beside the target, and the next call continues from there.

    Args:
        open_file: Opens it.
        info: What is known of the file: only bytes of this version are kept.
        target: Where it goes.
        overwrite: Replace what is there.
        progress: Is called as bytes arrive.
    """
    await asyncio.to_thread(check_target, target, overwrite=overwrite)
    version = f"{info.file_id}\n{info.size}\n{info.etag}\n{info.checksum}\n{info.last_modified}"
    part = target.with_name(f".{sha256(f'{target.name}\n{version}'.encode()).hexdigest()[:32]}.part")
    async with _partial_file(part) as descriptor:
        if descriptor is None:  # another download of the same file is using it
            await fetch(open_file, target, overwrite=overwrite, progress=progress)
            return
        there = await completed(asyncio.to_thread(os.lseek, descriptor, 0, os.SEEK_END))
        try:
            if there < info.size:
                async with open_file(ByteRange(there, None) if there else None) as blob:
                    if (blob.info.size, blob.info.etag) != (info.size, info.etag):
                        raise IntegrityException("the file has changed while it was being fetched: fetch it again")
                    await _write(blob, descriptor, there, progress)
            await completed(asyncio.to_thread(_finish, part, descriptor, info, target, overwrite=overwrite))
        except IntegrityException:
            part.unlink(missing_ok=True)  # nothing to continue from
            raise


async def _write(blob: OpenBlob, descriptor: int, there: int, progress: Progress | None) -> None:
    async for chunk in blob.body:
        await write_whole(descriptor, chunk)
        there += len(chunk)
        if progress is not None:
            progress(there, blob.info.size)


def _finish(part: Path, descriptor: int, info: BlobInfo, target: Path, *, overwrite: bool) -> None:
    # A file that took several calls has not been compared as a whole: each call checked what it fetched, if it could.
    known = None if info.checksum is None else info.checksum.crc32_value
    if known is not None and _crc32(descriptor) != known:
        raise IntegrityException("the bytes that came are not those that were stored")
    os.fsync(descriptor)
    move(part, target, overwrite=overwrite)
    part.unlink(missing_ok=True)


def _crc32(descriptor: int) -> int:
    crc32, position = 0, 0
    while chunk := os.pread(descriptor, CHUNK, position):
        crc32 = isal_zlib.crc32(chunk, crc32)
        position += len(chunk)
    return crc32


@contextlib.asynccontextmanager
async def _partial_file(part: Path) -> AsyncGenerator[int | None]:
    """The descriptor of what has arrived so far, locked for this download; `None` where another one has it."""

    def open_alone() -> int | None:
        while True:
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if part.exists() and os.path.samestat(os.fstat(descriptor), part.stat()):
                    return descriptor
            except OSError as error:
                os.close(descriptor)
                if error.errno in _BUSY:
                    return None
                raise
            # Another download had it a moment ago, and has given it its final name.
            os.close(descriptor)

    descriptor = await acquired(asyncio.to_thread(open_alone), _close)
    try:
        yield descriptor
    finally:
        _close(descriptor)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)

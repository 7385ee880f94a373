"""Files on the local disk as sources and targets of transfers; a target is whole or not there."""

import asyncio
import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from s3py_helper.application.concurrency.completion import acquired, completed
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened

CHUNK: Final = 1024 * 1024

_NO_LINKS: Final = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EMLINK}


def require_path(value: object, what: str) -> Path:
    """The path.

    Raises:
        InvalidArgumentException: It is none.
    """
    path = os.fspath(value) if isinstance(value, str | Path) else None
    if not path or "\0" in path:
        raise InvalidArgumentException(f"{what} is a path as str or pathlib.Path, got {shortened(value)}")
    return Path(path)


@contextlib.asynccontextmanager
async def open_to_read(path: Path) -> AsyncGenerator[tuple[int, int]]:
    """Descriptor and size of a regular file.

    Raises:
        InvalidArgumentException: It is a folder, a pipe or a device.
        OSError: It cannot be opened.
    """
    descriptor = await acquired(asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_NONBLOCK), os.close)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidArgumentException(f"{path} is no regular file: open it, and give it to upload_stream")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)


async def chunks_of_descriptor(descriptor: int) -> AsyncGenerator[bytes]:
    """The bytes from the descriptor's position on."""
    # To its end even when cancelled: a descriptor closed meanwhile may belong to another file a moment later.
    while chunk := await completed(asyncio.to_thread(os.read, descriptor, CHUNK)):
        yield chunk


async def write_whole(descriptor: int, chunk: bytes) -> None:
    """Write a whole chunk to a file."""
    await completed(asyncio.to_thread(write_all, descriptor, chunk))


def write_all(descriptor: int, chunk: bytes) -> None:
    """Write a whole chunk, in as many calls as it takes."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextlib.asynccontextmanager
async def new_file(target: Path, *, overwrite: bool) -> AsyncGenerator[int]:
    """A descriptor to write to; what is written appears at `target` whole, when the block ends well, or not at all.

    Raises:
        FileExistsError: There is such a file, and it is not to be overwritten.
        NotADirectoryError: Its folder does not exist.
        OSError: What is there is no file, but a folder or a device.
    """
    temporary = target.with_name(f".s3py-{secrets.token_hex(8)}.part")

    def discard(descriptor: int) -> None:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)

    def create() -> int:
        check_target(target, overwrite=overwrite)
        return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)

    descriptor = await acquired(asyncio.to_thread(create), discard)
    try:
        try:
            yield descriptor
            await completed(asyncio.to_thread(os.fsync, descriptor))
        finally:
            os.close(descriptor)
        await completed(asyncio.to_thread(move, temporary, target, overwrite=overwrite))
    finally:
        temporary.unlink(missing_ok=True)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise an `OSError` of the right kind where no file can be put."""
    if not target.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "no such folder", str(target.parent))
    if not overwrite:
        _refuse_existing(target)
    elif target.exists() and not target.is_file():  # a rename would put a file in the place of a device
        raise OSError(errno.EINVAL, "is no file, and is not replaced by one", str(target))


def move(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Give a file its name; one that appeared there meanwhile is replaced only where that is wanted."""
    if overwrite:
        temporary.replace(target)
        return
    # Unlike a rename, a link never replaces a file that appeared meanwhile.
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
        raise FileExistsError(errno.EEXIST, "exists already", str(target))


def local_name(stored: str | None) -> str:
    """A stored name made safe for any folder: one from elsewhere may be a path, or have control characters."""
    last = re.split(r"[/\\]", stored or "")[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()
    return printable if printable.strip(".") else "file"

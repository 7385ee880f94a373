"""Files on their way in, under names that nobody can ask for.

Each is locked (flock(2)) by its writer for as long as it is written. The kernel drops the lock with the writer, however
that dies: a file that can be locked is a leftover, also when its writer was another process.
"""

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

from s3py_helper.adapters.filesystem.disk.disk import Disk

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_INSPECT: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def new_incoming(disk: Disk) -> tuple[int, str]:
    """Create and lock a file; its descriptor and name."""
    folder = disk.incoming
    while True:
        name = secrets.token_hex(16)
        file = os.open(name, _CREATE, 0o666, dir_fd=folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                return file, name
        except BaseException:  # an interrupt included: the name would never be used, the descriptor never closed
            os.close(file)
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            raise
        # A sweeper came between creating and locking, and took it for a leftover.
        os.close(file)


def sweep(disk: Disk) -> int:
    """Remove the files whose writers are gone; how many there were."""
    with os.scandir(disk.incoming) as entries:
        return sum(_swept(disk.incoming, entry.name) for entry in entries)


def _swept(folder: int, name: str) -> bool:
    with suppress(OSError), _locked(folder, name):
        # Whoever else sweeps at the moment cannot hold the lock, so the name is still that of this file.
        os.unlink(name, dir_fd=folder)
        return True
    return False  # In progress, gone, or nothing that an upload has made.


@contextmanager
def _locked(folder: int, name: str) -> Generator[None]:
    file = os.open(name, _INSPECT, dir_fd=folder)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(file)


def probe(disk: Disk) -> None:
    """Write a little to a file of its own, as an upload does; raises what the disk says to that."""
    disk.require_root()
    file, name = new_incoming(disk)
    try:
        os.write(file, b"ok")
    finally:
        os.unlink(name, dir_fd=disk.incoming)
        os.close(file)

"""Reading what the system has in memory anyway, without waiting for anything: not for a disk, and not for a thread.

Going to a thread and back costs more than all else that is done for a small file, and most small files that are read
have been read a moment ago. The system is asked to find the file (openat2(2), `RESOLVE_CACHED`, Linux 5.12) and to copy
its bytes (preadv2(2), `RWF_NOWAIT`) only if it has both in memory; where it has not, or cannot say, a thread does the
whole work, and reports what is wrong. Where nobody looks at the bytes it is asked what it has (cachestat(2) of Linux
6.5, or mincore(2)).
"""

import ctypes
import errno
import mmap
import os
import stat
from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.disk.trailer import Trailer
from s3py_helper.domain.errors import IntegrityException

STEP: Final = 512 * 1024
"""Bytes of larger files that are copied at a time, to be looked at: they stay in the processor's cache meanwhile."""

LARGEST: Final = 64 * 1024
"""Bytes of a file of the disk, its description included: copying and summing more would keep the event loop."""

_MOST_COPIED: Final = 8 * STEP

_OPENAT2: Final = 437  # the same on all processors
_CACHESTAT: Final = 451
_NO_SYMLINKS, _BENEATH, _CACHED = 0x04, 0x08, 0x20
_NOT_HERE: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EINVAL})
"""What an older system says of the call, or a container of a call that it does not know."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


# As in every walk through the folders, no link is followed. A FIFO would make opening it wait without O_NONBLOCK.
_HOW: Final = _OpenHow(os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, 0, _NO_SYMLINKS | _BENEATH | _CACHED)
_HOW_AT: Final = ctypes.byref(_HOW)
_HOW_SIZE: Final = ctypes.c_size_t(ctypes.sizeof(_HOW))


class _CacheRange(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _CacheStatistics(ctypes.Structure):
    _fields_ = (("pages", ctypes.c_uint64), ("others", ctypes.c_uint64 * 4))


class CachedReads:
    """Reads files of one disk as long as the system can do so without waiting. For one event loop."""

    def __init__(self) -> None:
        self._nowait: Final[int] = getattr(os, "RWF_NOWAIT", 0)
        self._libc = ctypes.CDLL(None, use_errno=True) if self._nowait and os.name == "posix" else None
        self._step = memoryview(bytearray(STEP)) if self._nowait else memoryview(b"")

    def read(self, root: int, place: DiskPath) -> tuple[Trailer, bytes] | None:
        """A file's description and content; `None` where a thread has to look, whatever the reason is.

        Args:
            root: Descriptor of the root folder.
            place: Where the file is.
        """
        if self._libc is None:
            return None
        file = self._opened(self._libc, root, b"/".join((*place.folders, place.name)))
        if file is None:
            return None
        try:
            return self._whole(file)
        except (OSError, IntegrityException):
            return None
        finally:
            os.close(file)

    def step(self, file: int, offset: int, most: int) -> memoryview:
        """Up to `STEP` bytes of a file, valid until the next call; none where a thread has to read them."""
        target = self._step[:most]
        if not target:
            return target
        try:
            return target[: os.preadv(file, [target], offset, self._nowait)]
        except OSError:  # not in memory, or the file system cannot tell
            return target[:0]

    def count(self, file: int, offset: int, most: int) -> int:
        """How many of the next bytes of a file are in memory, as far as `most` if that is not too far."""
        # Of the files of others the system says that they are, whether it has them or not.
        if self._libc is not None and os.fstat(file).st_uid == os.geteuid():
            return _resident(self._libc, file, offset, most)
        found, most = 0, min(most, _MOST_COPIED)
        while step := self.step(file, offset + found, most - found):
            found += len(step)
        return found

    def _opened(self, libc: ctypes.CDLL, root: int, path: bytes) -> int | None:
        file: int = libc.syscall(_OPENAT2, root, path, _HOW_AT, _HOW_SIZE)
        if file >= 0:
            return file
        if ctypes.get_errno() in _NOT_HERE:
            self._libc = None
        return None

    def _whole(self, file: int) -> tuple[Trailer, bytes] | None:
        status = os.fstat(file)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode) or size > LARGEST:
            return None
        read = bytearray(size)
        if os.preadv(file, [read], 0, self._nowait) != size:
            return None
        stored = bytes(read)
        trailer = Trailer.decode(stored, size)
        whole = stored[: trailer.size]
        return (trailer, whole) if isal_zlib.crc32(whole) == trailer.crc32 else None


def _resident(libc: ctypes.CDLL, file: int, offset: int, most: int) -> int:
    begin = offset - offset % mmap.ALLOCATIONGRANULARITY
    length = offset + most - begin
    if _is_resident(libc, file, begin, length):
        return most
    return max(0, begin + _first_missing(libc, file, begin, length) - offset)


def _is_resident(libc: ctypes.CDLL, file: int, begin: int, length: int) -> bool:
    """Whether all is, in a fifth of the time that it takes to see where something is missing."""
    found = _CacheStatistics()
    failed = libc.syscall(_CACHESTAT, file, ctypes.byref(_CacheRange(begin, length)), ctypes.byref(found), 0)
    return not failed and found.pages == -(-length // mmap.PAGESIZE)


def _first_missing(libc: ctypes.CDLL, file: int, begin: int, length: int) -> int:
    pages = (ctypes.c_ubyte * -(-length // mmap.PAGESIZE))()
    try:
        with mmap.mmap(file, length, access=mmap.ACCESS_COPY, offset=begin) as mapped:
            address = ctypes.byref(ctypes.c_char.from_buffer(mapped))
            failed = libc.mincore(address, ctypes.c_size_t(length), pages)
            del address  # the mapping is not released while something refers to it
    except (OSError, ValueError):  # there is nothing to map: the file was cut short
        return 0
    missing = bytes(pages).find(0)
    return 0 if failed else length if missing < 0 else missing * mmap.PAGESIZE

"""One download from the disk. What blocks is called in threads."""

import os
from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.filesystem.disk.cached import CachedReads
from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.folders import require_regular, walked
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.disk.lease import Lease
from s3py_helper.adapters.filesystem.disk.trailer import Trailer, tail_size
from s3py_helper.adapters.filesystem.disk.verified import FileState, VerifiedFiles, is_settled, state_of
from s3py_helper.adapters.filesystem.errors import not_open
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import IntegrityException

CHUNK_SIZE: Final = 256 * 1024
"""Bytes that are read at a time."""

MOST_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes that are summed in one go when the system has them in memory: in less than half a millisecond."""

MOST_UNSEEN: Final = 16 * 1024 * 1024
"""Bytes that are passed over in one go when nobody looks at them: where they are is known in 0.2 milliseconds."""

_TAIL_SIZE: Final = 4096
"""Bytes at the end of a file that are read at first; nearly every trailer is shorter."""

# A name may belong to a FIFO: without O_NONBLOCK, opening one waits for somebody who writes to it.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class BlobReader(Lease):
    """Reads a file from beginning to end of a span; checks the checksum of a whole file before its last chunk.

    Args:
        disk: The disk.
        place: Where the file is.
        verified: Files that were found right; this one is added when it was.

    Attributes:
        left: Bytes that are still to be read; the descriptor is closed with the last one.
    """

    def __init__(self, disk: Disk, place: DiskPath, verified: VerifiedFiles) -> None:
        super().__init__()
        self.left = 0
        self._disk = disk
        self._place = place
        self._verified = verified
        self._state: FileState | None = None
        self._trusted = False
        self._file: int | None = None
        self._at = 0
        self._crc32 = 0
        self._expected_crc32: int | None = None

    def open(self, byte_range: ByteRange | None = None) -> tuple[Trailer, Span, bytes]:
        """The file's description, the bytes that will be read, and the first chunk of them."""
        with self._working():
            trailer = self._open()
            span = span_of(byte_range, trailer.size)
            self._at, self.left = span.start, len(span)
            if len(span) == trailer.size:
                self._expected_crc32 = trailer.crc32
                self._note_state()
            return trailer, span, self._read()

    def read(self) -> bytes:
        """The next chunk."""
        with self._working():
            return self._read()

    def trust(self) -> None:
        """Sum no more bytes, if the file was found right a moment ago: that it has not changed since is enough."""
        self._trusted = self._state is not None and self._verified.has(self._state)

    def pass_over(self, cached: CachedReads) -> Span:
        """Go on behind the next bytes, which are not returned, as far as no disk has to be waited for.

        The span is empty where the next ones are to be `read`, and the last `CHUNK_SIZE` bytes always are: with them it
        shows whether the file is right.
        """
        with self._working():
            start, left = self._at, self.left - CHUNK_SIZE
            if self._file is not None and left > 0:
                if self._expected_crc32 is None or self._trusted:
                    self._at += cached.count(self._file, start, min(MOST_UNSEEN, left))
                else:
                    self._sum_over(cached, self._file, min(MOST_AT_ONCE, left))
            passed = Span(start, self._at)
            self.left -= len(passed)
            return passed

    def send(self, socket: int, offset: int, count: int) -> int:
        """Have the system move bytes of the file to a socket that does not block; how many it took."""
        with self._lock:
            if self.released:
                raise not_open()
            sent = 0 if self._file is None else os.sendfile(socket, self._file, offset, count)
            if not sent:
                raise IntegrityException("the file was cut short while it was sent")
            return sent

    def _open(self) -> Trailer:
        with walked(self._disk.root, self._place.folders) as folder:
            self._file = _opened(folder, self._place.name)
        return _read_trailer(self._file)

    def _read(self) -> bytes:
        chunk = b"" if self._file is None else os.pread(self._file, min(CHUNK_SIZE, self.left), self._at)
        if not chunk and self.left:
            raise IntegrityException(f"the file ended {self.left} bytes early")
        self._at += len(chunk)
        self.left -= len(chunk)
        if self._expected_crc32 is not None and not self._trusted:
            self._crc32 = isal_zlib.crc32(chunk, self._crc32)
        if not self.left:
            if self._file is not None and self._expected_crc32 is not None:
                self._verify(self._file, self._expected_crc32)
            self._end()
        return chunk

    def _sum_over(self, cached: CachedReads, file: int, left: int) -> None:
        while step := cached.step(file, self._at, left):
            self._crc32 = isal_zlib.crc32(step, self._crc32)
            self._at += len(step)
            left -= len(step)

    def _note_state(self) -> None:
        """Before the first byte is read: what is changed later then shows."""
        if self._file is not None and self.left > CHUNK_SIZE and is_settled(state := state_of(self._file)):
            self._state = state

    def _verify(self, file: int, expected: int) -> None:
        if self._trusted:
            if state_of(file) == self._state:
                return
            # It was changed, or only renamed or unlinked, while it was sent.
            self._crc32 = _crc32_of(file, self._at)
        if self._crc32 != expected:
            raise IntegrityException("the bytes are not those that were stored (CRC-32)")
        if self._state is not None:
            self._verified.add(self._state)

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def read_description(disk: Disk, place: DiskPath) -> Trailer:
    """A file's description alone."""
    with walked(disk.root, place.folders) as folder:
        return describe_entry(folder, place.name)


def describe_entry(folder: int, name: bytes) -> Trailer:
    """The description of a file in a folder that is open."""
    file = _opened(folder, name)
    try:
        return _read_trailer(file)
    finally:
        os.close(file)


def _opened(folder: int, name: bytes) -> int:
    # First without opening: opening a device may already do something.
    require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
    file = os.open(name, _FLAGS, dir_fd=folder)
    try:
        require_regular(os.fstat(file))
    except BaseException:  # it was exchanged in between; whatever it is now, it must not stay open
        os.close(file)
        raise
    return file


def _crc32_of(file: int, size: int) -> int:
    crc32 = at = 0
    while chunk := os.pread(file, min(CHUNK_SIZE, size - at), at):
        crc32 = isal_zlib.crc32(chunk, crc32)
        at += len(chunk)
    return crc32


def _read_trailer(file: int) -> Trailer:
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL_SIZE, max(0, size - _TAIL_SIZE))
    if (needed := tail_size(tail, size)) > len(tail):
        tail = os.pread(file, needed, size - needed)
    return Trailer.decode(tail, size)

"""One upload on the disk. Everything here blocks: it is called in threads."""

import errno
import fcntl
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.folders import enter_or_make, require_regular, walked
from s3py_helper.adapters.filesystem.disk.incoming import new_incoming
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.disk.lease import Lease
from s3py_helper.adapters.filesystem.disk.trailer import Trailer
from s3py_helper.adapters.filesystem.errors import not_open
from s3py_helper.domain.errors import StorageException

_WITHOUT_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems without hard links say of link(2)."""

_ATTEMPTS: Final = 100

_MOST_PIECES: Final = 512
"""Half of what writev(2) takes on Linux (IOV_MAX); more than that are tiny, and quickly joined."""


class BlobWriter(Lease):
    """Writes to a file in `.incoming` and gives it its place at the end, whole.

    Until `keep`, `release` undoes everything, a file that has just got its place included.

    Attributes:
        left_behind: Why such a file could not be removed; `None` where none was left.
    """

    def __init__(self, disk: Disk, place: DiskPath) -> None:
        super().__init__()
        self._disk = disk
        self._place = place
        self._file: int | None = None
        self._incoming: str | None = None
        self._publishing = self._placed = False
        self.left_behind: str | None = None

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write the next bytes."""
        with self._working():
            write_all(self._opened(), pieces)

    def finish(self, pieces: Sequence[bytes], trailer: Trailer) -> None:
        """Write the last bytes and make the file visible."""
        with self._working():
            write_all(self._opened(), [*pieces, trailer.encode()])
            if self._disk.durability:
                os.fsync(self._opened())
            self._publish()
            self._close()

    def keep(self) -> None:
        """The caller has learnt of the file: from now on it stays. Raises when the store was closed just before."""
        with self._lock:
            if self.released:
                raise not_open()
            self.released = True

    def _opened(self) -> int:
        if self._file is None:
            self._file, self._incoming = new_incoming(self._disk)
        return self._file

    def _publish(self) -> None:
        self._publishing = True
        for attempt in range(_ATTEMPTS):
            try:
                with walked(self._disk.root, self._place.folders, enter_or_make) as folder:
                    self._give_place(folder)
                    self._disk.make_lasting(folder, self._place.folders)
            except FileNotFoundError:
                # A deletion has just removed a folder, empty as it was: make it again.
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return

    def _give_place(self, folder: int) -> None:
        """Move the file without replacing one: rename(2) would."""
        source = str(self._incoming)
        try:
            os.link(source, self._place.name, src_dir_fd=self._disk.incoming, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _WITHOUT_LINKS:
                raise
            self._rename(source, folder)
        else:
            self._placed = True
            os.unlink(source, dir_fd=self._disk.incoming)
        self._incoming = None

    def _rename(self, source: str, folder: int) -> None:
        # What is there is replaced by rename(2): of those that look first and rename then, one at a time may. The lock
        # ends with the descriptor of the folder, which is this walk's own.
        fcntl.flock(folder, fcntl.LOCK_EX)
        try:
            os.stat(self._place.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(source, self._place.name, src_dir_fd=self._disk.incoming, dst_dir_fd=folder)
            self._placed = True
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _release(self) -> None:
        # A disk that refuses to remove something must not hide why the upload failed; what remains is swept later.
        if self._incoming is not None:
            with suppress(OSError):
                os.unlink(self._incoming, dir_fd=self._disk.incoming)
        if self._publishing:
            self._roll_back()
        with suppress(OSError):
            self._close()

    def _roll_back(self) -> None:
        # The folders that were made for it go as well, also when it did not come to placing the file.
        if self._placed:
            try:
                with walked(self._disk.root, self._place.folders) as folder:
                    os.unlink(self._place.name, dir_fd=folder)
            except FileNotFoundError:
                pass  # somebody else has removed it
            except (OSError, StorageException) as error:
                self.left_behind = str(error)
        self._disk.remove_empty(self._place.folders)


def write_all(file: int, pieces: Sequence[bytes]) -> None:
    """Write the pieces one after the other, in as few calls as the system allows."""
    rest = deque(memoryview(piece) for piece in (pieces if len(pieces) <= _MOST_PIECES else [b"".join(pieces)]))
    while rest:
        written = os.writev(file, rest)
        # The system may have taken less than all: on a disk that is nearly full, or of more than 2 GiB.
        while rest and written >= len(rest[0]):
            written -= len(rest.popleft())
        if rest:
            rest[0] = rest[0][written:]


def remove(disk: Disk, place: DiskPath) -> None:
    """Remove a file, damaged or not, and the folders that are empty without it."""
    with walked(disk.root, place.folders) as folder:
        require_regular(os.stat(place.name, dir_fd=folder, follow_symlinks=False))
        os.unlink(place.name, dir_fd=folder)
        if disk.durability:
            # What a user was told is deleted does not come back.
            os.fsync(folder)
    disk.remove_empty(place.folders)

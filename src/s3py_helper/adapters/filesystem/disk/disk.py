"""The root folder of a store, opened."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from s3py_helper.adapters.filesystem.disk.folders import FOLDER_FLAGS, enter, walked
from s3py_helper.adapters.filesystem.disk.layout import INCOMING
from s3py_helper.domain.errors import StorageException, StorageUnavailableException

type FolderKey = tuple[int, int]
"""Device and number of a folder."""

_CLOSED: Final = -1

_MOST_REMEMBERED: Final = 10_000
"""Folders known to last; forgetting one costs a sync."""


class Disk:
    """Descriptors of the root and of the folder for uploads in progress; everything else is reached from them.

    Args:
        root: The folder; made when it is missing. It may be a link: that is the operator's choice, not a visitor's.
        durability: Whether what was stored must survive a power failure.
    """

    def __init__(self, root: Path, *, durability: bool) -> None:
        self.path = root
        # Where that is now: the process may go to another folder.
        self._found_at = root.absolute()
        self.durability = durability
        self.root = self.incoming = _CLOSED
        self._lasting: set[FolderKey] = set()

    def open(self) -> None:
        """Make what is missing and open both folders; `close` is to follow, also when this fails half-way."""
        _make_folders(self.path, durability=self.durability)
        self.root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(FileExistsError):
            os.mkdir(INCOMING, dir_fd=self.root)
        self.incoming = os.open(INCOMING, FOLDER_FLAGS, dir_fd=self.root)

    def close(self) -> None:
        """Close what is open."""
        descriptors = self.incoming, self.root
        self.root = self.incoming = _CLOSED
        for descriptor in descriptors:
            if descriptor != _CLOSED:
                os.close(descriptor)

    def require_root(self) -> None:
        """See whether the root is still where it was: what is missing in a folder that was unmounted may be there.

        Raises:
            StorageUnavailableException: It is not.
        """
        try:
            there = _key(self._found_at.stat()) == _key(os.fstat(self.root))
        except FileNotFoundError:
            there = False
        except OSError:
            return  # this process is not even permitted to look
        if not there:
            raise StorageUnavailableException(
                f"the folder {self._found_at} was removed, unmounted or replaced meanwhile"
            )

    def make_lasting(self, folder: int, names: Sequence[bytes]) -> None:
        """Have the disk keep the newest entry of a folder, and every folder on the way to it.

        fsync(2): syncing a file does not sync the folder that names it. A folder that somebody else has just made may
        not have been synced yet, so each store syncs each once.
        """
        if not self.durability:
            return
        os.fsync(folder)
        with walked(self.root, names, self._enter_lasting):
            pass

    def remove_empty(self, names: Sequence[bytes]) -> None:
        """Remove the folders of a path that are empty, innermost first. A bucket stays, once it is there.

        The disk itself refuses to remove a folder into which a writer has just put something.
        """
        with suppress(OSError, StorageException):
            for depth in range(len(names) - 1, 0, -1):
                with walked(self.root, names[:depth]) as parent:
                    # Its number may soon be that of another folder, of which nothing is known.
                    self._lasting.discard(_key(os.stat(names[depth], dir_fd=parent, follow_symlinks=False)))
                    os.rmdir(names[depth], dir_fd=parent)

    def _enter_lasting(self, parent: int, name: bytes) -> int:
        folder = enter(parent, name)
        try:
            if (key := _key(os.fstat(folder))) not in self._lasting:
                os.fsync(parent)
                self._remember(key)
        except BaseException:  # whatever stops the sync: the walk does not know of this descriptor yet
            os.close(folder)
            raise
        return folder

    def _remember(self, key: FolderKey) -> None:
        if len(self._lasting) >= _MOST_REMEMBERED:
            self._lasting.clear()
        self._lasting.add(key)


def _key(status: os.stat_result) -> FolderKey:
    return status.st_dev, status.st_ino


def _make_folders(path: Path, *, durability: bool) -> None:
    if path.is_dir():
        return
    _make_folders(path.parent, durability=durability)
    path.mkdir(exist_ok=True)
    if durability:
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

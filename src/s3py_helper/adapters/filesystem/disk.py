"""The root folder of a store, opened."""

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

from s3py_helper.adapters.filesystem.folders import FOLDER_FLAGS
from s3py_helper.adapters.filesystem.layout import INCOMING

type FolderKey = tuple[int, int]
"""Device and number of a folder."""

_CLOSED: Final = -1


class Disk:
    """Descriptors of the root and of the folder for uploads in progress; everything else is reached from them.

    Args:
        root: The folder; made when it is missing. It may be a link: that is the operator's choice, not a visitor's.
        durability: Whether what was stored must survive a power failure.
    """

    def __init__(self, root: Path, *, durability: bool) -> None:
        self.path = root
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

    def make_lasting(self, chain: Sequence[int]) -> None:
        """Have the disk keep the newest entry of the last folder of a chain, and every folder on the way to it.

        fsync(2): syncing a file does not sync the folder that names it. A folder that somebody else has just made may
        not have been synced yet, so each is synced once by everybody.
        """
        if not self.durability:
            return
        os.fsync(chain[-1])
        for parent, folder in pairwise(chain):
            if (key := _key(folder)) not in self._lasting:
                os.fsync(parent)
                self._lasting.add(key)

    def forget(self, chain: Sequence[int]) -> None:
        """Take nothing for granted of folders that may be removed: their numbers will name others."""
        for folder in chain[1:]:
            self._lasting.discard(_key(folder))


def _key(folder: int) -> FolderKey:
    status = os.fstat(folder)
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

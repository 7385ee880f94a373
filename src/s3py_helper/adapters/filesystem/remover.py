"""Deleting a file from the disk. Everything here blocks: it is called in threads."""

import os

from s3py_helper.adapters.filesystem.disk import Disk
from s3py_helper.adapters.filesystem.folders import require_regular, walked
from s3py_helper.adapters.filesystem.layout import Place


def remove(disk: Disk, place: Place) -> None:
    """Remove a file, damaged or not, and the folders that are empty without it."""
    with walked(disk.root, place.folders) as folder:
        require_regular(os.stat(place.name, dir_fd=folder, follow_symlinks=False))
        os.unlink(place.name, dir_fd=folder)
        if disk.durability:
            # What a user was told is deleted does not come back.
            os.fsync(folder)
    disk.remove_empty(place.folders)

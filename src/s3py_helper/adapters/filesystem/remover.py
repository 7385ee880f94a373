"""Deleting a file from the disk. Everything here blocks: it is called in threads."""

import os

from s3py_helper.adapters.filesystem.disk import Disk
from s3py_helper.adapters.filesystem.folders import remove_empty, require_regular, walked
from s3py_helper.adapters.filesystem.layout import Place


def remove(disk: Disk, place: Place) -> None:
    """Remove a file, damaged or not, and the folders that are empty without it."""
    with walked(disk.root, place.folders) as chain:
        require_regular(os.stat(place.name, dir_fd=chain[-1], follow_symlinks=False))
        os.unlink(place.name, dir_fd=chain[-1])
        if disk.durability:
            # What a user was told is deleted does not come back.
            os.fsync(chain[-1])
        disk.forget(chain)
        remove_empty(chain, place.folders)

"""Walking from the root to a file without ever following a link.

Every step opens one name relative to the folder before it and refuses links (`O_NOFOLLOW`, open(2)), so that nothing
that somebody plants below the root leads out of it, however the folders change meanwhile.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from s3py_helper.domain.errors import IntegrityException

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


type Step = Callable[[int, bytes], int]
"""From the descriptor of a folder and a name in it to that of the folder of this name."""


def enter(parent: int, name: bytes) -> int:
    """Open a folder.

    Raises:
        OSError: It is missing, or its name belongs to something else.
        IntegrityException: The name belongs to a link.
    """
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except NotADirectoryError:
        # What Linux says of a file and of a link alike.
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise IntegrityException("a folder of the path is a link; links are not followed") from None
        raise


def enter_or_make(parent: int, name: bytes) -> int:
    """Open a folder that is made when it is missing."""
    try:
        return enter(parent, name)
    except FileNotFoundError:
        with suppress(FileExistsError):  # Another writer was quicker.
            os.mkdir(name, dir_fd=parent)
        return enter(parent, name)


@contextmanager
def walked(root: int, names: Sequence[bytes], step: Step = enter) -> Generator[int]:
    """Descriptor of the last folder of a path; closed after the block. At most two are open at a time, however deep.

    Raises what the steps raise.
    """
    folder = root
    try:
        for name in names:
            parent, folder = folder, step(folder, name)
            if parent != root:
                os.close(parent)
        yield folder
    finally:
        if folder != root:
            os.close(folder)


def require_regular(status: os.stat_result) -> None:
    """Raise unless it is a plain file: `FileNotFoundError` for a folder, `IntegrityException` for all the rest."""
    if stat.S_ISDIR(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not stat.S_ISREG(status.st_mode):
        raise IntegrityException("what lies there is a link or a device, not a file that was stored")

"""Walking from the root to a file without ever following a link.

Every step opens one name relative to the folder before it and refuses links (`O_NOFOLLOW`, open(2)), so that nothing
that somebody plants below the root leads out of it, however the folders change meanwhile.
"""

import errno
import os
import stat
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from s3py_helper.domain.errors import IntegrityException

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def walked(root: int, names: Sequence[bytes], *, create: bool = False) -> Generator[list[int]]:
    """Descriptors of the root and of the folder of each name below the one before it; closed after the block.

    Raises:
        OSError: A folder is missing and not to be created, or its name belongs to something else.
        IntegrityException: It belongs to a link.
    """
    with ExitStack() as opened:
        chain = [root]
        for name in names:
            chain.append(_step(chain[-1], name, create=create))
            opened.callback(os.close, chain[-1])
        yield chain


def remove_empty(chain: Sequence[int], names: Sequence[bytes]) -> None:
    """Remove the folders of the chain that are empty, innermost first. A bucket stays, once it is there.

    The disk itself refuses to remove a folder into which a writer has just put something.
    """
    for parent, name in reversed(list(zip(chain, names, strict=False))[1:]):
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError:
            return


def require_regular(status: os.stat_result) -> None:
    """Raise unless it is a plain file: `FileNotFoundError` for a folder, `IntegrityException` for all the rest."""
    if stat.S_ISDIR(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not stat.S_ISREG(status.st_mode):
        raise IntegrityException("what lies there is a link or a device, not a file that was stored")


def _step(parent: int, name: bytes, *, create: bool) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
        _make(parent, name)
        return os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except NotADirectoryError:
        # What Linux says of a file and of a link alike.
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise IntegrityException("a folder of the path is a link; links are not followed") from None
        raise


def _make(parent: int, name: bytes) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return  # Another writer was quicker.

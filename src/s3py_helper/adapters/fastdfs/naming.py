"""Extensions of the names that storage servers make up."""

from typing import Final

from aiofdfs.async_fdfs_protol import FDFS_FILE_EXT_NAME_MAX_LEN

_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def extension_of(file_name: str) -> str:
    """The extension for a new file: the user's if the server takes it, whole and as it is written, else none."""
    stem, _, extension = file_name.rpartition(".")
    allowed = len(extension) <= FDFS_FILE_EXT_NAME_MAX_LEN and _ALLOWED.issuperset(extension)
    return extension if stem and allowed else ""

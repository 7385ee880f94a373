"""Object keys: `[folder/]<16 random hex digits>_<file name>`."""

import os
import re
import secrets
from typing import Final

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import MAX_KEY_BYTES, MAX_SEGMENT_BYTES
from s3py_helper.domain.file_name import check_folder
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened, utf8_length

_PREFIX: Final = re.compile(r"[0-9a-f]{16}_(?=.)", re.DOTALL)
_PREFIX_LENGTH: Final = 17
_LONGEST_KEPT_EXTENSION: Final = 16


def new_object_key(file_name: str, folder: str | None = None) -> str:
    """A fresh key for a file; 64 random bits keep equal names apart.

    A name that would make the last segment longer than 255 bytes is shortened in the key, its extension kept: local
    disks store no longer one. The full name travels beside the bytes.

    Raises:
        InvalidArgumentException: The name has a character that no key may contain, the folder is not a path of valid
            names, or the key would exceed 1024 bytes.
    """
    if forbidden := forbidden_character(require_text(file_name, "a file name")):
        raise InvalidArgumentException(
            f"invalid file name {shortened(file_name)}: it contains {forbidden}", operation="upload"
        )
    segment = f"{secrets.token_hex(8)}_{_fitted(file_name, MAX_SEGMENT_BYTES - _PREFIX_LENGTH)}"
    parent = "" if folder is None else check_folder(folder)
    key = f"{parent}/{segment}" if parent else segment
    if (length := utf8_length(key)) > MAX_KEY_BYTES:
        raise InvalidArgumentException(
            f"folder and file name make an object key of {length} bytes, {MAX_KEY_BYTES} are allowed",
            operation="upload",
            file_name=file_name,
        )
    return key


def name_in_key(key: str) -> str:
    """The file name that a key shows: its last segment without the random prefix."""
    segment = key.rpartition("/")[2] or key
    return _PREFIX.sub("", segment, count=1) if _PREFIX.match(segment) else segment


def _fitted(name: str, limit: int) -> str:
    encoded = name.encode()
    if len(encoded) <= limit:
        return name
    stem, extension = os.path.splitext(name)
    tail = extension.encode()
    if len(tail) > _LONGEST_KEPT_EXTENSION:
        stem, tail = name, b""
    # A cut within a character leaves bytes that are no UTF-8: they are dropped.
    return stem.encode()[: limit - len(tail)].decode(errors="ignore") + tail.decode()

"""Object keys: `[folder/]<16 random hex digits>_<file name>`, with what breaks a shell or a URL escaped."""

import os
import re
from typing import Final

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import MAX_KEY_BYTES, MAX_SEGMENT_BYTES
from s3py_helper.domain.file_name import check_folder
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened, utf8_length

_PREFIX: Final = re.compile(r"[0-9a-f]{16}_(?=.)", re.DOTALL)
_PREFIX_LENGTH: Final = 17
_LONGEST_KEPT_EXTENSION: Final = 16

_SAFE_ASCII: Final = re.compile(r"[A-Za-z0-9._=@,-]+")
"""Means nothing to shells within a word, and stands for itself in paths of URLs (RFC 3986, 3.3)."""
_ESCAPED: Final = re.compile(r"(?:~[0-9A-F]{2})+")


def new_object_key(file_name: str, folder: str | None = None) -> str:
    """A fresh key for a file; 64 random bits keep equal names apart.

    What would not survive being pasted into a shell or a URL is escaped, see `escaped`. A name that would make the last
    segment longer than 255 bytes is shortened in the key, its extension kept: local disks store no longer one. The full
    name travels beside the bytes.

    Raises:
        InvalidArgumentException: The name has a character that no key may contain, the folder is not a path of valid
            names, or the key would exceed 1024 bytes.
    """
    if forbidden := forbidden_character(require_text(file_name, "a file name")):
        raise InvalidArgumentException(
            f"invalid file name {shortened(file_name)}: it contains {forbidden}", operation="upload"
        )
    segment = f"{os.urandom(8).hex()}_{_fitted(file_name, MAX_SEGMENT_BYTES - _PREFIX_LENGTH)}"
    parent = "" if folder is None else escaped(check_folder(folder))
    key = f"{parent}/{segment}" if parent else segment
    if (length := utf8_length(key)) > MAX_KEY_BYTES:
        raise InvalidArgumentException(
            f"folder and file name make an object key of {length} bytes, {MAX_KEY_BYTES} are allowed",
            operation="upload",
            file_name=file_name,
        )
    return key


def given_object_key(file_name: str, folder: str | None = None) -> str:
    """The key of a file that a caller names: the name in its folder, as they are written.

    Raises:
        InvalidArgumentException: The folder is not a path of valid names.
    """
    parent = "" if folder is None else check_folder(folder)
    return f"{parent}/{file_name}" if parent else file_name


def name_in_key(key: str) -> str:
    """The file name that a key shows: its last segment without random prefix, and without escapes where it has one."""
    segment = key.rpartition("/")[2] or key
    return unescaped(_PREFIX.sub("", segment, count=1)) if _PREFIX.match(segment) else segment


def escaped(text: str) -> str:
    """A folder or name with `~20` for a blank, and so on for each byte of what shells, URLs or eyes take for another.

    Letters and digits of every script stay, and so does what is visible beyond ASCII. A path's slashes stay. The front
    of an escaped text is the escaped front of that text, so that prefixes can be looked for.
    """
    if _SAFE_ASCII.fullmatch(text):
        return text
    return "".join(map(_escaped_character, text))


def fronts_of_keys(front: str) -> tuple[str, ...]:
    """How keys begin that someone means who writes this: those of before as it is, new ones escaped; in their order.

    Where the two differ, no key begins with both. What has escapes in it was copied from a key, and stands for itself.
    """
    if _ESCAPED.search(front):
        return (front,)
    return tuple(sorted({front, escaped(front)}, key=str.encode))


def unescaped(text: str) -> str:
    """What `escaped` was given; a text that it did not make may come out as another, or as it is."""
    return _ESCAPED.sub(_unescaped_run, text) if "~" in text else text


def _escaped_character(character: str) -> str:
    if character == "/" or _SAFE_ASCII.fullmatch(character) or (not character.isascii() and character.isprintable()):
        return character
    return "".join(f"~{byte:02X}" for byte in character.encode())


def _unescaped_run(run: re.Match[str]) -> str:
    try:
        return bytes.fromhex(run[0].replace("~", "")).decode()
    except UnicodeDecodeError:
        return run[0]


def _fitted(name: str, limit: int) -> str:
    whole = escaped(name)
    if utf8_length(whole) <= limit:
        return whole
    stem, extension = os.path.splitext(name)
    tail = escaped(extension)
    if utf8_length(tail) > _LONGEST_KEPT_EXTENSION:
        stem, tail = name, ""
    return _front(stem, limit - utf8_length(tail)) + tail


def _front(text: str, limit: int) -> str:
    """As many characters, escaped, as have no more bytes than that."""
    kept: list[str] = []
    for character in text:
        piece = _escaped_character(character)
        limit -= utf8_length(piece)
        if limit < 0:
            break
        kept.append(piece)
    return "".join(kept)

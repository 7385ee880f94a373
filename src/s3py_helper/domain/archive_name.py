"""Names of the entries in an archive: safe to unpack anywhere, no two alike.

The names come from users and from other people's uploads, the archive is unpacked on machines of all kinds. So a name
is made safe for the pickiest of them (Windows: learn.microsoft.com, "Naming Files, Paths, and Namespaces") before it
gets into the archive, whatever the unpacking program checks itself.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from typing import Final

from s3py_helper.domain.file_id import MAX_KEY_BYTES, MAX_SEGMENT_BYTES

NAMELESS: Final = "file"
"""What an entry is called when nothing of its name can be kept."""

_MAX_NAME_BYTES: Final = MAX_KEY_BYTES
"""The format permits 65535 bytes, but no system unpacks paths that long."""

_LONGEST_KEPT_EXTENSION: Final = 16
_REPLACEMENT: Final = "_"

# Control characters and lone surrogates (Unicode's Cc and Cs); Windows' separators, wildcards and stream
# marks; Unicode's line ends, and its direction marks, which make `exe.gpj` read `jpg.exe`.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"|?*\u2028\u2029\u202a-\u202e\u2066-\u2069]')
_DEVICE: Final = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)


def safe_entry_name(text: str) -> str:
    """A relative path, with `/` between its segments, that every system can unpack below the folder it chooses.

    Folders are kept; `.`, `..`, empty segments and the root are not, and a drive letter becomes a folder (`C_/`).
    """
    segments = [safe for part in text.replace("\\", "/").split("/") if (safe := _safe_segment(part))]
    while len(segments) > 1 and sum(len(segment.encode()) + 1 for segment in segments) > _MAX_NAME_BYTES:
        del segments[0]
    return "/".join(segments) or NAMELESS


class EntryNames:
    """Hands out the names of one archive; no two are the same file on any system, and no file is another's folder.

    Upper and lower case, and the ways in which Unicode writes the same letter, make no difference: to Windows and macOS
    they make none either. A name that is taken gets a sequence number before its extension (`a.txt`, `a_1.txt`).

    Names that are known from the start are first announced, all of them (`expect`), then claimed in any order.
    """

    def __init__(self) -> None:
        self._folders: set[str] = set()
        self._expected: set[str] = set()
        self._taken: set[str] = set()
        self._last_number: dict[str, int] = {}

    def expect(self, text: str) -> None:
        """Announce a name that will be claimed: no number makes another one equal to it."""
        name = safe_entry_name(text)
        self._expected.add(_identity(name))
        self._folders.update(map(_identity, _folders_of(name)))

    def claim(self, text: str) -> str:
        """The final form of a name that was expected."""
        name = safe_entry_name(text)
        identity = _identity(name)
        return self._free(name, identity, avoid=identity in self._taken)

    def claim_unexpected(self, text: str) -> str:
        """A name for a file that came without one: it has no folders, and leaves all expected names free."""
        name = safe_entry_name(text).rpartition("/")[2]
        identity = _identity(name)
        return self._free(name, identity, avoid=identity in self._taken or identity in self._expected)

    def _free(self, name: str, identity: str, *, avoid: bool) -> str:
        if avoid or identity in self._folders:
            name, identity = self._numbered(name, identity)
        self._taken.add(identity)
        return name

    def _numbered(self, name: str, identity: str) -> tuple[str, str]:
        candidates = ((number, _with_number(name, number)) for number in count(self._last_number.get(identity, 0) + 1))
        number, free = next((number, text) for number, text in candidates if self._is_free(_identity(text)))
        self._last_number[identity] = number
        return free, _identity(free)

    def _is_free(self, identity: str) -> bool:
        return not any(identity in used for used in (self._taken, self._expected, self._folders))


def _safe_segment(text: str) -> str:
    segment = _without_end(_UNSAFE.sub(_REPLACEMENT, text))
    if _DEVICE.fullmatch(segment):
        segment = _REPLACEMENT + segment
    return _fitted(segment, "")


def _with_number(name: str, number: int) -> str:
    folder, slash, segment = name.rpartition("/")
    return f"{folder}{slash}{_fitted(segment, f'_{number}')}"


def _fitted(segment: str, suffix: str) -> str:
    """Put the suffix before the extension; a segment that is too long for file systems is cut before both."""
    stem, extension = _split(segment)
    room = MAX_SEGMENT_BYTES - len((suffix + extension).encode())
    if len(stem.encode()) > room:
        # A cut within a character leaves bytes that are no UTF-8: they are dropped.
        stem = stem.encode()[:room].decode(errors="ignore")
    return _without_end(stem + suffix + extension)


def _split(segment: str) -> tuple[str, str]:
    stem, extension = os.path.splitext(segment)
    if stem.lower().endswith(".tar") and len(stem) > len(".tar"):
        stem, extension = stem[: -len(".tar")], stem[-len(".tar") :] + extension
    if len(extension.encode()) > _LONGEST_KEPT_EXTENSION:
        return segment, ""
    return stem, extension


def _without_end(segment: str) -> str:
    # Windows drops dots and spaces at the end, so `..` may hide behind them too.
    return segment.rstrip(". ")


def _identity(name: str) -> str:
    """Canonical caseless matching (Unicode 16, 3.13.5, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _folders_of(name: str) -> Iterator[str]:
    folder = name.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]

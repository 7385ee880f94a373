"""The list of what an archive lacks."""

from typing import Final

from s3py_helper.application.zip.source import Source
from s3py_helper.domain.archive_name import safe_entry_name
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    IntegrityException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.object_key import name_in_key

LIST_NAME: Final = "_missing.txt"
"""The name of the list, unless a file of that name is in the archive."""

# What the reader of an archive may know: an exception's text is for the operators of the service.
_REASONS: Final[tuple[tuple[type[StorageException], str], ...]] = (
    (FileNotFoundException, "not found"),
    (AccessDeniedException, "access denied"),
    (IntegrityException, "damaged"),
    (StorageUnavailableException, "storage out of reach"),
)


def _in_one_line(file_id: str) -> str:
    """The id with Unicode's line and paragraph separators and direction marks escaped, which ids may have."""
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in file_id)


class MissingFiles:
    """Collects the files that could not be read."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, source: Source, error: StorageException) -> None:
        """Note a file that could not be read, by the name that it would have had."""
        reason = next((text for kind, text in _REASONS if isinstance(error, kind)), "could not be read")
        name = safe_entry_name(source.display_name or name_in_key(source.located.file_id.key))
        self._lines.append(f"{name}: {reason} ({_in_one_line(source.located.text)})")

    def text(self) -> bytes:
        """The list: UTF-8, one line per file, with line ends that every system understands."""
        return "".join(f"{line}\r\n" for line in ("These files could not be added:", *self._lines)).encode()

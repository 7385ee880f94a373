"""Rules for the names of files and folders that users give."""

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import MAX_SEGMENT_BYTES
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened, utf8_length


def check_file_name(name: str) -> None:
    """Raise `InvalidArgumentException` unless the name can be a file's name on every backend and system."""
    if problem := _segment_problem(require_text(name, "a file name")):
        raise InvalidArgumentException(f"invalid file name {shortened(name)}: {problem}", operation="upload")


def check_folder(folder: str) -> str:
    """The folder without slashes at its ends; empty for "no folder".

    Raises:
        InvalidArgumentException: A segment is empty, `.` or `..`, or could not be a file's name either.
    """
    trimmed = require_text(folder, "the folder").strip("/")
    for segment in trimmed.split("/") if trimmed else ():
        if problem := _segment_problem(segment):
            raise InvalidArgumentException(f"invalid folder {shortened(folder)}: {problem}", operation="upload")
    return trimmed


def _segment_problem(segment: str) -> str | None:
    if not segment.strip():
        return "it is empty or blank"
    if "/" in segment or "\\" in segment:
        return "it contains a path separator; give folders in 'folder'"
    if segment in {".", ".."}:
        return f"{segment!r} is a path segment, not a name"
    if forbidden := forbidden_character(segment):
        return f"it contains {forbidden}"
    if (length := utf8_length(segment)) > MAX_SEGMENT_BYTES:
        return f"it has {length} bytes of UTF-8, {MAX_SEGMENT_BYTES} are allowed"
    return None

"""Which types of files may be uploaded, judged by their names."""

import unicodedata

from pydantic import Field

from s3py_helper.domain.errors import InvalidFileTypeException
from s3py_helper.domain.settings_model import SettingsModel
from s3py_helper.domain.text_rules import require_text


class FileTypeConfig(SettingsModel, defer_build=True):
    """Allowed and refused extensions: any case, with or without a leading dot, `tar.gz` too."""

    whitelist: list[str] = Field(default_factory=list)
    """When not empty, only these may be uploaded, and names without an extension may not."""
    blacklist: list[str] = Field(default_factory=list)
    """These may never be uploaded."""
    match_content: bool = False
    """Whether files are refused whose first bytes cannot be of the type that the name or the sender says. Needs the
    package puremagic (`s3py-helper[types]`).
    """


def check_file_type(file_name: str, config: FileTypeConfig) -> None:
    """Raise `InvalidFileTypeException` unless the rules permit the name.

    A whitelist looks at how the name ends. A blacklist looks at every extension of the name (`shell.php.jpg` is run as
    PHP by some web servers), and both see the name as a careless file system would: Windows drops dots and spaces at
    the end and what follows a colon.
    """
    if not config.whitelist and not config.blacklist:
        return
    extensions = _extensions(require_text(file_name, "a file name"))
    if refused := extensions.every & _normalised(config.blacklist):
        raise InvalidFileTypeException(
            f"file type {min(refused)!r} of {file_name!r} is not allowed", operation="upload", file_name=file_name
        )
    if config.whitelist and not extensions.endings & (allowed := _normalised(config.whitelist)):
        raise InvalidFileTypeException(
            f"{file_name!r} is not of an allowed file type ({', '.join(sorted(allowed))})",
            operation="upload",
            file_name=file_name,
        )


class _Extensions:
    """`a.tar.gz` ends with `gz` and `tar.gz`; it has `tar`, `gz` and `tar.gz`."""

    def __init__(self, parts: list[str]) -> None:
        self.endings = {".".join(parts[index:]) for index in range(len(parts))}
        self.every = self.endings | set(parts)


def _extensions(file_name: str) -> _Extensions:
    seen = _folded(file_name).partition(":")[0].rstrip(". ")
    # A leading dot makes a hidden file (.bashrc), not an extension.
    return _Extensions([part.strip() for part in seen.lstrip(".").split(".")[1:]])


def _normalised(extensions: list[str]) -> set[str]:
    return {_folded(extension).strip().lstrip(".") for extension in extensions} - {""}


def _folded(text: str) -> str:
    # Full-width letters fold to ASCII; invisible format characters (Cf: zero-width, direction marks) go.
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFKC", visible).casefold()

"""Where on the local disk files are kept."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from s3py_helper.domain.file_id import Backend, check_bucket
from s3py_helper.domain.settings_model import PathSetting, SettingsModel


def _root(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path has no NUL character")
    return path


def _bucket(name: str) -> str:
    check_bucket(Backend.FILESYSTEM, name)
    return name


class FilesystemConfig(SettingsModel):
    """A folder of the local disk."""

    root: Annotated[PathSetting, AfterValidator(_root)]
    """Folder that holds everything; created when it is missing."""
    default_bucket: Annotated[str, AfterValidator(_bucket)] = "files"
    """Where files go that name no bucket."""
    durability: bool = True
    """Whether a stored file must survive a power failure (fsync before it becomes visible). Without it a file still
    appears whole or not at all, also after a crash of the process.
    """
    trust_seconds: float = Field(default=600.0, ge=0, le=86_400.0)
    """Seconds for which a large file that was read whole, and found right, is sent without being summed again while
    nobody changes it. A bit that rots on the disk meanwhile is noticed by the first read after that; 0 sums a file at
    every read.
    """

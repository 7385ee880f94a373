"""Where on the local disk files are kept."""

from pathlib import Path

from pydantic import BaseModel


class FilesystemConfig(BaseModel):
    """A folder of the local disk.

    Attributes:
        root: Folder that holds everything; made when it is missing.
        default_bucket: Where files go that name no bucket.
        durability: Whether a stored file must survive a power failure (fsync before it becomes visible). Without it a
            file still appears whole or not at all, also after a crash of the process.
    """

    root: Path
    default_bucket: str = "files"
    durability: bool = True

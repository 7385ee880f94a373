"""The optional ability to copy a file without moving its bytes through the client."""

from typing import Protocol

from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.file_id import FileId


class ServerSideCopy(Protocol):
    """A backend that copies by itself."""

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        """Store the source's bytes a second time, under the target's key with the target's type, name and metadata."""
        ...

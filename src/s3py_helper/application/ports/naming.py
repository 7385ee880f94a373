"""The port for stores that let a caller choose a file's key."""

from typing import Protocol

from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.file_id import FileId


class NamedWrites(Protocol):
    """Stores files under keys that others may want at the same time: the first gets it, and nothing is replaced."""

    def place_of(self, bucket: str | None, key: str) -> FileId:
        """The id of the file that would be stored there; `None` is the default bucket."""
        ...

    async def require_free(self, file_id: FileId) -> None:
        """Return when nothing is there now: spares callers a transfer, and decides nothing.

        Raises:
            PreconditionFailedException: Something is there.
            RouteNotSupportedException: The store cannot keep two writers apart.
        """
        ...

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """As `BlobStore.write`, under exactly the key of the blob, where nothing is when the last byte has come.

        When the store's answer is lost, or the caller is cancelled while it is under way, the file may be there all the
        same: nothing is deleted under a key that may be somebody else's by then. Before that, nothing stays behind.

        Raises:
            PreconditionFailedException: Something is there.
        """
        ...

"""The port to stores that let a caller choose a file's key."""

from typing import Protocol

from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.file_id import FileId


class NamedWrites(Protocol):
    """Stores files under keys that others may use at the same time: the first one gets it, and nothing is replaced."""

    def place_of(self, bucket: str | None, key: str) -> FileId:
        """The id of the file that would be stored there; `None` is the default bucket."""
        ...

    async def require_free(self, file_id: FileId) -> None:
        """Return when nothing is there now: this may spare callers a transfer, and guarantees nothing.

        Raises:
            PreconditionFailedException: Something is there.
            RouteNotSupportedException: The store cannot keep two writers apart.
        """
        ...

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """As `BlobStore.write`, under exactly the blob's key, if nothing is there when the last byte has come.

        When the store's response is lost, or the caller is cancelled while it is under way, the file may be there:
        nothing is deleted under a key that may belong to somebody else by then. Before that, nothing stays behind.

        Raises:
            PreconditionFailedException: Something is there.
        """
        ...

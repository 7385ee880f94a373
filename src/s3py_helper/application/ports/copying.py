"""The optional ability to copy a file without moving its bytes through the client."""

from typing import Protocol

from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.file_id import FileId


class ServerSideCopy(Protocol):
    """A backend that can copy by itself.

    Callers guarantee: the source belongs to this backend, and the target is a valid one with a fresh key.

    Implementers owe what `BlobStore` asks of every method; `s3py_helper.testing.ServerSideCopyContract` holds these
    promises as tests.
    """

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        """Store the source's bytes a second time, under the target's key, in the target's bucket.

        Type, name and metadata are the target's alone; nothing of the source's description is inherited, and the
        source stays as it is. Returns what `BlobStore.write` returns. A copy that fails or is cancelled leaves nothing.

        Raises `FileNotFoundException` when there is no source.
        """
        ...

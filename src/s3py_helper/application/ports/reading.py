"""The optional ability to read bytes in fewer requests than bytes and description together take."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId


class BytesOnly(Protocol):
    """A backend that keeps a file's description apart from its bytes (FastDFS)."""

    def open_bytes(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """As `BlobStore.open`, but name, content type and metadata may be missing from the information."""
        ...

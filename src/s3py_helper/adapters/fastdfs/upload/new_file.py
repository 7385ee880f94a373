"""A file on its way to a storage server, and what the server made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from aiofdfs.async_fdfs_protol import FDFS_FILE_EXT_NAME_MAX_LEN

from s3py_helper.adapters.fastdfs.describe import FileFacts
from s3py_helper.adapters.fastdfs.metadata import pairs_to_store
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import Backend, FileId


@dataclass(frozen=True, slots=True)
class NewFile:
    """What a server needs to know of a file beside its bytes."""

    extension: str
    metadata: Mapping[str, str]
    body: IncomingBody

    @classmethod
    def of(cls, blob: NewBlob, body: IncomingBody) -> Self:
        """Raises `InvalidArgumentException` for what FastDFS cannot keep, before a byte has been read or sent."""
        return cls(extension_of(blob.file_name), pairs_to_store(blob), body)

    def facts(self, file_id: FileId) -> FileFacts:
        """What is known of it once it is stored, without asking."""
        return FileFacts.in_name(file_id) or FileFacts(self.body.received, datetime.now(UTC), None)

    def verify(self, file_id: FileId) -> None:
        """Compare size and CRC-32, which the server has written into the id, with the bytes that were read."""
        stored = FileFacts.in_name(file_id)
        if stored is None or (stored.size, stored.crc32) == (self.body.received, self.body.crc32):
            return
        raise IntegrityException(
            f"upload: {self.body.received} bytes with the CRC-32 {self.body.crc32:08x} were sent, "
            f"the server has stored {stored.size} with {stored.crc32 or 0:08x}",
            operation="upload",
            backend=Backend.FASTDFS,
        )


_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def extension_of(file_name: str) -> str:
    """The extension for a new file: the user's, exactly as written, if the server takes it, else none."""
    stem, _, extension = file_name.rpartition(".")
    allowed = len(extension) <= FDFS_FILE_EXT_NAME_MAX_LEN and _ALLOWED.issuperset(extension)
    return extension if stem and allowed else ""

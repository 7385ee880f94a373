"""What is known of a file: from its id, its metadata and, where those do not tell, its server."""

from datetime import UTC, datetime
from typing import NamedTuple, Self

from s3py_helper.adapters.fastdfs.metadata import StoredMetadata
from s3py_helper.adapters.fastdfs.protocol.messages import FileStat
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.fastdfs_name import decoded
from s3py_helper.domain.file_id import FileId


class FileFacts(NamedTuple):
    """Size in bytes, creation time and, except for appender files, CRC-32."""

    size: int
    created_at: datetime
    crc32: int | None

    @classmethod
    def in_name(cls, file_id: FileId) -> Self | None:
        """What the id tells; `None` for appender and slave files, and for names that no server made."""
        name = decoded(file_id.key)
        return None if name is None or name.size is None else cls(name.size, name.created_at, name.crc32)

    @classmethod
    def on_server(cls, stat: FileStat) -> Self:
        """What the server tells. It is not asked for a checksum, for which it would read the whole file."""
        return cls(stat.size, datetime.fromtimestamp(stat.created_at, UTC), None)


def describe(file_id: FileId, facts: FileFacts, metadata: StoredMetadata) -> BlobInfo:
    """Put a file's description together."""
    return BlobInfo(
        file_id=file_id,
        size=facts.size,
        file_name=metadata.file_name,
        last_modified=facts.created_at,
        content_type=metadata.content_type,
        # A file with a checksum in its name never changes, and no other file ever gets that name.
        etag=None if facts.crc32 is None else f'"{file_id.key.rpartition("/")[2]}"',
        checksum=None if facts.crc32 is None else Checksum.crc32(facts.crc32),
        metadata=metadata.pairs,
    )

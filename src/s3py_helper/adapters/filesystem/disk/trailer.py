"""What a stored file says about itself, behind its content.

A stored file is `content | trailer | footer`. The trailer is JSON, readable with `tail -c`; the footer has a fixed size
and tells where the trailer begins. Content and description are one file of the disk, so no crash can tear them apart,
and a range of the content is a range of the file.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

from isal import isal_zlib

from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import IntegrityException, InvalidArgumentException
from s3py_helper.domain.file_id import FileId

VERSION: Final = 1
MAGIC: Final = b"s3pyblob"
MAX_TRAILER: Final = 1024 * 1024
"""Largest trailer in bytes; only metadata can make it grow."""

_FOOTER: Final = struct.Struct(">II8s")  # length and CRC-32 of the trailer, magic


@dataclass(frozen=True, slots=True)
class Trailer:
    """The description of a stored file.

    Attributes:
        size: Bytes of content.
        crc32: CRC-32 of the content.
        created: When the file was stored, with time zone.
        file_name: The name it was uploaded with.
        content_type: Media type.
        metadata: The user's own pairs.
    """

    size: int
    crc32: int
    created: datetime
    file_name: str
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Trailer and footer as they follow the content.

        Raises:
            InvalidArgumentException: The metadata are too large.
        """
        facts = {
            "version": VERSION,
            "size": self.size,
            "crc32": f"{self.crc32:08x}",
            "created": self.created.isoformat(),
            "file_name": self.file_name,
            "content_type": self.content_type,
            "metadata": dict(self.metadata),
        }
        trailer = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        if len(trailer) > MAX_TRAILER:
            raise InvalidArgumentException(
                f"name and metadata take {len(trailer)} bytes, {MAX_TRAILER} are allowed", file_name=self.file_name
            )
        return trailer + _FOOTER.pack(len(trailer), isal_zlib.crc32(trailer), MAGIC)

    @classmethod
    def decode(cls, tail: bytes, file_size: int) -> Self:
        """Read what `encode` gave; `tail` are the last `tail_size` bytes of a file of `file_size` bytes, or more.

        Raises:
            IntegrityException: It is damaged, or of a newer version.
        """
        length = tail_size(tail, file_size) - _FOOTER.size
        trailer = tail[-_FOOTER.size - length : -_FOOTER.size]
        if isal_zlib.crc32(trailer) != _FOOTER.unpack(tail[-_FOOTER.size :])[1]:
            raise IntegrityException("the description behind the content is damaged")
        facts = json.loads(trailer)
        if facts["version"] != VERSION:
            raise IntegrityException(f"the file has format {facts['version']}, this release reads {VERSION}")
        if facts["size"] + length + _FOOTER.size != file_size:
            raise IntegrityException(f"the content is not the {facts['size']} bytes that were stored")
        return cls(
            size=facts["size"],
            crc32=int(facts["crc32"], 16),
            created=datetime.fromisoformat(facts["created"]),
            file_name=facts["file_name"],
            content_type=facts["content_type"],
            metadata=facts["metadata"],
        )

    def describe(self, file_id: FileId) -> BlobInfo:
        """The same in the words of the port."""
        stored_at = int(self.created.timestamp() * 1_000_000)
        return BlobInfo(
            file_id=file_id,
            size=self.size,
            file_name=self.file_name,
            last_modified=self.created,
            content_type=self.content_type,
            etag=f'"{self.crc32:08x}-{self.size:x}-{stored_at:x}"',
            checksum=Checksum.crc32(self.crc32),
            metadata=dict(self.metadata),
        )


def tail_size(tail: bytes, file_size: int) -> int:
    """How many bytes at the end of a file trailer and footer take; `tail` are its last bytes, the footer at least.

    Raises:
        IntegrityException: No stored file ends so.
    """
    if len(tail) < _FOOTER.size or not tail.endswith(MAGIC):
        raise IntegrityException("the file was not stored by s3py-helper, or its end is missing")
    length: int = _FOOTER.unpack(tail[-_FOOTER.size :])[0]
    if length > MAX_TRAILER or length + _FOOTER.size > file_size:
        raise IntegrityException("the description behind the content is damaged")
    return length + _FOOTER.size

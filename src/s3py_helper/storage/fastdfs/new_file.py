"""A file on its way to FastDFS, for services that do more than storing it."""

import zlib
from collections.abc import Mapping

from s3py_helper.application.describe import file_attach
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_name import check_file_name
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.metadata import check_metadata


def whole(content: object) -> bytes:
    """The bytes; raises `InvalidArgumentException` for what is none."""
    if not isinstance(content, bytes | bytearray | memoryview):
        raise InvalidArgumentException(f"content is bytes, got {type(content).__name__}", backend=Backend.FASTDFS)
    return bytes(content)


def new_blob(file_name: str, content: bytes, metadata: Mapping[str, str] | None) -> NewBlob:
    """What is to be kept beside the bytes. FastDFS makes its own keys.

    Raises:
        InvalidArgumentException: Name or metadata are not valid.
    """
    check_file_name(file_name)
    return NewBlob(
        key=file_name,
        file_name=file_name,
        content_type=guess_content_type(file_name, content),
        size=len(content),
        metadata=check_metadata(metadata),
    )


def attach_of(blob: NewBlob, file_id: FileId, content: bytes) -> FileAttach:
    """The public description of a file that was stored a moment ago."""
    return file_attach(blob, str(file_id), size=len(content), checksum=Checksum.crc32(zlib.crc32(content)))

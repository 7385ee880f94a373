"""What the server has written into a new file's id is compared with what was read."""

import base64
import struct
import zlib

import pytest

from s3py_helper.adapters.fastdfs.upload.new_file import NewFile
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob

_CONTENT = b"what was read"


def _id(size: int, crc32: int) -> FileId:
    fields = struct.pack("!4sIQI", bytes([127, 0, 0, 2]), 1_800_000_000, 1 << 63 | size, crc32)
    return FileId.parse(f"group1/M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}123.txt")


async def _read() -> NewFile:
    body = body_of(_CONTENT)
    assert b"".join([chunk async for chunk in body]) == _CONTENT
    return NewFile.of(new_blob(), body)


async def test_size_and_checksum_must_both_be_right() -> None:
    file = await _read()
    file.verify(_id(len(_CONTENT), zlib.crc32(_CONTENT)))
    for size, crc32 in ((len(_CONTENT) + 1, zlib.crc32(_CONTENT)), (len(_CONTENT), 1), (0, 0)):
        with pytest.raises(IntegrityException, match=f"the server has stored {size} with {crc32:08x}"):
            file.verify(_id(size, crc32))


async def test_an_id_that_tells_nothing_is_not_compared() -> None:
    (await _read()).verify(FileId.parse("group1/M00/00/00/handmade.txt"))

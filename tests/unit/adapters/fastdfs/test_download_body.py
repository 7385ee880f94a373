"""Bodies of downloads: compared, closed, and continued elsewhere."""

import zlib

import pytest

from s3py_helper.adapters.fastdfs.download_body import HeldBody
from s3py_helper.domain.errors import IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import FileId

_FILE = FileId.parse("group1/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")


async def test_a_held_body_is_given_once() -> None:
    body = HeldBody(_FILE, b"hello", zlib.crc32(b"hello"))
    assert [chunk async for chunk in body] == [b"hello"]
    assert [chunk async for chunk in body] == []


async def test_an_empty_body_has_no_chunk() -> None:
    assert [chunk async for chunk in HeldBody(_FILE, b"", None)] == []


async def test_a_held_body_is_compared_before_it_is_given() -> None:
    with pytest.raises(IntegrityException, match="the bytes have the CRC-32 3610a686, the id says 00000007"):
        await anext(HeldBody(_FILE, b"hello", 7))
    assert await anext(HeldBody(_FILE, b"hello", None)) == b"hello"


async def test_a_closed_body_says_so() -> None:
    body = HeldBody(_FILE, b"hello", None)
    body.close()
    body.close()
    with pytest.raises(StorageOperationException, match="has been closed"):
        await anext(body)

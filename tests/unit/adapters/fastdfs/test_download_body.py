"""Bodies of downloads: compared, closed, and continued elsewhere."""

import zlib

import pytest

from s3py_helper.adapters.fastdfs.download_body import HeldBody, StreamedBody
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.domain.errors import IntegrityException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import ScriptedChannel, reply

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


async def streamed(
    *content: bytes | OSError, size: int = 5, crc32: int | None = None, released: list[FramedConnection] | None = None
) -> StreamedBody:
    """A body whose bytes come so, behind the header of the reply."""
    channel = ScriptedChannel(reply(length=size), *content)
    connection = channel.connection(released=released)
    await connection.send(bytes(8) + bytes([Command.DOWNLOAD, 0]))
    assert await connection.begin_reply() == size
    return StreamedBody(_FILE, connection, 0, size, crc32, None)


async def test_a_streamed_body_is_compared_before_its_last_chunk_is_given() -> None:
    released: list[FramedConnection] = []
    body = await streamed(b"he", b"llo", crc32=7, released=released)
    assert await anext(body) == b"he"
    with pytest.raises(IntegrityException, match="the bytes have the CRC-32 3610a686, the id says 00000007"):
        await anext(body)
    assert len(released) == 1
    whole = await streamed(b"he", b"llo", crc32=zlib.crc32(b"hello"))
    assert [chunk async for chunk in whole] == [b"he", b"llo"]


async def test_a_streamed_body_that_breaks_off_says_of_which_file() -> None:
    body = await streamed(b"he", ConnectionResetError(104, "reset by peer"))
    assert await anext(body) == b"he"
    with pytest.raises(StorageUnavailableException, match="reset by peer, 3 bytes before the end") as raised:
        await anext(body)
    assert (raised.value.operation, raised.value.file_id) == ("download", str(_FILE))


async def test_a_streamed_body_is_released_once_however_often_it_is_closed() -> None:
    released: list[FramedConnection] = []
    body = await streamed(b"he", b"llo", released=released)
    assert await anext(body) == b"he"
    body.close()
    body.close()
    assert len(released) == 1
    with pytest.raises(StorageOperationException, match="has been closed") as raised:
        await anext(body)
    assert type(raised.value) is StorageOperationException
    assert (raised.value.operation, raised.value.file_id) == ("download", str(_FILE))

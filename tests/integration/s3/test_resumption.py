"""Downloads that break off and go on."""

import base64
import zlib

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import (
    PreconditionFailedException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import leak_guard, read_all
from tests.support.s3.raw_server import Peer, raw_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


class TestResumption:
    """The connection breaks after the first half."""

    HALF = len(CONTENT) // 2

    async def _read(self, first: bytes, second: bytes) -> tuple[bytes, list[bytes]]:
        heads: list[bytes] = []

        async def behave(peer: Peer) -> None:
            heads.append(await peer.head())
            size = len(CONTENT)
            if len(heads) == 1:
                head = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (first, size)
                await peer.answer(head + CONTENT[: self.HALF])
            else:
                where = b"Content-Range: bytes %d-%d/%d\r\n" % (self.HALF, size - 1, size)
                head = b"HTTP/1.1 206 OK\r\n%b%bContent-Length: %d\r\n\r\n" % (second, where, size - self.HALF)
                await peer.answer(head + CONTENT[self.HALF :])

        async with raw_server(behave) as server, S3Session(server.s3().config()) as session, leak_guard():
            return await read_all(S3BlobStore(session), FILE_ID), heads

    @pytest.mark.parametrize("etag", ['"x"', "x", "5d41402abc4b2a76b9719d911017c592"])
    async def test_it_asks_for_the_same_version_with_the_tag_as_it_came(self, etag: str) -> None:
        line = f"ETag: {etag}\r\n".encode()
        content, heads = await self._read(line, line)
        assert content == CONTENT
        assert f"if-match: {etag}\r\n".encode() in heads[1]
        assert b"range: bytes=%d-%d\r\n" % (self.HALF, len(CONTENT) - 1) in heads[1]

    @pytest.mark.parametrize(("first", "second"), [('"x"', "x"), ("x", '"x"')])
    async def test_quotes_that_come_and_go_are_no_other_version(self, first: str, second: str) -> None:
        content, _ = await self._read(f"ETag: {first}\r\n".encode(), f"ETag: {second}\r\n".encode())
        assert content == CONTENT

    async def test_another_version_is_not_mixed_in(self) -> None:
        with pytest.raises(PreconditionFailedException, match="replaced"):
            await self._read(b'ETag: "x"\r\n', b'ETag: "y"\r\n')

    @pytest.mark.parametrize("line", [b'ETag: W/"x"\r\n', b""])
    async def test_without_a_strong_tag_nothing_is_resumed(self, line: bytes) -> None:
        with pytest.raises(StorageUnavailableException, match="broke off"):
            await self._read(line, line)

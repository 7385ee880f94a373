"""What responses tell of an object, in whatever form, and what they leave out."""

import asyncio
import base64
import datetime as dt
import zlib

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import (
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import read_all
from tests.support.s3.raw_server import Peer, raw_server
from tests.support.s3.scripted import scripted_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


class TestDescriptions:
    @pytest.mark.parametrize(
        "date",
        [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
            "1994-11-06T08:49:37.000Z",
        ],
    )
    async def test_a_date_is_understood_in_every_form(self, date: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=CONTENT, headers={"ETag": '"x"', "Last-Modified": date})

        async with scripted_server(answer) as server, S3Session(server.config()) as session:
            info = await S3BlobStore(session).info(FILE_ID)
        assert info.last_modified == dt.datetime(1994, 11, 6, 8, 49, 37, tzinfo=dt.UTC)

    async def test_a_date_that_is_none_is_left_out(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=CONTENT, headers={"ETag": '"x"', "Last-Modified": "yesterday"})

        async with scripted_server(answer) as server, S3Session(server.config()) as session:
            assert (await S3BlobStore(session).info(FILE_ID)).last_modified is None

    async def test_the_encoding_of_the_bytes_is_told(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=CONTENT, headers={"ETag": '"x"', "Content-Encoding": "gzip"})

        async with scripted_server(answer) as server, S3Session(server.config()) as session:
            store = S3BlobStore(session)
            assert (await store.info(FILE_ID)).content_encoding == "gzip"
            async with store.open(FILE_ID) as blob:
                assert blob.info.content_encoding == "gzip"


class TestResponsesWithoutASize:
    @staticmethod
    async def _read(
        get: dict[str, str], head: dict[str, str], content: bytes = CONTENT, size: int | None = len(CONTENT)
    ) -> bytes:
        async def answer(request: web.Request) -> web.StreamResponse:
            if request.method == "HEAD":
                told = {} if size is None else {"Content-Length": str(size)}
                return web.Response(headers=head | told)
            response = web.StreamResponse(headers=get)
            response.enable_chunked_encoding()
            await response.prepare(request)
            await response.write(content)
            return response

        async with scripted_server(answer) as server, S3Session(server.config(perf=ONCE)) as session:
            return await read_all(S3BlobStore(session), FILE_ID)

    async def test_it_is_asked_for(self) -> None:
        assert await self._read({"ETag": '"x"'}, {"ETag": '"x"'}) == CONTENT

    async def test_it_must_be_that_of_the_same_version(self) -> None:
        with pytest.raises(StorageOperationException, match="does not tell the size"):
            await self._read({"ETag": '"x"'}, {"ETag": '"y"'})

    async def test_it_must_be_that_of_the_same_bytes(self) -> None:
        with pytest.raises(StorageOperationException, match="does not tell the size"):
            await self._read({"ETag": '"x"', "Content-Encoding": "gzip"}, {"ETag": '"x"'})

    @pytest.mark.parametrize("surplus", [1, 100_000])
    async def test_more_bytes_than_that_are_an_error(self, surplus: int) -> None:
        with pytest.raises(IntegrityException, match="more bytes than announced"):
            await self._read({"ETag": '"x"'}, {"ETag": '"x"'}, CONTENT + bytes(surplus))

    async def test_more_bytes_are_an_error_when_they_come_later_as_well(self) -> None:
        async def behave(peer: Peer) -> None:
            if (await peer.head()).startswith(b"HEAD"):
                await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 5\r\nConnection: close\r\n\r\n')
                return
            await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n')
            await asyncio.sleep(0.05)
            await peer.answer(b"1\r\n6\r\n0\r\n\r\n")

        async with raw_server(behave) as server, S3Session(server.s3().config(perf=ONCE)) as session:
            with pytest.raises(IntegrityException, match="more bytes than announced"):
                await read_all(S3BlobStore(session), FILE_ID)

    async def test_fewer_bytes_than_that_are_an_error(self) -> None:
        with pytest.raises(StorageUnavailableException, match="ended too early"):
            await self._read({"ETag": '"x"'}, {"ETag": '"x"'}, CONTENT[:-1])


class TestMissingBuckets:
    """A response to HEAD has no body, so that a missing object and a missing bucket look alike."""

    @staticmethod
    async def _infos(bucket_status: int, times: int = 1) -> tuple[list[type[StorageException]], list[str]]:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(f"{request.method} {request.path}")
            return web.Response(status=bucket_status if request.path == "/tests" else 404)

        kinds: list[type[StorageException]] = []
        async with scripted_server(answer) as server, S3Session(server.config(perf=ONCE)) as session:
            for _ in range(times):
                with pytest.raises(StorageException) as raised:
                    await S3BlobStore(session).info(FILE_ID)
                kinds.append(type(raised.value))
        return kinds, seen

    async def test_the_bucket_is_asked_for_and_a_missing_one_is_an_error_of_its_own(self) -> None:
        kinds, _ = await self._infos(404)
        assert kinds == [BucketNotFoundException]

    @pytest.mark.parametrize("status", [200, 403])
    async def test_a_bucket_that_is_there_is_asked_for_once(self, status: int) -> None:
        kinds, seen = await self._infos(status, times=3)
        assert kinds == [FileNotFoundException] * 3
        assert seen.count("HEAD /tests") == 1

    async def test_a_server_that_fails_to_say_does_not_hide_the_first_answer(self) -> None:
        kinds, seen = await self._infos(503, times=2)
        assert kinds == [FileNotFoundException] * 2
        assert seen.count("HEAD /tests") == 2

"""Checksums that travel with uploads and downloads."""

import asyncio
import base64
import zlib
from typing import Literal

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import FallbackTaken
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    IntegrityException,
    StorageException,
    StorageOperationException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.recorder import Recorder
from tests.support.s3.pretend_s3 import PretendS3, Seen, pretend_s3, saying
from tests.support.s3.scripted import error, scripted_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def _code_and_message(response: web.Response) -> tuple[str, str]:
    text = str(response.text)
    return text.partition("<Code>")[2].partition("<")[0], text.partition("<Message>")[2].partition("<")[0]


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


class TestChecksums:
    @pytest.mark.parametrize("size", [10_000, 6 * 1024 * 1024], ids=["object", "parts"])
    async def test_a_server_that_knows_none_is_asked_once_for_each_bucket(self, size: int) -> None:
        recorder = Recorder()
        perf = S3PerfConfig(multipart_threshold=5 * 1024 * 1024, multipart_part_size=5 * 1024 * 1024)

        async def refuse(server: PretendS3, seen: Seen) -> web.StreamResponse:
            if any("checksum" in name for name in seen.headers):
                return error(501, "NotImplemented", "no checksum please")
            return await server.obey(seen)

        async with pretend_s3() as s3, S3Session(s3.server.config(perf=perf), recorder) as session:
            s3.plan(refuse, lambda _seen: True, times=99)
            for bucket in ("first", "second", "first", "second"):
                written = await S3BlobStore(session).write(new_blob(bucket=bucket), body_of(bytes(size)))
                assert written.checksum is None
        refused = [seen for seen in s3.requests if any("checksum" in name for name in seen.headers)]
        assert len(refused) == 2
        assert len(s3.objects) == 4
        assert len(recorder.of(FallbackTaken)) == 2

    @pytest.mark.parametrize(
        "refusal",
        [
            error(501, "NotImplemented", "metadata are not implemented"),
            error(403, "AccessDenied", "You may not upload without checksums"),
            error(400, "InvalidArgument", "the checksum algorithm and the key are odd"),
        ],
        ids=["not implemented", "denied", "invalid"],
    )
    async def test_a_refusal_that_has_other_reasons_changes_nothing(self, refusal: web.Response) -> None:
        recorder = Recorder()
        async with pretend_s3() as s3, S3Session(s3.server.config(), recorder) as session:
            say = saying(lambda: error(refusal.status, *_code_and_message(refusal)))
            s3.plan(say, lambda seen: seen.method == "PUT", times=2)
            store = S3BlobStore(session)
            with pytest.raises(StorageException):
                await store.write(new_blob(), body_of(CONTENT))
            s3.forget_plans()
            written = await store.write(new_blob(), body_of(CONTENT))
            assert written.checksum == Checksum.crc32(zlib.crc32(CONTENT))
        assert recorder.of(FallbackTaken) == []

    @pytest.mark.parametrize("way", ["object", "part", "completion"])
    async def test_a_server_that_says_it_has_stored_something_else_is_not_believed_and_rolled_back(
        self, way: str
    ) -> None:
        perf = S3PerfConfig(multipart_threshold=5 * 1024 * 1024, multipart_part_size=5 * 1024 * 1024)

        async def confirm_another(server: PretendS3, seen: Seen) -> web.StreamResponse:
            response = await server.obey(seen)
            if way == "completion":
                assert isinstance(response, web.Response)
                other = str(response.text).partition("<ChecksumCRC32>")[0] + "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>"
                return web.Response(text=f"{other}</CompleteMultipartUploadResult>", content_type="application/xml")
            return web.Response(headers={"ETag": response.headers["ETag"], "x-amz-checksum-crc32": "AAAAAA=="})

        async with pretend_s3() as s3, S3Session(s3.server.config(perf=perf)) as session:
            s3.plan(
                confirm_another,
                lambda seen: (
                    seen.method == ("POST" if way == "completion" else "PUT")
                    and (way == "object" or "uploadId" in seen.query)
                ),
            )
            size = 10 if way == "object" else 6 * 1024 * 1024
            with pytest.raises(IntegrityException, match="other bytes than were sent"):
                await S3BlobStore(session).write(new_blob(), body_of(bytes(size)))
            assert s3.objects == {}
            assert s3.uploads == {}

    async def test_uploads_that_learn_it_at_the_same_time_all_succeed(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            await request.read()
            if "x-amz-checksum-crc32" in request.headers:
                return error(501, "NotImplemented")
            return fine()

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            store = S3BlobStore(connection)
            await asyncio.gather(*(store.write(new_blob(), body_of(CONTENT)) for _ in range(5)))

    async def test_one_that_is_required_must_be_known_to_the_server(self) -> None:
        requests: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            requests.append(request.method)
            return fine()

        async with (
            scripted_server(answer) as server,
            S3Session(server.config(checksum="required")) as connection,
        ):
            with pytest.raises(StorageOperationException, match="does not confirm checksums"):
                await S3BlobStore(connection).write(new_blob(), body_of(CONTENT))
        assert requests == ["PUT", "DELETE"], "what was stored unconfirmed is rolled back"

    async def test_none_is_sent_where_it_is_switched_off(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            assert not [name for name in request.headers if "checksum" in name.lower()]
            return fine()

        async with scripted_server(answer) as server, S3Session(server.config(checksum="off")) as connection:
            store = S3BlobStore(connection)
            await store.write(new_blob(), body_of(CONTENT))
            await store.info(FILE_ID)
            await read_all(store, FILE_ID)

    async def test_a_server_that_stored_something_else_is_not_believed(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(headers={"ETag": '"x"', "x-amz-checksum-crc32": "AAAAAA=="})

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(IntegrityException, match="other bytes than were sent"):
                await S3BlobStore(connection).write(new_blob(), body_of(CONTENT))

    @pytest.mark.parametrize("kind", ["FULL_OBJECT", "COMPOSITE"])
    async def test_a_whole_download_is_compared(self, kind: Literal["FULL_OBJECT", "COMPOSITE"]) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            headers = {"ETag": '"x"', "x-amz-checksum-crc32": CRC32, "x-amz-checksum-type": kind}
            return web.Response(body=CONTENT[:-1] + b"!", headers=headers)

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            store = S3BlobStore(connection)
            if kind == "COMPOSITE":
                # The checksum of the parts' checksums says nothing about the bytes as a whole.
                assert await read_all(store, FILE_ID) == CONTENT[:-1] + b"!"
                return
            assert (await store.info(FILE_ID)).checksum == Checksum.crc32(zlib.crc32(CONTENT))
            with pytest.raises(IntegrityException, match="checksum"):
                await read_all(store, FILE_ID)

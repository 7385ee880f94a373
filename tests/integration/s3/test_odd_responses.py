"""Responses that no real server gives on command."""

import base64
import zlib

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.s3.scripted import error, scripted_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


class TestRetries:
    PERF = S3PerfConfig(max_retries=3)

    async def _attempts(self, *answers: web.Response) -> int:
        left = list(answers)

        async def answer(request: web.Request) -> web.StreamResponse:
            return left.pop(0) if left else fine()

        async with scripted_server(answer) as server, S3Session(server.config(perf=self.PERF)) as connection:
            await S3BlobStore(connection).info(FILE_ID)
        return len(answers) - len(left) + 1

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    async def test_overload_is_waited_out(self, status: int) -> None:
        assert await self._attempts(web.Response(status=status), web.Response(status=status)) == 3

    async def test_patience_ends(self) -> None:
        with pytest.raises(StorageUnavailableException, match="HTTP 503") as refused:
            await self._attempts(*(web.Response(status=503, headers={"Retry-After": "0"}) for _ in range(9)))
        assert refused.value.retry_after == 0

    async def test_a_refusal_for_good_is_not_repeated(self) -> None:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(request.method)
            return error(403, "SignatureDoesNotMatch", "the-secret is not the secret")

        async with scripted_server(answer) as server, S3Session(server.config(perf=self.PERF)) as connection:
            with pytest.raises(AccessDeniedException, match="the secret key is wrong") as refused:
                await S3BlobStore(connection).write(new_blob(), body_of(CONTENT))
        assert seen == ["PUT"]
        assert server.secret_key not in str(refused.value)


class TestMultipartControl:
    """Beginning and completing an upload, answered as servers do now and then."""

    PERF = S3PerfConfig(max_retries=2, multipart_part_size=5 * 1024 * 1024, multipart_threshold=5 * 1024 * 1024)
    BEGUN = "<InitiateMultipartUploadResult><UploadId>the id</UploadId></InitiateMultipartUploadResult>"
    DONE = '<CompleteMultipartUploadResult xmlns="any"><ETag>"whole"</ETag></CompleteMultipartUploadResult>'

    async def _upload(self, begin: list[str], complete: list[str]) -> tuple[BlobInfo, list[str]]:
        """Upload two parts; the answers are given one after the other, all with status 200."""
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(f"{request.method} {request.query_string}")
            await request.read()
            if request.method == "POST":
                text = (begin if "uploads" in request.query else complete).pop(0)
                return web.Response(text=text, content_type="application/xml")
            if request.method == "GET":
                upload = f"<Upload><Key>{request.query.get('prefix')}</Key><UploadId>lost</UploadId></Upload>"
                listed = f"<ListMultipartUploadsResult>{upload}</ListMultipartUploadsResult>"
                return web.Response(text=listed) if "uploads" in request.query else error(404, "NoSuchUpload")
            return fine()

        async with scripted_server(answer) as server, S3Session(server.config(perf=self.PERF)) as connection:
            written = await S3BlobStore(connection).write(new_blob(), body_of(bytes(6 * 1024 * 1024)))
        return written, seen

    async def test_blanks_that_kept_the_connection_alive_are_passed_over(self) -> None:
        written, _ = await self._upload([self.BEGUN], [f"  \n\n {self.DONE}"])
        assert written.etag == '"whole"'

    async def test_an_error_after_status_200_is_one_and_completing_is_tried_again(self) -> None:
        refusal = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
        written, seen = await self._upload([self.BEGUN], [refusal, self.DONE])
        assert written.etag == '"whole"'
        assert seen.count("POST uploadId=the id") == 2

    @pytest.mark.parametrize("odd", ["", "<html>", "what?", "<Result/>"])
    async def test_a_beginning_that_cannot_be_read_is_tried_again_and_what_it_began_is_aborted(self, odd: str) -> None:
        written, seen = await self._upload([odd, self.BEGUN], [self.DONE])
        assert written.etag == '"whole"'
        assert "DELETE uploadId=lost" in seen

    async def test_a_completion_that_is_refused_for_good_leaves_nothing(self) -> None:
        refusal = "<Error><Code>InvalidPart</Code><Message>One of the parts could not be found.</Message></Error>"
        with pytest.raises(InvalidArgumentException, match="could not be found"):
            await self._upload([self.BEGUN], [refusal])


class TestOddAnswers:
    async def test_a_server_that_ignores_ranges_is_not_believed(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=CONTENT, headers={"ETag": '"x"'})

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            store = S3BlobStore(connection)
            with pytest.raises(StorageOperationException, match="does not serve ranges"):
                await read_all(store, FILE_ID, ByteRange(5, 9))
            assert await read_all(store, FILE_ID, ByteRange(0, None)) == CONTENT

    @pytest.mark.parametrize("header", ["bytes 0-9/100", "bytes 5-8/100", "bytes 5-9/*", "nonsense", ""])
    async def test_another_range_than_the_one_asked_for_is_not_believed(self, header: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(status=206, body=bytes(5), headers={"ETag": '"x"', "Content-Range": header})

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(StorageOperationException, match=r"range|bytes"):
                await read_all(S3BlobStore(connection), FILE_ID, ByteRange(5, 9))

    async def test_a_redirect_is_not_followed(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/", "Content-Length": "0"})

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(StorageOperationException, match="another endpoint"):
                await S3BlobStore(connection).info(FILE_ID)

    @pytest.mark.parametrize("content_type", ["text/plain\r\nx-amz-acl: public-read", "text/plain; name=é"])
    async def test_a_content_type_that_is_no_header_is_refused_before_anything_is_sent(self, content_type: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            raise AssertionError("nothing may be sent")

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(InvalidArgumentException, match="no media type"):
                await S3BlobStore(connection).write(new_blob(content_type=content_type), body_of(b"x"))

    async def test_an_answer_that_goes_on_beyond_its_size_is_cut_and_not_handed_out(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            headers = {"ETag": '"x"', "Content-Range": "bytes 5-9/100", "Content-Length": "7"}
            return web.Response(status=206, body=b"1234567", headers=headers)

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(IntegrityException, match="more bytes than announced"):
                await read_all(S3BlobStore(connection), FILE_ID, ByteRange(5, 9))

    async def test_temporary_keys_send_their_token(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            assert request.headers["x-amz-security-token"] == "the-token"
            assert "x-amz-security-token" in request.headers["Authorization"]
            return fine()

        async with (
            scripted_server(answer) as server,
            S3Session(server.config(session_token="the-token")) as connection,
        ):
            await S3BlobStore(connection).info(FILE_ID)

    async def test_bodies_over_plain_http_are_signed_unless_that_is_switched_off(self) -> None:
        hashes_seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            hashes_seen.append(request.headers["x-amz-content-sha256"])
            return fine()

        async with scripted_server(answer) as server:
            for sign_payload in (True, False):
                async with S3Session(server.config(sign_payload=sign_payload)) as connection:
                    await S3BlobStore(connection).write(new_blob(), body_of(b"abc"))
        assert hashes_seen == [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "UNSIGNED-PAYLOAD",
        ]

    async def test_describing_tells_the_reason_although_its_answers_have_no_body(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return error(403, "RequestTimeTooSkewed")

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(AccessDeniedException, match="clocks"):
                await S3BlobStore(connection).info(FILE_ID)

    @pytest.mark.parametrize("code", ["NoSuchKey", ""])
    async def test_deleting_what_is_not_there_is_fine_whatever_the_server_says(self, code: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return error(404, code)

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            await S3BlobStore(connection).delete(FILE_ID)

    async def test_deleting_from_a_bucket_that_is_not_there_is_an_error(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return error(404, "NoSuchBucket")

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            with pytest.raises(BucketNotFoundException, match="no such bucket"):
                await S3BlobStore(connection).delete(FILE_ID)


async def test_the_last_0_bytes_are_asked_of_no_server() -> None:
    methods: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        methods.append(request.method)
        return fine()

    async with scripted_server(answer) as server, S3Session(server.config()) as session:
        with pytest.raises(InvalidRangeException) as refused:
            await read_all(S3BlobStore(session), FILE_ID, ByteRange(None, 0))
    assert (refused.value.size, methods) == (5, ["HEAD"])


async def test_an_object_without_bytes_has_a_checksum_as_well() -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"", headers={"ETag": '"x"', "x-amz-checksum-crc32": CRC32})

    async with scripted_server(answer) as server, S3Session(server.config()) as session:
        with pytest.raises(IntegrityException, match="its checksum is not the one"):
            await read_all(S3BlobStore(session), FILE_ID)

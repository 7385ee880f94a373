"""Answers that no real server gives on command."""

import asyncio
import base64
import datetime as dt
import ssl
import zlib
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.s3.certificate import Certificate
from tests.support.s3.scripted import error, scripted_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


class TestChecksums:
    @pytest.mark.parametrize(
        "refusal",
        [
            error(501, "NotImplemented", "A header you provided implies functionality that is not implemented"),
            error(400, "InvalidRequest", "unknown checksum algorithm"),
        ],
        ids=["not implemented", "unknown"],
    )
    async def test_a_server_that_knows_none_is_asked_once(self, refusal: web.Response) -> None:
        seen: list[str | None] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(request.headers.get("x-amz-checksum-crc32"))
            await request.read()
            if seen[-1] is not None:
                return error(refusal.status, "NotImplemented", "no checksum please")
            return fine()

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            store = S3BlobStore(connection)
            for _ in range(2):
                written = await store.write(new_blob(), body_of(CONTENT))
                assert written.checksum is None
        assert seen == [CRC32, None, None]

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
        assert requests == ["PUT", "DELETE"], "what was stored unconfirmed is taken back"

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
            return web.Response(body=CONTENT)

        async with scripted_server(answer) as server, S3Session(server.config()) as connection:
            store = S3BlobStore(connection)
            with pytest.raises(StorageOperationException, match="does not serve ranges"):
                await read_all(store, FILE_ID, ByteRange(5, 9))
            assert await read_all(store, FILE_ID, ByteRange(0, None)) == CONTENT

    @pytest.mark.parametrize("header", ["bytes 0-9/100", "bytes 5-8/100", "bytes 5-9/*", "nonsense", ""])
    async def test_another_range_than_the_one_asked_for_is_not_believed(self, header: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(status=206, body=bytes(5), headers={"Content-Range": header})

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
            headers = {"Content-Range": "bytes 5-9/100", "Content-Length": "7"}
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


class TestTls:
    @pytest.fixture
    def tls(self, certificate: Certificate) -> ssl.SSLContext:
        return certificate.server_side()

    @staticmethod
    async def _answer(request: web.Request) -> web.StreamResponse:
        assert request.method == "HEAD" or request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        return fine()

    async def test_a_certificate_that_is_not_trusted_is_refused(self, tls: ssl.SSLContext) -> None:
        async with scripted_server(self._answer, tls) as server, S3Session(server.config()) as connection:
            with pytest.raises(StorageOperationException, match="certificate is not trusted") as refused:
                await S3BlobStore(connection).info(FILE_ID)
        assert not refused.value.retryable

    async def test_a_bundle_may_be_named(self, tls: ssl.SSLContext, certificate: Certificate) -> None:
        async with (
            scripted_server(self._answer, tls) as server,
            S3Session(server.config(verify_tls=certificate.path)) as connection,
        ):
            await S3BlobStore(connection).write(new_blob(), body_of(b"over TLS the body needs no signature"))

    async def test_every_certificate_may_be_accepted(self, tls: ssl.SSLContext) -> None:
        async with (
            scripted_server(self._answer, tls) as server,
            S3Session(server.config(verify_tls=False)) as connection,
        ):
            await S3BlobStore(connection).info(FILE_ID)

    async def test_a_bundle_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        missing = tmp_path / "missing.pem"
        async with scripted_server(self._answer) as server:
            with pytest.raises(InvalidArgumentException, match=r"verify_tls names the CA bundle .*missing\.pem"):
                await S3Session(server.config(verify_tls=missing)).__aenter__()


class TestProxy:
    async def test_requests_go_through_the_configured_proxy(self) -> None:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(request.raw_path)
            return fine()

        async with scripted_server(answer) as proxy:
            config = proxy.config(endpoint="http://s3.example:9000", proxy=proxy.endpoint)
            async with S3Session(config) as connection:
                await S3BlobStore(connection).info(FILE_ID)
        assert seen == ["http://s3.example:9000/tests/a.bin"]

    async def test_a_bucket_may_be_named_in_the_host(self) -> None:
        seen: list[tuple[str, str]] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append((request.raw_path, request.headers["Host"]))
            return fine()

        async with scripted_server(answer) as proxy:
            config = proxy.config(endpoint="http://s3.example:9000", addressing_style="virtual", proxy=proxy.endpoint)
            async with S3Session(config) as connection:
                await S3BlobStore(connection).info(FILE_ID)
        assert seen == [("http://tests.s3.example:9000/a.bin", "tests.s3.example:9000")]

    async def test_the_environment_may_name_the_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(request.raw_path)
            return fine()

        async with scripted_server(answer) as proxy:
            monkeypatch.setenv("http_proxy", proxy.endpoint)
            monkeypatch.setenv("no_proxy", "direct.example")
            async with S3Session(proxy.config(endpoint="http://s3.example:9000")) as connection:
                await S3BlobStore(connection).info(FILE_ID)
        assert len(seen) == 1


class TestCredentialChain:
    @pytest.fixture(autouse=True)
    def no_keys(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    async def test_keys_are_found_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-environment")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

        async def answer(request: web.Request) -> web.StreamResponse:
            assert "Credential=from-environment/" in request.headers["Authorization"]
            return fine()

        async with scripted_server(answer) as server:
            config = server.config(access_key_id=None, secret_access_key=None)
            async with S3Session(config) as connection:
                await S3BlobStore(connection).info(FILE_ID)

    async def test_temporary_keys_are_renewed_before_they_expire(self, monkeypatch: pytest.MonkeyPatch) -> None:
        handed_out: list[str] = []
        used: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path == "/keys":
                handed_out.append(f"key-{len(handed_out)}")
                # So soon that the SDK asks again at the next request.
                soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
                keys = {"AccessKeyId": handed_out[-1], "SecretAccessKey": "s", "Token": f"token of {handed_out[-1]}"}
                return web.json_response(keys | {"Expiration": soon.strftime("%Y-%m-%dT%H:%M:%SZ")})
            used.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
            assert request.headers["x-amz-security-token"] == f"token of {used[-1]}"
            return fine()

        async with scripted_server(answer) as server:
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.endpoint}/keys")
            async with S3Session(server.config(access_key_id=None, secret_access_key=None)) as connection:
                for _ in range(3):
                    await S3BlobStore(connection).info(FILE_ID)
        assert used == sorted(used)
        assert len(set(used)) == 3

    async def test_no_keys_at_all_are_an_error_that_says_where_to_put_them(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            raise AssertionError("nothing may be asked without keys")

        async with scripted_server(answer) as server:
            config = server.config(access_key_id=None, secret_access_key=None)
            with pytest.raises(AccessDeniedException, match="access_key_id"):
                await S3Session(config).__aenter__()


async def test_a_backend_that_is_closed_under_way_says_so() -> None:
    asked = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.sleep(60)
        return fine()

    async with scripted_server(answer) as server:
        async with S3Session(server.config()) as connection:
            describing = asyncio.create_task(S3BlobStore(connection).info(FILE_ID))
            await asked.wait()
        with pytest.raises(StorageOperationException, match="closed"):
            await describing


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

"""TLS, proxies, and keys from the credential chain."""

import asyncio
import base64
import datetime as dt
import ssl
import zlib
from pathlib import Path

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import (
    AccessDeniedException,
    InvalidArgumentException,
    StorageOperationException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob
from tests.support.s3.certificate import Certificate
from tests.support.s3.scripted import scripted_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


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

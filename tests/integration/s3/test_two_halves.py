"""The SDK carries the rare requests, our own client all others: both must read every setting alike."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from tests.support.s3.scripted import scripted_server
from tests.support.s3.server import S3Server
from tests.support.s3.signatures import is_signed

pytestmark = pytest.mark.timeout(60)

ENDPOINTS = [
    "http://LOCALHOST:9000",
    "http://S3.Example:80",
    "HTTP://s3.example:9000/",
    "http://s3.example/Prefix/",
    "http://s3.example:8080/a/b",
    "http://[::1]:9000",
    "http://127.0.0.1",
]
BUCKETS = ["docs", "my.docs", "My_Docs", "127.0.0.2", "ab-", "a.b-c", "a..b", "a.-b", "ab.c", "x" * 63, "x" * 64]


class Proxy:
    """Both halves send everything here, with the whole address in the request line."""

    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.seen: list[tuple[str, str]] = []
        self.wrong_signatures: list[str] = []


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    seen: list[Proxy] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen[0].seen.append((request.raw_path, request.headers["Host"]))
        target = re.sub(r"^http://[^/]+", "", request.raw_path)
        if not is_signed(request.method, target, request.headers, "the-secret"):
            seen[0].wrong_signatures.append(request.raw_path)
        return web.Response(body=b"12345", headers={"ETag": '"x"'})

    async with scripted_server(answer) as server:
        seen.append(Proxy(server))
        yield seen[0]


@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_bucket_has_one_address_and_every_signature_is_for_it(proxy: Proxy, endpoint: str, style: str) -> None:
    config = proxy.server.config(endpoint=endpoint, addressing_style=style, proxy=proxy.server.endpoint)
    async with S3Session(config) as session, S3Client(config) as raw:
        for bucket in BUCKETS:
            await S3BlobStore(session).info(FileId(Backend.S3, bucket, "a b/é.txt"))
            await raw.head_object(bucket, "a b/é.txt")
    for ours, sdks in zip(proxy.seen[::2], proxy.seen[1::2], strict=True):
        assert ours == sdks
    assert proxy.wrong_signatures == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
async def test_both_ask_the_proxy_of_the_environment_or_none(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with S3Client(proxy.server.config()) as raw:
        await raw.head_object("docs", "a.txt")
    assert proxy.seen == [("/docs/a.txt", proxy.server.endpoint.removeprefix("http://"))]


@pytest.mark.parametrize(
    ("variable", "text"),
    [("AWS_ACCESS_KEY_ID", "AKIA17\n"), ("AWS_SECRET_ACCESS_KEY", "wJalrX\n"), ("AWS_SESSION_TOKEN", "AQoDYX\nEP")],
)
async def test_keys_of_the_environment_with_line_breaks_are_named_when_the_backend_is_opened(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "ak", "AWS_SECRET_ACCESS_KEY": "the-secret", variable: text}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgumentException, match="the credential chain gives keys that cannot be used") as raised:
        await S3Session(proxy.server.config(access_key_id=None, secret_access_key=None)).__aenter__()
    assert text.split(maxsplit=1)[0] not in str(raised.value)

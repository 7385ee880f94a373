"""What hostile and broken clients do to connections, byte by byte, on the protocol of `s3py serve`."""

import asyncio
import contextlib
import json
import logging
import os
import random
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.server import protocol
from s3py_helper.entrypoints.server.protocol import MAX_HEAD_BYTES
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.raw import RawClient, connected
from tests.integration.service.running import served
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

GET = b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
LARGE = os.urandom(30_000_000)
SMALLER = os.urandom(1_000_000)


class Source:
    """One large chunk and some smaller ones, and whether they can be read."""

    def __init__(self, *, endless: bool = False) -> None:
        self.open_now = 0
        self.opened = 0
        self._endless = endless

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[SourcedContent]:
        self.open_now += 1
        self.opened += 1
        try:
            length = None if self._endless else len(LARGE) + 5 * len(SMALLER)
            yield SourcedContent(self._body(), {"Content-Type": "application/octet-stream"}, length=length)
        finally:
            self.open_now -= 1

    async def _body(self) -> AsyncIterator[bytes]:
        yield LARGE
        while self._endless:
            yield SMALLER
        for _ in range(5):
            yield SMALLER


def _app(source: Source, *, idle_timeout: float) -> FastAPI:
    # A client that leaves while its request is read is no error of this one.
    router = APIRouter(route_class=ProblemRoute)

    @router.api_route("/echo", methods=["GET", "POST"])
    async def echo(request: Request) -> Response:
        body = await request.body()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
        return JSONResponse({"body": body.decode("latin-1"), "headers": headers})

    app = FastAPI()
    app.include_router(router)

    @app.post("/ignore")
    async def ignore() -> str:
        return "ignored"

    @app.get("/large")
    async def large() -> Response:
        return SourcedResponse(source, idle_timeout=idle_timeout)

    return app


@asynccontextmanager
async def service(*, idle_timeout: float = 20, source: Source | None = None) -> AsyncIterator[str]:
    app = _app(source or Source(), idle_timeout=idle_timeout)
    async with served(app, http="ours", idle_timeout=idle_timeout) as url:
        yield url


async def _refused(client: RawClient, status: int) -> None:
    response = await client.response()
    assert response.status == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["connection"] == "close"
    assert json.loads(response.body)["status"] == status
    # Nothing follows, and the connection is at its end.
    assert await client.closed() == b""


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with service(idle_timeout=0.2) as url, connected(url) as client:
        assert await client.closed() == b""


@pytest.mark.parametrize("begun", [b"G", b"GET /echo HTTP/1.1\r\n", GET, GET + b"X-Half: "])
async def test_a_head_that_does_not_come_whole_is_refused(begun: bytes) -> None:
    async with service(idle_timeout=0.2) as url, connected(url) as client:
        await client.send(begun)
        await _refused(client, 408)


async def test_a_head_that_comes_in_drips_is_refused() -> None:
    async with service(idle_timeout=0.4) as url, connected(url) as client:
        closed = asyncio.create_task(_refused(client, 408))
        await client.send(GET)
        with contextlib.suppress(ConnectionError):
            while not closed.done():
                await client.send(b"X: y\r\n")
                await asyncio.sleep(0.05)
        await closed


async def test_empty_lines_between_requests_do_not_keep_a_connection() -> None:
    async with service(idle_timeout=0.4) as url, connected(url) as client:
        await client.send(GET + b"\r\n")
        assert (await client.response()).status == 200
        closed = asyncio.create_task(client.closed())
        with contextlib.suppress(ConnectionError):
            while not closed.done():
                await client.send(b"\r\n")
                await asyncio.sleep(0.05)
        await closed


async def test_a_whole_head_is_not_hurried_after_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    async with service(idle_timeout=0.2) as url, connected(url) as client:
        for _ in range(2):
            await client.send(POST + b"Content-Length: 3\r\n\r\n")
            for byte in (b"a", b"b", b"c"):
                await asyncio.sleep(0.15)
                await client.send(byte)
            assert (await client.response()).status == 200


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /", b"x" * 1000),
        (GET + b"X-Endless: ", b"x" * 1000),
        (GET + b"X-Endless", b"x" * 1000),
        (GET, b"X: y\r\n" * 100),
        (CHUNKED + b"\r\n3;ext=", b"x" * 1000),
        (CHUNKED + b"\r\n0\r\nX-Endless: ", b"x" * 1000),
        (CHUNKED + b"\r\n0\r\n", b"X: y\r\n" * 100),
        (b"", b"\r\n" * 500),
    ],
    ids=["target", "value", "name", "many", "extension", "trailer", "trailers", "empty lines"],
)
async def test_what_does_not_end_is_refused(begin: bytes, piece: bytes) -> None:
    async with service() as url, connected(url) as client:
        ended = asyncio.create_task(client.closed())
        sent = 0
        with contextlib.suppress(ConnectionError):
            await client.send(begin)
            while not ended.done() and sent < 100 * MAX_HEAD_BYTES:
                await client.send(piece)
                sent += len(piece)
                await asyncio.sleep(0)
        received = await ended
        assert received.startswith(b"HTTP/1.1 431")
        assert received.count(b"HTTP/1.1 ") <= 1


async def test_a_large_head_is_refused_even_if_it_comes_at_once() -> None:
    async with service() as url, connected(url) as client:
        await client.send(GET + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n")
        await _refused(client, 431)
    async with service() as url, connected(url) as client:
        await client.send(GET + b"X: " + b"y" * (MAX_HEAD_BYTES // 2) + b"\r\n\r\n")
        assert (await client.response()).status == 200


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        (CHUNKED + b"Content-Length: 3\r\n", 400),
        (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        (POST + b"Content-Length: 3, 3\r\n", 400),
        (POST + b"Content-Length: +3\r\n", 400),
        (POST + b"Content-Length: 0x3\r\n", 400),
        (POST + b"Content-Length: -3\r\n", 400),
        (POST + b"Content-Length: 99999999999999999999999\r\n", 400),
        (POST + b"Content-Length : 3\r\n", 400),
        (POST + b"Transfer-Encoding: xchunked\r\n", 501),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (POST + b"Transfer-Encoding: identity\r\n", 501),
        (POST + b"Transfer-Encoding: chunked, identity\r\n", 400),
        (CHUNKED + b"Transfer-Encoding: chunked\r\n", 400),
        (POST + b"Transfer-Encoding: \x0bchunked\r\n", 400),
        (POST + b"Transfer-Encoding : chunked\r\n", 400),
        (b"POST /echo HTTP/1.0\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n", 400),
        (GET + b"X: a\r\n folded\r\n", 400),
        (GET + b"X: a\nY: b\r\n", 400),
        (GET + b"X: a\rY: b\r\n", 400),
        (GET + b"X: a\x00b\r\n", 400),
        (GET + b": b\r\n", 400),
        (GET + b"no colon\r\n", 400),
        (b"GET /echo HTTP/2.0\r\nHost: 127.0.0.1\r\n", 505),
        (b"GET /echo\r\n", 505),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        (b"no http at all\r\n", 400),
        (b"BREW /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n", 501),
        (b"get /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n", 501),
        (b"B\x01EW /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 5, 400),
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(request_head: bytes, status: int) -> None:
    async with service() as url, connected(url) as client:
        await client.send(request_head + b"\r\n0\r\n\r\nGET /echo HTTP/1.1\r\nHost: smuggled\r\n\r\n")
        await _refused(client, status)


async def test_trailers_do_not_become_headers() -> None:
    async with service() as url, connected(url) as client:
        await client.send(CHUNKED + b"\r\n", b"3\r\nabc\r\n", b"0\r\nAuthorization: Bearer x\r\n\r\n")
        echoed = json.loads((await client.response()).body)
        assert echoed["body"] == "abc"
        assert "authorization" not in dict(echoed["headers"])
        await client.send(GET + b"\r\n")
        assert (await client.response()).status == 200


async def test_pipelined_requests_are_served_in_order() -> None:
    async with service() as url, connected(url) as client:
        await client.send(b"".join(POST + b"Content-Length: 1\r\n\r\n%d" % number for number in range(9)))
        for number in range(9):
            assert json.loads((await client.response()).body)["body"] == str(number)


async def test_garbage_after_a_request_does_not_end_up_in_its_response() -> None:
    source = Source()
    async with service(source=source) as url, connected(url) as client:
        await client.send(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await client.reader.readuntil(b"\r\n\r\n")
        await client.send(GET + b"\r\n" + b"garbage\r\n\r\n" + GET + b"\r\n")
        assert await client.closed() == LARGE + 5 * SMALLER
        assert source.opened == 1


@pytest.mark.parametrize("body", [b"3\r\nabcd\r\n", b"x\r\n", b"3\nabc\n", b"-1\r\n", b"fffffffffffffffff\r\n"])
async def test_a_malformed_body_is_refused(body: bytes) -> None:
    async with service() as url, connected(url) as client:
        await client.send(CHUNKED + b"\r\n", b"2\r\nok\r\n", body)
        await _refused(client, 400)


async def test_a_client_that_leaves_after_pipelining_is_noticed() -> None:
    source = Source(endless=True)
    async with service(source=source) as url:
        async with connected(url) as client:
            await client.send(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3)
            await client.reader.readuntil(b"\r\n\r\n")
        await until(lambda: not source.open_now)
        assert source.opened == 1


async def test_the_rest_of_a_body_that_nobody_reads_is_taken_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.3)
    async with service() as url, connected(url) as client:
        await client.send(b"POST /ignore HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
        assert (await client.response()).status == 200
        closed = asyncio.create_task(client.closed())
        with contextlib.suppress(ConnectionError):
            while not closed.done():
                await client.send(b"x")
                await asyncio.sleep(0.02)
        await closed


@pytest.mark.parametrize("in_pieces", [True, False])
@pytest.mark.parametrize(
    ("framing", "body", "expected"),
    [
        (b"Content-Length: 3\r\n", b"abc", "abc"),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"),
        (b"Content-Length: 0\r\n", b"", ""),
        (b"", b"", ""),
    ],
)
async def test_an_offer_to_change_the_protocol_is_declined(
    framing: bytes, body: bytes, expected: str, *, in_pieces: bool
) -> None:
    """Java's client makes it with its first request to any server without TLS."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
    sent = POST + offer + framing + b"\r\n" + body + GET + b"\r\n"
    async with service() as url, connected(url) as client:
        for piece in (sent[at : at + 1] for at in range(len(sent))) if in_pieces else [sent]:
            await client.send(piece)
            await asyncio.sleep(0)
        for wanted in (expected, ""):
            response = await client.response()
            assert (response.status, response.headers.get("connection")) == (200, None)
            assert json.loads(response.body)["body"] == wanted


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_closed_connection_is_not_kept_for_a_client_that_takes_nothing() -> None:
    source = Source()
    async with service(idle_timeout=0.4, source=source) as url:
        before = _descriptors()
        async with connected(url) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport for both directions
            await client.send(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await until(lambda: source.opened)
            await until(lambda: not source.open_now)
            # The client's own descriptor is left.
            await until(lambda: _descriptors() == before + 1)


async def test_a_client_that_takes_one_large_chunk_slowly_is_not_cut() -> None:
    source = Source()
    async with service(idle_timeout=0.4, source=source) as url:
        host, port = url.removeprefix("http://").split(":")
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        with slow:
            await loop.sock_connect(slow, (host, int(port)))
            await loop.sock_sendall(slow, b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            received = 0
            # The first chunk alone takes four times the timeout.
            for _ in range(80):
                received += len(await loop.sock_recv(slow, 100_000))
                await asyncio.sleep(0.02)
            while chunk := await loop.sock_recv(slow, 1_000_000):
                received += len(chunk)
        assert received > len(LARGE) + 5 * len(SMALLER)


VALID = [
    GET + b"\r\n",
    POST + b"Content-Length: 3\r\n\r\nabc",
    CHUNKED + b"\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX: y\r\n\r\n",
    b"GET http://127.0.0.1/echo?a=b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"HEAD /echo HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n",
]
PIECES = [
    b"\r\n",
    b"\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b"0\r\n\r\n",
    b"Content-Length: 1\r\n",
    b"\xff",
    b"HTTP/1.1",
    b"%",
    b"x" * 70_000,
]


def _mutated(chance: random.Random) -> bytes:
    sent = b"".join(chance.choices(VALID, k=chance.randint(1, 3)))
    for _ in range(chance.randint(0, 3)):
        at = chance.randrange(len(sent))
        sent = sent[:at] + chance.choice([b"", *PIECES]) + sent[at + chance.randint(0, 10) :]
    return sent


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_comes_is_answered_or_refused(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(seed)
    caplog.set_level(logging.INFO)
    async with served(_app(Source(), idle_timeout=20), http="ours", log_level="info", idle_timeout=20) as url:
        for _ in range(100):
            async with connected(url) as client:
                sent = _mutated(chance)
                with contextlib.suppress(ConnectionError):
                    for start in range(0, len(sent), step := chance.choice([len(sent), 1000, 17])):
                        await client.send(sent[start : start + step])
                    client.writer.write_eof()
                received = await client.closed()
                statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", received)]
                assert not [status for status in statuses if status >= 500 and status not in {501, 505}], sent
        async with connected(url) as client:
            await client.send(GET + b"\r\n")
            assert (await client.response()).status == 200
    assert not [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize("target", [b"http://evil.example", b"http://evil.example:8000", b"HTTP://evil.example"])
async def test_the_host_in_the_target_is_the_one_that_counts(tmp_path: Path, target: bytes) -> None:
    app = create_app(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path)))
    async with served(app, http="ours") as url, connected(url) as client:
        await client.send(b"GET " + target + b"/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await client.response()).status == 421
        await client.send(b"GET http://127.0.0.1/health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert (await client.response()).status == 200


@pytest.mark.parametrize("lines", [b"", b"Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n", b"Host: 127.0.0.1\r\nhost: b\r\n"])
async def test_a_request_has_one_host(tmp_path: Path, lines: bytes) -> None:
    app = create_app(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path)))
    async with served(app, http="ours") as url, connected(url) as client:
        await client.send(b"GET /health HTTP/1.1\r\n" + lines + b"\r\n")
        response = await client.response()
        assert (response.status, json.loads(response.body)["type"][-13:]) == (400, ":invalid-host")

"""Which connections carry another request, and which never do; counted, not concluded from what was read."""

import asyncio
import ssl
import time

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, whole
from tests.support.s3.raw_server import FINE, Peer, raw_server, raw_server_in_a_thread
from tests.support.s3.scripted import scripted_server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

FILE_ID = FileId(Backend.S3, "tests", "a.bin")
FOREIGN = b'HTTP/1.1 200 OK\r\nETag: "foreign"\r\nContent-Length: 7\r\n\r\nforeign'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificate: Certificate) -> Certificate | None:
    return None if request.param == "plain" else certificate


def server_side(tls: Certificate | None) -> ssl.SSLContext | None:
    return None if tls is None else tls.server_side()


SPOILING = {
    "a HEAD with a body": ("HEAD", HEAD % 5 + b"hello"),
    "a HEAD with the body of a response": ("HEAD", HEAD % len(FOREIGN) + FOREIGN),
    "a HEAD with a chunked body": ("HEAD", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"),
    "a HEAD with an empty chunked body": ("HEAD", CHUNKED + b"0\r\n\r\n"),
    "a HEAD with the beginning of a chunk": ("HEAD", CHUNKED + b"5"),
    "a HEAD with a body without length": ("HEAD", b"HTTP/1.1 200 OK\r\n\r\nhello"),
    "a second response": ("GET", FINE + FOREIGN),
    "the beginning of a second response": ("GET", FINE + b"H"),
    "more than Content-Length": ("GET", HEAD % 5 + b"hello" + FOREIGN),
    "more than the last chunk": ("GET", CHUNKED + b"0\r\n\r\n" + FOREIGN),
    "204 with a body": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
    "304 with a body": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"),
    "Connection: close": ("GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/1.0": ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/1.0 with chunks": (
        "GET",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
}


@pytest.mark.parametrize(("method", "message"), SPOILING.values(), ids=SPOILING)
@pytest.mark.parametrize("split", ["at once", "surplus in a packet of its own", "surplus while it is idle"])
async def test_a_connection_is_not_kept_after(method: str, message: bytes, split: str, tls: Certificate | None) -> None:
    head_end = message.index(b"\r\n\r\n") + 4
    first = message if split == "at once" else message[:head_end]

    async def behave(peer: Peer) -> None:
        while await peer.head():
            if peer.number > 1:
                await peer.answer(FINE)
                continue
            await peer.answer(first)
            if split == "surplus while it is idle":
                await asyncio.sleep(0.03)
            await peer.answer(message[len(first) :])

    async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
        await whole(client, server, method)
        if split != "at once":
            # Long enough for the surplus to come, which the event loop then sees.
            await until(lambda: client.connections == 0)
        assert await ask(client, server) == 200
        assert server.accepted == 2


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("HEAD", HEAD % 5),
        ("HEAD", CHUNKED),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", HEAD % 5 + b"hello"),
        ("GET", CHUNKED + b"5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD % 0),
        ("GET", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_it_is_kept_after_what_is_in_order(method: str, message: bytes, tls: Certificate | None) -> None:
    async def behave(peer: Peer) -> None:
        while await peer.head():
            await peer.answer(message)

    async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
        for _ in range(3):
            await whole(client, server, method)
        assert server.accepted == 1


async def test_bytes_that_the_event_loop_has_not_seen_yet_are_noticed_as_well() -> None:
    """They are in the kernel, the loop was busy, and the next request is written before it looks again."""

    async def behave(peer: Peer) -> None:
        while await peer.head():
            await peer.answer(FINE)
            if peer.number == 1:
                await asyncio.sleep(0.01)
                await peer.answer(FOREIGN)

    async with raw_server_in_a_thread(behave) as server, http_client() as client:
        assert await ask(client, server) == 200
        time.sleep(0.1)  # noqa: ASYNC251 - the loop is kept from looking
        assert await whole(client, server) == b""
        assert server.accepted == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_connection_that_was_closed_while_the_event_loop_was_busy_is_not_used(method: str) -> None:
    async def behave(peer: Peer) -> None:
        await peer.head()
        await peer.answer(FINE)

    async with raw_server_in_a_thread(behave) as server, http_client() as client:
        for number in range(1, 4):
            # Even a POST, which could not be repeated.
            assert await ask(client, server, method) == 200
            time.sleep(0.05)  # noqa: ASYNC251 - the loop is kept from looking
            assert server.accepted == number


class TestUnreadBodies:
    """The rest of a response that nobody reads."""

    @pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
    async def test_a_short_one_that_comes_later_does_not_cost_the_connection(
        self, length: bytes, tls: Certificate | None
    ) -> None:
        async def behave(peer: Peer) -> None:
            body = bytes(1000)
            while await peer.head():
                await peer.answer(b"HTTP/1.1 404 Not Found\r\n" + length)
                await asyncio.sleep(0.01)
                await peer.answer(b"3e8\r\n" + body + b"\r\n0\r\n\r\n" if b"chunked" in length else body)

        async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls, limit=1) as client:
            for _ in range(4):
                assert await ask(client, server) == 404
            assert server.accepted == 1

    @pytest.mark.parametrize(
        "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
    )
    async def test_a_long_one_does(self, head: bytes) -> None:
        async def behave(peer: Peer) -> None:
            while await peer.head():
                await peer.answer(head + bytes(100_000))

        async with raw_server(behave) as server, http_client() as client:
            for number in (1, 2):
                assert await ask(client, server) == 200
                assert client.connections == 0
                assert server.accepted == number

    async def test_one_that_turns_out_to_be_long_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("s3py_helper.adapters.s3.http.pool._DRAIN_SECONDS", 1000)

        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(CHUNKED)
            while True:
                await peer.answer(b"2710\r\n" + bytes(10_000) + b"\r\n")

        async with raw_server(behave) as server, http_client() as client:
            assert await ask(client, server) == 200
            await until(lambda: server.open == 0)
            assert client.connections == 0

    async def test_one_that_does_not_come_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("s3py_helper.adapters.s3.http.pool._DRAIN_SECONDS", 0.05)

        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(HEAD % 5)
            await peer.head()

        async with raw_server(behave) as server, http_client(limit=1) as client:
            assert await ask(client, server) == 200
            assert client.connections == 1
            await until(lambda: client.connections == 0)
            assert await ask(client, server) == 200

    @pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 416])
    async def test_error_documents_do_not_cost_a_connection_whatever_was_asked(self, status: int) -> None:
        connections: set[object] = set()

        async def answer(request: web.Request) -> web.StreamResponse:
            await request.read()
            connections.add(request.transport)
            if request.method == "HEAD":
                return web.Response(status=status)
            response = web.StreamResponse(status=status)
            response.enable_chunked_encoding()
            await response.prepare(request)
            # In packets of their own, as from servers that send head and body separately.
            for part in (b"<Error><Code>Strange</Code>", b"<Message>no</Message>", b"</Error>"):
                await asyncio.sleep(0.002)
                await response.write(part)
            await response.write_eof()
            return response

        async with scripted_server(answer) as server, leak_guard(), S3Session(server.config()) as session:
            store = S3BlobStore(session)
            for _ in range(3):
                with pytest.raises(StorageException):
                    await store.info(FILE_ID)
                with pytest.raises(StorageException):
                    await store.write(new_blob(size=3), body_of(b"abc", size=3))
                with pytest.raises(StorageException):
                    async with store.open(FILE_ID):
                        pass
        assert len(connections) == 1

"""The connections on uvloop, whose transports are not asyncio's: what depends on them most."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from s3py_helper.adapters.s3.http.faults import EarlySuccess, NoResponseInTime
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, whole
from tests.support.s3.raw_server import FINE, Behaviour, Peer, raw_server

pytestmark = pytest.mark.timeout(60)

LARGE = bytes(30 * 1024 * 1024)
REFUSED = b"HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\nbecause"


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificate: Certificate) -> Certificate | None:
    return None if request.param == "plain" else certificate


def server_side(tls: Certificate | None) -> ssl.SSLContext | None:
    return None if tls is None else tls.server_side()


def on_uvloop(work: Callable[[], Awaitable[None]]) -> None:
    async def awaited() -> None:
        await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(awaited())


def answering(message: bytes, *, taken: int, leaves: bool) -> Behaviour:
    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            if b"content-length: %d\r\n" % len(LARGE) not in head:
                await peer.answer(FINE)
                continue
            left = taken
            while left > 0 and (data := await peer.reader.read(left)):
                left -= len(data)
            await peer.answer(message)
            if leaves:
                return

    return behave


def test_bodies_of_any_size_go_both_ways_on_one_connection(tls: Certificate | None) -> None:
    body = bytes(range(256)) * 20_000

    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            await peer.reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
            content = body if head.startswith(b"GET") else b""
            await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    async def work() -> None:
        async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
            for _ in range(2):
                for size in (0, 10, 1_000_000):
                    assert await ask(client, server, "PUT", bytes(size)) == 200
                assert await whole(client, server) == body
            assert server.accepted == 1

    on_uvloop(work)


def test_a_refusal_in_the_middle_of_a_body_is_taken(tls: Certificate | None) -> None:
    async def work() -> None:
        behave = answering(REFUSED, taken=4_000_000, leaves=True)
        async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
            for attempts in range(1, 6):
                assert await ask(client, server, "PUT", LARGE) == 403
                assert server.accepted == attempts

    on_uvloop(work)


def test_success_in_the_middle_of_a_body_is_not_believed(tls: Certificate | None) -> None:
    async def work() -> None:
        behave = answering(FINE, taken=4_000_000, leaves=True)
        async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
            with pytest.raises(EarlySuccess):
                await ask(client, server, "PUT", LARGE)
            assert client.connections == 0
            assert await ask(client, server) == 200

    on_uvloop(work)


def test_a_silent_server_is_given_up(tls: Certificate | None) -> None:
    async def silent(peer: Peer) -> None:
        await peer.until_gone()

    async def work() -> None:
        async with raw_server(silent, server_side(tls)) as server, http_client(tls=tls, read_timeout=0.2) as client:
            for body in (b"", LARGE):
                with pytest.raises(NoResponseInTime):
                    await ask(client, server, "PUT", body)
            assert client.connections == 0

    on_uvloop(work)

"""Requests that are cancelled at each of their suspensions leave no place, connection, task or descriptor behind."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

import pytest
from aiohappyeyeballs import AddrInfoType

from s3py_helper.adapters.s3.http.client import HttpClient
from s3py_helper.adapters.s3.http.faults import HttpFault
from s3py_helper.adapters.s3.http.resolving import Resolver
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, opened, whole
from tests.support.s3.raw_server import Peer, RawServer, raw_server, tunnel
from tests.support.suspensions import interrupted_everywhere
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(90)

LARGE = bytes(8 * 1024 * 1024)

type Use = Callable[[HttpClient, RawServer], Coroutine[None, None, object]]


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def healthy(peer: Peer) -> None:
    while head := await peer.head():
        left = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while left > 0 and (data := await peer.reader.read(left)):
            left -= len(data)
        # In two packets, so that there is a moment to cancel in between.
        await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n12345')
        await asyncio.sleep(0)
        await peer.answer(b"67890")


async def get(client: HttpClient, server: RawServer) -> None:
    await whole(client, server)


async def put(client: HttpClient, server: RawServer) -> None:
    await whole(client, server, "PUT")


async def put_much(client: HttpClient, server: RawServer) -> None:
    await ask(client, server, "PUT", LARGE)


async def get_on_a_kept_connection(client: HttpClient, server: RawServer) -> None:
    await whole(client, server)
    await whole(client, server)


async def wait_for_a_place(client: HttpClient, server: RawServer) -> None:
    others = [asyncio.create_task(whole(client, server)) for _ in range(3)]
    await asyncio.sleep(0)
    try:
        await whole(client, server)
    finally:
        for task in others:
            task.cancel()


@pytest.mark.parametrize("use", [get, put, put_much, get_on_a_kept_connection, wait_for_a_place])
@pytest.mark.parametrize("road", ["plain", "tls", "tunnel", "tunnel in TLS", "names"])
async def test_a_request_that_is_cancelled_anywhere(use: Use, road: str, certificate: Certificate) -> None:
    tls = None if road in {"plain", "names"} else certificate
    proxy_tls = certificate if road == "tunnel in TLS" else None
    async with (
        raw_server(healthy, None if tls is None else tls.server_side()) as server,
        raw_server(tunnel, None if proxy_tls is None else proxy_tls.server_side()) as proxy,
    ):
        before = descriptors()
        async with http_client(
            limit=3,
            tls=tls,
            proxy=proxy.origin if road.startswith("tunnel") else None,
            resolver=Resolver(refused_then(server.port)),
        ) as client:
            target = RawServer(server.port, scheme=server.scheme, host="two.example") if road == "names" else server
            runs = 0
            async for _ in interrupted_everywhere(lambda: use(client, target)):
                runs += 1
                await until(lambda: client.places_in_use == 0)
                await until(lambda: client.connections == client.idle_connections)
            assert runs >= 3
            await use(client, target)
        await until(lambda: server.open == proxy.open == 0)
        await until(lambda: descriptors() <= before)


def refused_then(port: int) -> Callable[[str, int], Sequence[AddrInfoType]]:
    """A name that means two addresses, at the first of which nobody listens."""

    def lookup(_host: str, _port: int) -> Sequence[AddrInfoType]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]

    return lookup


async def silent(peer: Peer) -> None:
    """Accepts, and says nothing: neither TLS nor HTTP."""
    await peer.until_gone()


@pytest.mark.parametrize("road", ["plain", "tls", "tunnel"])
@pytest.mark.parametrize("after", [0.0, 0.01, 0.05])
async def test_a_request_to_a_silent_server_ends_at_once_when_it_is_cancelled(
    road: str, after: float, certificate: Certificate
) -> None:
    async with raw_server(silent) as server:
        before = descriptors()
        async with http_client(limit=1, tls=certificate, proxy=server.origin if road == "tunnel" else None) as client:
            target = RawServer(server.port, scheme="http" if road == "plain" else "https")
            asking = [asyncio.create_task(ask(client, target, "PUT", LARGE)) for _ in range(3)]
            await asyncio.sleep(after)
            for task in asking:
                task.cancel()
            async with asyncio.timeout(5):
                await asyncio.wait(asking)
            assert all(task.cancelled() for task in asking)
            await until(lambda: (client.places_in_use, client.connections) == (0, 0))
            await until(lambda: server.open == 0)
        await until(lambda: descriptors() <= before)


class TestFailures:
    """What fails on its own leaves as little as what is cancelled."""

    @staticmethod
    async def _hostile(peer: Peer) -> None:
        """Does something else to each connection."""
        acts = [b"", b"\x15\x03\x03\x00\x02\x02\x28", b"garbage" * 10, b"HTTP/1.1 200 OK\r\n\r\n"]
        if peer.number % 5:
            await peer.reader.read(1)
            await peer.answer(acts[peer.number % 5 - 1])

    @pytest.mark.parametrize("road", ["tls", "tunnel", "tunnel in TLS"])
    async def test_a_handshake_that_fails_leaves_nothing(self, road: str, certificate: Certificate) -> None:
        async with raw_server(self._hostile) as server:
            before = descriptors()
            scheme = "https" if road == "tunnel in TLS" else "http"
            proxy = None if road == "tls" else f"{scheme}://127.0.0.1:{server.port}"
            async with http_client(limit=2, tls=certificate, proxy=proxy) as client:
                for _ in range(10):
                    with pytest.raises((HttpFault, ssl.SSLError)):
                        await ask(client, RawServer(server.port, scheme="https"))
                    assert (client.places_in_use, client.connections) == (0, 0)
                await until(lambda: server.open == 0)
            await until(lambda: descriptors() <= before)

    async def test_nobody_there_leaves_nothing(self) -> None:
        async with raw_server(healthy) as gone:
            pass
        before = descriptors()
        async with http_client(limit=2, resolver=Resolver(refused_then(gone.port))) as client:
            for host in ("127.0.0.1", "two.example") * 3:
                with pytest.raises(HttpFault):
                    await ask(client, RawServer(gone.port, host=host))
                assert (client.places_in_use, client.connections) == (0, 0)
        assert descriptors() <= before

    async def test_tls_settings_that_cannot_be_made_leave_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> ssl.SSLContext:
            raise ssl.SSLError("no certificates")

        async with raw_server(silent) as server, http_client(limit=1) as client:
            monkeypatch.setattr(client._dialer, "_tls", fail)  # noqa: SLF001 - a fault that cannot be staged otherwise
            for _ in range(3):
                with pytest.raises(ssl.SSLError, match="no certificates"):
                    await ask(client, RawServer(server.port, scheme="https"))
                assert (client.places_in_use, client.connections) == (0, 0)
            await until(lambda: server.open == 0)

    async def test_a_header_that_is_refused_leaves_nothing(self) -> None:
        async with raw_server(healthy) as server, http_client(limit=1) as client:
            for _ in range(3):
                with pytest.raises(ValueError, match="line break"):
                    await opened(client, server, headers={"a": "b\r\nc: d"})
            assert client.places_in_use == 0
            assert await ask(client, server) == 200

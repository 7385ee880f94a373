"""How connections are made: over several addresses, to several hosts, through proxies, in TLS within TLS."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohappyeyeballs import AddrInfoType

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http import pool
from s3py_helper.adapters.s3.http.faults import HostNotFound, NoProxy, NotConnected
from s3py_helper.adapters.s3.http.payload import EMPTY
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.adapters.s3.http.resolving import Resolver
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import leak_guard
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, opened, whole
from tests.support.s3.raw_server import FINE, Peer, RawServer, answer_everything, raw_server, tunnel
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

FILE_ID = FileId(Backend.S3, "tests", "a.bin")


def meaning(*addresses: tuple[str, int]) -> Resolver:
    """A resolver for which every name means these."""

    def lookup(_host: str, _port: int) -> Sequence[AddrInfoType]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 0, "", (host, port, 0, 0))
            if ":" in host
            else (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port))
            for host, port in addresses
        ]

    return Resolver(lookup)


@asynccontextmanager
async def deaf() -> AsyncIterator[int]:
    """A port where connecting hangs: its queue is full, and nobody accepts."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        waiting: list[socket.socket] = []
        try:
            for _ in range(3):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(("127.0.0.1", port))
            await asyncio.sleep(0.01)
            yield port
        finally:
            for connecting in waiting:
                connecting.close()


def named(port: int) -> RawServer:
    return RawServer(port, host="several.example")


class TestAddresses:
    async def test_one_that_refuses_is_passed_over(self) -> None:
        async with raw_server(answer_everything) as gone:
            pass
        async with (
            raw_server(answer_everything) as server,
            http_client(
                resolver=meaning(("::1", gone.port), ("127.0.0.1", gone.port), ("127.0.0.1", server.port))
            ) as client,
        ):
            for _ in range(3):
                assert await ask(client, named(80)) == 200
            assert client.connections == 1

    async def test_one_where_nobody_answers_does_not_hold_up_the_others(self) -> None:
        async with (
            deaf() as nowhere,
            raw_server(answer_everything) as server,
            http_client(resolver=meaning(("127.0.0.1", nowhere), ("127.0.0.1", server.port))) as client,
        ):
            async with asyncio.timeout(4):
                # Both orders: the resolver lets the addresses take turns.
                assert await ask(client, named(80)) == await ask(client, named(81)) == 200

    async def test_when_all_refuse_the_addresses_are_asked_for_anew(self) -> None:
        async with raw_server(answer_everything) as gone:
            pass
        asked = 0

        def lookup(_host: str, _port: int) -> Sequence[AddrInfoType]:
            nonlocal asked
            asked += 1
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", gone.port))]

        async with http_client(resolver=Resolver(lookup)) as client:
            for _ in range(2):
                with pytest.raises(NotConnected):
                    await ask(client, named(80))
        assert asked == 2

    async def test_no_address_is_an_error(self) -> None:
        def lookup(_host: str, _port: int) -> Sequence[AddrInfoType]:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

        async with http_client(resolver=Resolver(lookup)) as client:
            with pytest.raises(HostNotFound):
                await ask(client, named(80))

    async def test_many_requests_at_once_ask_for_the_addresses_once(self) -> None:
        asked = 0
        async with raw_server(answer_everything) as server:

            def lookup(_host: str, _port: int) -> Sequence[AddrInfoType]:
                nonlocal asked
                asked += 1
                return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))]

            async with http_client(limit=64, resolver=Resolver(lookup)) as client:
                assert set(await asyncio.gather(*[ask(client, named(80)) for _ in range(64)])) == {200}
        assert asked == 1

    async def test_an_ipv6_literal_is_used_as_it_is(self) -> None:
        heads: list[bytes] = []

        async def behave(peer: Peer) -> None:
            while head := await peer.head():
                heads.append(head)
                await peer.answer(FINE)

        try:
            server_context = raw_server(behave, host="::1")
            server = await server_context.__aenter__()
        except OSError:
            pytest.skip("this machine has no IPv6")
        try:
            assert server.origin.startswith("http://[::1]:")
            async with http_client(resolver=meaning()) as client:
                assert await ask(client, server) == 200
            config = server.s3().config(proxy=None)
            async with leak_guard(), S3Session(config) as session:
                await S3BlobStore(session).info(FILE_ID)
            assert f"\r\nhost: [::1]:{server.port}\r\n".encode() in heads[1]
        finally:
            await server_context.__aexit__(None, None, None)

    async def test_a_connection_that_does_not_come_about_in_time_is_an_error_that_says_so(self) -> None:
        async with deaf() as nowhere:
            perf = S3PerfConfig(max_retries=0, connect_timeout=0.1)
            config = RawServer(nowhere).s3().config(perf=perf, proxy=None)
            async with leak_guard(), S3Session(config) as session:
                with pytest.raises(StorageUnavailableException, match=r"no connection \(not within 0\.1 s\)"):
                    await S3BlobStore(session).info(FILE_ID)


class TestManyHosts:
    """As with buckets that each have a host of their own."""

    @staticmethod
    @asynccontextmanager
    async def _servers(count: int) -> AsyncIterator[tuple[list[RawServer], Callable[[], int]]]:
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(raw_server(answer_everything, host=f"127.0.0.{number}"))
                for number in range(1, count + 1)
            ]
            yield servers, lambda: sum(server.open for server in servers)

    async def test_the_limit_is_one_over_all_of_them(self) -> None:
        most = 0
        async with self._servers(12) as (servers, are_open), http_client(limit=4) as client:
            for _ in range(3):
                for server in servers:
                    assert await ask(client, server) == 200
                    most = max(most, client.connections)
                    await until(lambda: are_open() <= 4)
            assert most == 4

    async def test_it_is_one_under_load_as_well(self) -> None:
        most = 0
        async with self._servers(8) as (servers, are_open), http_client(limit=4) as client:

            async def use(number: int) -> None:
                nonlocal most
                for turn in range(6):
                    assert await ask(client, servers[(number + turn) % len(servers)]) == 200
                    most = max(most, client.connections)

            await asyncio.gather(*[use(number) for number in range(8)])
            assert most <= 4
            await until(lambda: are_open() == client.connections)

    async def test_the_one_that_was_idle_for_longest_makes_room(self) -> None:
        async with self._servers(3) as (servers, _), http_client(limit=2) as client:
            first, second, third = servers
            for server in (first, second, first, third):
                await ask(client, server)
            await until(lambda: second.open == 0)
            assert (first.open, third.open) == (1, 1)

    async def test_one_that_drains_makes_room_when_none_is_idle(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            await peer.until_gone()

        async with raw_server(behave) as slow, self._servers(1) as (servers, _), http_client(limit=1) as client:
            place = client.take_place(Hold.BRIEF)
            assert place is not None
            response = await client.send("GET", slow.origin, "/", {"host": "x"}, EMPTY)
            # Not adopted: the place is free before the connection is.
            response.close()
            place.release()
            assert await ask(client, servers[0]) == 200
            await until(lambda: slow.open == 0)

    async def test_hosts_that_are_used_once_leave_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_IDLE_SECONDS", 0.02)
        async with self._servers(6) as (servers, _), http_client(limit=2) as client:
            for server in servers:
                await ask(client, server)
            remembered = client._pool._idle  # noqa: SLF001 - what grows with hosts has no other name
            await until(lambda: not remembered)


class TestProxies:
    async def test_a_tunnel_in_tls_within_tls(self, certificate: Certificate) -> None:
        body = bytes(range(256)) * 4096

        async def behave(peer: Peer) -> None:
            while head := await peer.head():
                if head.startswith(b"PUT"):
                    await peer.reader.readexactly(len(body))
                await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        async with (
            raw_server(behave, certificate.server_side()) as server,
            raw_server(tunnel, certificate.server_side()) as proxy,
            http_client(tls=certificate, proxy=proxy.origin) as client,
        ):
            for method in ("GET", "PUT", "GET"):
                with await opened(client, server, method, body if method == "PUT" else b"") as response:
                    received = b""
                    while data := await response.read():
                        received += data
                assert received == body
            assert (proxy.accepted, server.accepted) == (1, 1)

    async def test_a_plain_server_behind_a_proxy_in_tls(self, certificate: Certificate) -> None:
        heads: list[bytes] = []

        async def behave(peer: Peer) -> None:
            while head := await peer.head():
                heads.append(head.split(b"\r\n")[0])
                await peer.answer(FINE)

        async with (
            raw_server(behave, certificate.server_side()) as proxy,
            http_client(tls=certificate, proxy=proxy.origin) as client,
        ):
            assert await ask(client, RawServer(9, host="s3.example")) == 200
        assert heads == [b"GET http://s3.example:9/ HTTP/1.1"]

    @pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nx"])
    async def test_one_that_speaks_for_the_server_is_not_trusted(self, reply: bytes, certificate: Certificate) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(reply)
            await peer.until_gone()

        async with (
            raw_server(behave) as proxy,
            http_client(tls=certificate, proxy=proxy.origin) as client,
        ):
            with pytest.raises(NoProxy, match="more than its response"):
                await ask(client, RawServer(9, scheme="https", host="s3.example"))

    async def test_any_success_opens_a_tunnel(self, certificate: Certificate) -> None:
        async def behave(peer: Peer) -> None:
            await tunnel(Renamed(peer.reader, peer.writer, peer.number))

        async with (
            raw_server(answer_everything, certificate.server_side()) as server,
            raw_server(behave) as proxy,
            http_client(tls=certificate, proxy=proxy.origin) as client,
        ):
            assert await whole(client, server) == b""

    async def test_the_environment_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        paths: list[bytes] = []

        async def behave(peer: Peer) -> None:
            while head := await peer.head():
                paths.append(head.split()[1])
                await peer.answer(FINE)

        for name in ("http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        async with raw_server(behave) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
            config = proxy.s3().config(endpoint="http://127.9.9.9:9")
            async with leak_guard(), S3Session(config) as session:
                await S3BlobStore(session).info(FILE_ID)
            assert paths == [b"http://127.9.9.9:9/tests/a.bin"]
            monkeypatch.setenv("NO_PROXY", "127.9.0.0/16:9, 127.9.0.0/16")
            no_retries = {"endpoint": "http://127.9.9.9:9", "perf": S3PerfConfig(max_retries=0)}
            async with leak_guard(), S3Session(proxy.s3().config(**no_retries)) as session:
                with pytest.raises(StorageUnavailableException, match="no connection"):
                    await S3BlobStore(session).info(FILE_ID)
            assert len(paths) == 1

    def test_a_socks_proxy_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
        with pytest.raises(InvalidArgumentException, match=r"ALL_PROXY .*'socks5'"):
            S3Session(RawServer(9).s3().config())


class Renamed(Peer):
    """A proxy's end that says 201 instead of 200."""

    async def answer(self, message: bytes) -> None:
        await super().answer(message.replace(b" 200 ", b" 201 "))

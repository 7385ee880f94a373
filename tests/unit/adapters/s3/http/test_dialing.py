"""Connections that come to nothing are closed, and it is said why."""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import override

import pytest
from aiohappyeyeballs import AddrInfoType

from s3py_helper.adapters.s3.http import dialing
from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.dialing import Dialer, Peer
from s3py_helper.adapters.s3.http.faults import Disconnected, NoProxy, NoResponseInTime, NotConnected, ProxyRefuses
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.http.resolving import Resolver
from s3py_helper.adapters.s3.http.tls import tls_settings
from tests.support.s3.fake_transport import FakeTransport

pytestmark = pytest.mark.timeout(20)

ORIGIN = "https://[::1]:9443"
PROXY = "http://a:b@127.0.0.1:3128"
RESET = ConnectionResetError(104, "Connection reset by peer")


class Dialing(Dialer):
    """Reaches whoever gives one answer after the other, and then says nothing."""

    def __init__(
        self, sockets: ExitStack, *answers: bytes | Exception, proxy: str | None = None, seconds: float = 0.05
    ) -> None:
        tls = tls_settings(verify_tls=False)
        super().__init__(tls, proxy, connect_timeout=seconds, read_timeout=5, stall_timeout=5)
        self.reached: list[tuple[Peer, FakeTransport]] = []
        self._answers = list(answers)
        self._sockets = sockets

    @override
    async def _connect_plainly(self, peer: Peer) -> HttpConnection:
        connected, other = (self._sockets.enter_context(closing(end)) for end in socket.socketpair())
        assert other.fileno() >= 0
        connected.setblocking(False)
        connection = HttpConnection(connected, 5, 5)
        transport = FakeTransport(connection)
        transport.answers = self._answers
        connection.connection_made(transport)
        self.reached.append((peer, transport))
        return connection


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as sockets:
        yield sockets


async def test_a_server_that_does_not_answer_to_tls_is_left(sockets: ExitStack) -> None:
    dialer = Dialing(sockets)
    with pytest.raises(NotConnected, match=r"not within 0\.05 s"):
        await dialer.dial(ORIGIN)
    [(peer, transport)] = dialer.reached
    assert peer == Peer("::1", 9443, secure=True)
    assert transport.is_closing()


@pytest.mark.parametrize(
    ("answers", "kind", "says"),
    [
        ([], NotConnected, "not within"),
        ([RESET], NoProxy, "^$"),
        ([Disconnected()], NoProxy, "^$"),
        ([b"HTTP/1.1 200 OK\r\n\r\n"], NotConnected, "not within"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", RESET], NotConnected, "during the TLS handshake"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", Disconnected()], NotConnected, "during the TLS handshake"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", b"nonsense"], ssl.SSLError, "(?i)wrong.version"),
        ([b"HTTP/1.1 200 OK\r\n\r\nmore"], NoProxy, "more than its response"),
        ([b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"], ProxyRefuses, "HTTP 407"),
    ],
    ids=str,
)
async def test_a_proxy_that_leads_nowhere_is_left(
    sockets: ExitStack, answers: list[bytes | Exception], kind: type[Exception], says: str
) -> None:
    dialer = Dialing(sockets, *answers, proxy=PROXY, seconds=0.05 if says == "not within" else 5)
    with pytest.raises(kind, match=says) as raised:
        await dialer.dial(ORIGIN)
    assert type(raised.value) is kind
    assert RESET not in answers or raised.value.__cause__ is RESET
    [(peer, transport)] = dialer.reached
    assert peer == Peer("127.0.0.1", 3128, secure=False)
    asked = b"CONNECT [::1]:9443 HTTP/1.1\r\nhost: [::1]:9443\r\nproxy-authorization: Basic YTpi\r\n\r\n"
    assert transport.written[0] == asked
    assert transport.is_closing()


async def test_a_proxy_that_cannot_be_reached_is_named_with_the_reason(
    sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialer = Dialing(sockets, proxy=PROXY)
    failures: list[NotConnected] = [NotConnected(), NotConnected("late")]
    failures[0].__cause__ = RESET

    async def fail(_peer: Peer) -> HttpConnection:
        raise failures[0]

    monkeypatch.setattr(dialer, "_connect_plainly", fail)
    for cause in (RESET, failures[1]):
        with pytest.raises(NoProxy) as raised:
            await dialer.dial(ORIGIN)
        assert raised.value.__cause__ is cause
        failures.pop(0)


async def test_a_certificate_does_not_name_the_zone_of_an_address(
    sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts: list[str] = []

    async def start_tls(_connection: HttpConnection, _context: ssl.SSLContext, host: str) -> None:
        hosts.append(host)

    monkeypatch.setattr(HttpConnection, "start_tls", start_tls)
    (await Dialing(sockets, seconds=5).dial("https://[fe80::1%lo]:9443")).abort()
    assert hosts == ["fe80::1"]


class Names(Resolver):
    """For it every name means one address."""

    def __init__(self) -> None:
        super().__init__(self._look_up)
        self.asked: list[str] = []

    def _look_up(self, host: str, port: int) -> list[AddrInfoType]:
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]


@pytest.mark.parametrize(
    ("host", "family", "place", "is_asked"),
    [
        ("127.0.0.2", socket.AF_INET, ("127.0.0.2", 9000), False),
        ("[::1]", socket.AF_INET6, ("::1", 9000, 0, 0), False),
        ("[fe80::1%lo]", socket.AF_INET, ("127.0.0.1", 9000), True),
        ("s3.example", socket.AF_INET, ("127.0.0.1", 9000), True),
    ],
)
async def test_only_what_is_no_address_is_looked_up_and_again_when_it_led_nowhere(
    monkeypatch: pytest.MonkeyPatch, host: str, family: int, place: tuple[object, ...], is_asked: bool
) -> None:
    tried: list[tuple[Sequence[AddrInfoType], float]] = []

    async def start_connection(addresses: Sequence[AddrInfoType], *, happy_eyeballs_delay: float) -> socket.socket:
        tried.append((addresses, happy_eyeballs_delay))
        raise RESET

    monkeypatch.setattr(dialing, "start_connection", start_connection)
    tls, names = tls_settings(verify_tls=False), Names()
    dialer = Dialer(tls, None, connect_timeout=5, read_timeout=5, stall_timeout=5, resolver=names)
    for _ in range(2):
        with pytest.raises(NotConnected) as raised:
            await dialer.dial(f"http://{host}:9000")
        assert raised.value.__cause__ is RESET
    for [address], delay in tried:
        assert (address[0], address[1], address[4], delay) == (family, socket.SOCK_STREAM, place, 0.25)
    assert names.asked == [host.strip("[]")] * 2 * is_asked


@pytest.mark.parametrize(("size", "read_timeout", "stall_timeout"), [(0, 0.01, 60), (100_000, 60, 0.01)])
async def test_a_connection_waits_as_long_as_it_is_told(size: int, read_timeout: float, stall_timeout: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        dialer = Dialer(
            tls_settings(verify_tls=False),
            None,
            connect_timeout=5,
            read_timeout=read_timeout,
            stall_timeout=stall_timeout,
        )
        connection = await dialer.dial(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(NoResponseInTime, match=r"0\.01"):
            await connection.ask(b"PUT / HTTP/1.1\r\n\r\n", payload_of(bytes(size)), bodyless=False)
        await connection.lost


async def test_where_nobody_listens_the_reason_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dialer = Dialer(tls_settings(verify_tls=False), None, connect_timeout=5, read_timeout=5, stall_timeout=5)
        with pytest.raises(NotConnected) as raised:
            await dialer.dial(f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert isinstance(raised.value.__cause__, ConnectionRefusedError)


async def test_no_tunnel_is_needed_without_tls(sockets: ExitStack) -> None:
    dialer = Dialing(sockets, proxy=PROXY)
    connection = await dialer.dial("http://127.0.0.1:9000")
    [(peer, transport)] = dialer.reached
    assert (peer, transport.written) == (Peer("127.0.0.1", 3128, secure=False), [])
    connection.abort()


async def test_the_settings_of_tls_are_made_once(sockets: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []

    def settings() -> ssl.SSLContext:
        made.append(ssl.create_default_context())
        return made[-1]

    dialer = Dialing(sockets, b"nonsense", b"nonsense", seconds=5)
    monkeypatch.setattr(dialer, "_tls", settings)
    attempts = await asyncio.gather(dialer.dial(ORIGIN), dialer.dial(ORIGIN), return_exceptions=True)
    assert [type(attempt) for attempt in attempts] == [ssl.SSLError] * 2
    assert len(made) == 1


@pytest.mark.parametrize(
    ("url", "peer", "authority", "name"),
    [
        ("http://s3.example", Peer("s3.example", 80, secure=False), "s3.example:80", "s3.example"),
        ("https://s3.example", Peer("s3.example", 443, secure=True), "s3.example:443", "s3.example"),
        ("https://127.0.0.1:9443", Peer("127.0.0.1", 9443, secure=True), "127.0.0.1:9443", "127.0.0.1"),
        ("http://[::1]:81", Peer("::1", 81, secure=False), "[::1]:81", "::1"),
        ("https://[fe80::1%25lo]", Peer("fe80::1%25lo", 443, secure=True), "[fe80::1%25lo]:443", "fe80::1"),
    ],
)
def test_the_other_end_as_it_is_called(url: str, peer: Peer, authority: str, name: str) -> None:
    assert Peer.of(url) == peer
    assert (peer.authority, peer.name) == (authority, name)

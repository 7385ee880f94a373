"""TLS between bytes and bytes, against OpenSSL's own server side, however the network cuts it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.http import sending
from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.http.payload import EMPTY, payload_of
from s3py_helper.adapters.s3.http.tls_layer import TlsLayer
from tests.support.s3.certificate import Certificate, make_certificate
from tests.support.s3.fake_transport import FakeTransport

pytestmark = pytest.mark.timeout(60)

HEAD = b"GET / HTTP/1.1\r\n\r\n"
NOT_ENCRYPTED = b"\x17\x03\x03\x00\x05wrong"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


class Server:
    """The other end."""

    def __init__(self, certificate: Certificate, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        context = certificate.server_side()
        context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.established = False

    def receive(self, data: bytes) -> bytes:
        self.incoming.write(data)
        received = b""
        with suppress(ssl.SSLWantReadError):
            if not self.established:
                self.session.do_handshake()
                self.established = True
            while piece := self.session.read(65536):
                received += piece
        return received

    def send(self, data: bytes) -> bytes:
        view = memoryview(data)
        while view:
            view = view[self.session.write(view) :]
        return self.outgoing.read()


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.path)


def shaken(layer: TlsLayer, server: Server) -> None:
    """Hands over whatever each side has to say until both are content."""
    layer.receive(b"")
    for _ in range(10):
        server.receive(layer.outgoing())
        layer.receive(server.outgoing.read())
    assert layer.established
    assert server.established


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(borders)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@given(
    content=st.binary(max_size=50_000),
    reply=st.binary(max_size=50_000),
    places=st.lists(st.integers(0, 60_000), max_size=5),
)
def test_what_is_sent_arrives_both_ways_however_it_is_cut(
    certificate: Certificate, version: ssl.TLSVersion, content: bytes, reply: bytes, places: list[int]
) -> None:
    layer, server = TlsLayer(trusting(certificate), "127.0.0.1"), Server(certificate, version)
    shaken(layer, server)
    sent = layer.encrypt(content)
    assert b"".join(server.receive(piece) for piece in cut(sent, places)) == content
    assert b"".join(layer.receive(piece) for piece in cut(server.send(reply), places)) == reply
    assert (layer.error, layer.ended) == (None, False)


def test_the_handshake_may_come_byte_by_byte(certificate: Certificate) -> None:
    layer, server = TlsLayer(trusting(certificate), "127.0.0.1"), Server(certificate)
    layer.receive(b"")
    for _ in range(10):
        server.receive(layer.outgoing())
        for place in server.outgoing.read():
            assert layer.receive(bytes([place])) == b""
    assert layer.established


def test_a_layer_within_a_layer(certificate: Certificate) -> None:
    outer_server, server = Server(certificate), Server(certificate)
    outer = TlsLayer(trusting(certificate), "127.0.0.1")
    shaken(outer, outer_server)
    layer = TlsLayer(trusting(certificate), "127.0.0.1", outer)
    layer.receive(b"")
    for _ in range(10):
        server.receive(outer_server.receive(layer.outgoing()))
        if reply := server.outgoing.read():
            layer.receive(outer_server.send(reply))
    assert layer.established
    assert server.receive(outer_server.receive(layer.encrypt(b"request"))) == b"request"
    assert layer.receive(outer_server.send(server.send(b"response"))) == b"response"


def test_an_error_of_the_outer_layer_is_one_of_the_inner(certificate: Certificate) -> None:
    outer_server = Server(certificate)
    outer = TlsLayer(trusting(certificate), "127.0.0.1")
    shaken(outer, outer_server)
    layer = TlsLayer(trusting(certificate), "127.0.0.1", outer)
    layer.receive(b"")
    assert layer.error is None
    assert layer.receive(NOT_ENCRYPTED) == b""
    assert layer.error is outer.error is not None


async def secured(
    connection: HttpConnection, transport: FakeTransport, server: Server, certificate: Certificate
) -> None:
    securing = asyncio.ensure_future(connection.start_tls(trusting(certificate), "127.0.0.1"))
    while not securing.done():
        await asyncio.sleep(0)
        server.receive(b"".join(transport.written))
        transport.written.clear()
        connection.data_received(server.outgoing.read())
    await securing


@pytest.mark.parametrize("end", ["farewell", "cut", "nonsense"])
async def test_a_body_without_a_length_is_whole_after_a_farewell_only(certificate: Certificate, end: str) -> None:
    connected, other = socket.socketpair()
    with closing(connected), closing(other):
        connection, server = HttpConnection(connected, 5, 5), Server(certificate)
        transport = FakeTransport(connection)
        connection.connection_made(transport)
        await secured(connection, transport, server, certificate)
        asking = asyncio.ensure_future(connection.ask(HEAD, EMPTY, bodyless=False))
        await asyncio.sleep(0)
        assert server.receive(b"".join(transport.written)) == HEAD
        connection.data_received(server.send(b"HTTP/1.1 200 OK\r\n\r\nbody"))
        response = await asking
        if end == "farewell":
            with pytest.raises(ssl.SSLWantReadError):
                server.session.unwrap()
            connection.data_received(server.outgoing.read())
        elif end == "cut":
            connection.eof_received()
        else:
            connection.data_received(NOT_ENCRYPTED)
        await connection.lost
        assert response.take() == b"body"
        assert response.complete is (end == "farewell")


class Slow(FakeTransport):
    """Is full after each piece, and at the end of a connection says why."""

    server: Server
    error: Exception | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        super().write(self.server.receive(bytes(data)))
        self.protocol.pause_writing()
        if self.error is not None:
            self.protocol.resume_writing()
            self.lose(self.error)


class TestLargeBodies:
    BODY = payload_of(bytes(600 * 1024))
    SIZES = (len(HEAD), 256 * 1024, 256 * 1024, 88 * 1024)

    @pytest.fixture
    async def slow(self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slow]:
        monkeypatch.setattr(sending, "unacknowledged", lambda _connected: 0)
        connected, other = socket.socketpair()
        connected.setblocking(False)
        with closing(connected), closing(other):
            connection, server = HttpConnection(connected, 5, 5), Server(certificate)
            beginning = FakeTransport(connection)
            connection.connection_made(beginning)
            await secured(connection, beginning, server, certificate)
            slow = Slow(connection)
            slow.server = server
            connection.connection_made(slow)
            yield slow
            slow.abort()
            await connection.lost

    @staticmethod
    def sizes(slow: Slow) -> tuple[int, ...]:
        return tuple(len(piece) for piece in slow.written)

    async def test_are_encrypted_no_faster_than_they_are_taken(self, slow: Slow) -> None:
        asking = asyncio.ensure_future(slow.protocol.ask(HEAD, self.BODY, bodyless=False))
        for count in range(1, 5):
            for _ in range(3):
                await asyncio.sleep(0)
            assert self.sizes(slow) == self.SIZES[:count]
            slow.protocol.resume_writing()
        slow.protocol.data_received(slow.server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        assert (await asking).status == 200
        assert slow.protocol.finish()

    async def test_are_sent_no_further_when_the_response_is_there(self, slow: Slow) -> None:
        asking = asyncio.ensure_future(slow.protocol.ask(HEAD, self.BODY, bodyless=False))
        await asyncio.sleep(0)
        slow.protocol.data_received(slow.server.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"))
        slow.protocol.resume_writing()
        assert (await asking).status == 403
        assert self.sizes(slow) == self.SIZES[:1]
        assert not slow.protocol.finish(), "the server still waits for the rest"

    async def test_are_sent_no_further_on_a_connection_that_is_being_closed(self, slow: Slow) -> None:
        slow.error = ConnectionResetError(104, "reset")
        with pytest.raises(ConnectionResetError):
            await slow.protocol.ask(HEAD, self.BODY, bodyless=False)
        assert self.sizes(slow) == self.SIZES[:1]


async def test_a_connection_ends_at_once_when_the_tls_to_its_proxy_fails(certificate: Certificate) -> None:
    connected, other = socket.socketpair()
    with closing(connected), closing(other):
        connection, server = HttpConnection(connected, 5, 5), Server(certificate)
        transport = FakeTransport(connection)
        connection.connection_made(transport)
        await secured(connection, transport, server, certificate)
        through_it = asyncio.ensure_future(connection.start_tls(trusting(certificate), "127.0.0.1"))
        await asyncio.sleep(0)
        connection.data_received(NOT_ENCRYPTED)
        with pytest.raises(ssl.SSLError):
            await through_it
        assert transport.is_closing()


async def test_a_connection_that_is_closed_before_tls_has_begun_says_so(certificate: Certificate) -> None:
    connected, other = socket.socketpair()
    with closing(connected), closing(other):
        connection = HttpConnection(connected, 5, 5)
        connection.connection_made(FakeTransport(connection))
        securing = asyncio.ensure_future(connection.start_tls(trusting(certificate), "127.0.0.1"))
        await asyncio.sleep(0)
        connection.eof_received()
        with pytest.raises(Disconnected):
            await asyncio.wait_for(securing, 5)


def test_a_certificate_that_is_not_trusted_is_the_error_and_the_server_is_told(certificate: Certificate) -> None:
    layer, server = TlsLayer(ssl.create_default_context(), "127.0.0.1"), Server(certificate)
    layer.receive(b"")
    server.receive(layer.outgoing())
    layer.receive(server.outgoing.read())
    assert isinstance(layer.error, ssl.SSLCertVerificationError)
    assert not layer.established
    with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca"):
        server.receive(layer.outgoing())


def test_a_certificate_of_another_host_is_the_error(certificate: Certificate) -> None:
    layer, server = TlsLayer(trusting(certificate), "127.0.0.2"), Server(certificate)
    layer.receive(b"")
    server.receive(layer.outgoing())
    layer.receive(server.outgoing.read())
    assert isinstance(layer.error, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("before", [b"", b"the end of a body"])
def test_a_farewell_is_noticed_behind_the_last_bytes(certificate: Certificate, before: bytes) -> None:
    layer, server = TlsLayer(trusting(certificate), "127.0.0.1"), Server(certificate)
    shaken(layer, server)
    data = server.send(before)
    with pytest.raises(ssl.SSLWantReadError):
        server.session.unwrap()
    assert layer.receive(data + server.outgoing.read()) == before
    assert layer.ended
    assert layer.error is None


@pytest.mark.parametrize("before", [b"", b"good bytes"])
def test_what_does_not_decrypt_is_an_error_behind_what_does(certificate: Certificate, before: bytes) -> None:
    layer, server = TlsLayer(trusting(certificate), "127.0.0.1"), Server(certificate)
    shaken(layer, server)
    good, bad = server.send(before), bytearray(server.send(b"bad bytes"))
    bad[-1] ^= 1
    assert layer.receive(good + bytes(bad)) == before
    assert layer.error is not None


def test_no_more_is_encrypted_than_is_given(certificate: Certificate) -> None:
    layer, server = TlsLayer(trusting(certificate), "127.0.0.1"), Server(certificate)
    shaken(layer, server)
    assert layer.encrypt(b"") == b""
    assert layer.outgoing() == b""
    assert server.receive(layer.encrypt(memoryview(b"a view")[2:])) == b"view"

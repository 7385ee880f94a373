"""What a request looks like, which connection carries it, and who holds it and its place."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable

import pytest

from s3py_helper.adapters.s3.http.client import HttpClient, Response
from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.faults import (
    BrokenOff,
    ClientClosed,
    Disconnected,
    ForeignClient,
    NoPlaceInTime,
    NotHttp,
)
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.adapters.s3.http.tls import tls_settings
from tests.support.s3.fake_transport import FakeTransport

pytestmark = pytest.mark.timeout(10)

ORIGIN = "http://127.0.0.1:9000"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FIVE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
HELD_AT_MOST = 512 * 1024
COMMON = "accept-encoding: identity\r\nuser-agent: s3py-helper\r\n"


class FakeDialer(Dialer):
    """Each connection gives its own answers."""

    def __init__(self, *answers: list[bytes | Exception], proxy: str | None = None) -> None:
        super().__init__(tls_settings(verify_tls=False), proxy, connect_timeout=1, read_timeout=5, stall_timeout=5)
        self.answers = list(answers)
        self.origins: list[str] = []
        self.transports: list[FakeTransport] = []
        self.connected: list[socket.socket] = []
        self.sockets = contextlib.ExitStack()

    async def dial(self, origin: str) -> HttpConnection:
        self.origins.append(origin)
        connected, other = socket.socketpair()
        connected.setblocking(False)
        self.sockets.enter_context(contextlib.closing(connected))
        self.sockets.enter_context(contextlib.closing(other))
        self.connected.append(connected)
        connection = HttpConnection(connected, 5, 5)
        transport = FakeTransport(connection)
        transport.answers = self.answers.pop(0)
        connection.connection_made(transport)
        self.transports.append(transport)
        return connection


class Stage:
    def __init__(self, *answers: list[bytes | Exception], limit: int = 4, proxy: str | None = None) -> None:
        self.dialer = FakeDialer(*answers, proxy=proxy)
        self.waited: list[tuple[str, float]] = []
        self.replaced: list[tuple[str, object]] = []
        self.client = HttpClient(
            self.dialer,
            limit,
            pool_timeout=0.05,
            on_waited=lambda server, seconds: self.waited.append((server, seconds)),
            on_replaced=lambda origin, reason: self.replaced.append((origin, reason)),
        )

    async def send(self, method: str = "GET", body: bytes = b"", origin: str = ORIGIN, **headers: str) -> Response:
        named = {"host": "h", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return await self.client.send(method, origin, "/b/k?q=1", named, payload_of(body))

    @property
    def written(self) -> list[str]:
        return [b"".join(transport.written).decode() for transport in self.dialer.transports]


@contextlib.asynccontextmanager
async def stage(*answers: list[bytes | Exception], limit: int = 4, proxy: str | None = None) -> AsyncIterator[Stage]:
    """Nothing stays in use or open."""
    made = Stage(*answers, limit=limit, proxy=proxy)
    with made.dialer.sockets:
        try:
            yield made
        finally:
            await made.client.aclose()
        assert (made.client.places_in_use, made.client.connections) == (0, 0)


class TestRequests:
    @pytest.mark.parametrize(
        ("method", "body", "length"),
        [
            ("GET", b"", ""),
            ("HEAD", b"", ""),
            ("DELETE", b"", ""),
            ("PUT", b"", "content-length: 0\r\n"),
            ("POST", b"", "content-length: 0\r\n"),
            ("PUT", b"12345", "content-length: 5\r\n"),
        ],
    )
    async def test_as_bytes(self, method: str, body: bytes, length: str) -> None:
        async with stage([FINE]) as http:
            await http.send(method, body, x_amz_meta_a="ä b")
            head = f"{method} /b/k?q=1 HTTP/1.1\r\nhost: h\r\nx-amz-meta-a: ä b\r\n{COMMON}{length}\r\n"
            assert http.written == [head + body.decode()]

    async def test_a_proxy_is_told_where_it_goes_and_who_asks(self) -> None:
        async with stage([FINE], [FINE], proxy="http://a%40b:c%3Ad@127.0.0.1:3128") as http:
            await http.send()
            await http.send(origin="https://127.0.0.1:9443")
            plain, through_tls = http.written
        assert plain.startswith(f"GET {ORIGIN}/b/k?q=1 HTTP/1.1\r\n")
        assert "\r\nproxy-authorization: Basic YUBiOmM6ZA==\r\n" in plain
        assert through_tls.startswith("GET /b/k?q=1 HTTP/1.1\r\n")
        assert "proxy-authorization" not in through_tls

    @pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\nb: c"])
    async def test_no_header_has_a_line_break(self, text: str) -> None:
        async with stage() as http:
            with pytest.raises(ValueError, match="line break"):
                await http.send(x_amz_meta_a=text)

    async def test_a_response_to_head_has_no_body(self) -> None:
        async with stage([FIVE, FINE]) as http:
            response = await http.send("HEAD")
            assert response.is_empty
            await http.send()


class TestConnections:
    async def test_one_is_used_again(self) -> None:
        async with stage([FINE, FINE]) as http:
            for _ in range(2):
                assert (await http.send()).is_empty
            assert (http.client.connections, http.client.idle_connections) == (1, 1)
        assert not http.replaced

    @pytest.mark.parametrize("error", [Disconnected(), ConnectionResetError(104, "reset"), BrokenPipeError(32, "x")])
    async def test_a_kept_one_that_turns_out_to_be_dead_is_replaced_once(self, error: Exception) -> None:
        async with stage([FINE, error], [FINE]) as http:
            await http.send()
            await http.send("PUT", b"12345")
            assert http.client.connections == 1
        assert http.written[1].endswith("12345")
        [(origin, reason)] = http.replaced
        assert origin == ORIGIN
        assert reason == (str(error) or "it was closed")

    async def test_its_replacement_is_a_fresh_one(self) -> None:
        async with stage([FINE, Disconnected()], [FINE, Disconnected()], [FINE]) as http:
            two = await asyncio.gather(http.send(), http.send())
            assert len(two) == 2
            await http.send()
        assert len(http.dialer.origins) == 3
        assert len(http.replaced) == 1

    async def test_a_fresh_one_that_fails_is_not(self) -> None:
        async with stage([Disconnected()]) as http:
            with pytest.raises(Disconnected):
                await http.send()
        assert not http.replaced

    async def test_nor_is_one_under_a_request_that_must_not_be_repeated(self) -> None:
        async with stage([FINE, Disconnected()]) as http:
            await http.send()
            with pytest.raises(Disconnected):
                await http.send("POST", b"12345")
        assert not http.replaced

    async def test_nor_one_whose_tls_has_failed(self) -> None:
        async with stage([FINE, ssl.SSLError(1, "bad record")]) as http:
            await http.send()
            with pytest.raises(ssl.SSLError):
                await http.send()
        assert not http.replaced

    async def test_nor_one_that_responds_with_nonsense(self) -> None:
        async with stage([FINE, b"nonsense\r\n\r\n"]) as http:
            await http.send()
            with pytest.raises(NotHttp):
                await http.send()
            assert http.client.connections == 0
        assert not http.replaced

    async def test_one_whose_request_is_cancelled_is_closed(self) -> None:
        async with stage([]) as http:
            sending = asyncio.ensure_future(http.send())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert http.client.connections == 0


class TestResponses:
    async def test_status_and_headers(self) -> None:
        async with stage([b"HTTP/1.1 403 Forbidden\r\nServer: x\r\nContent-Length: 5\r\n\r\n"]) as http:
            with await http.send() as response:
                assert (response.status, response.headers) == (403, {"server": "x", "content-length": "5"})
                assert not response.is_empty, "its body is still to come"

    async def test_reading_lets_a_held_up_server_go_on(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * HELD_AT_MOST)
        async with stage([head + bytes(HELD_AT_MOST + 1)]) as http:
            with await http.send() as response:
                assert http.dialer.transports[0].calls == ["pause"]
                assert response.take()
                assert http.dialer.transports[0].calls == ["pause", "resume"]

    @pytest.mark.parametrize("leave", [Response.close, lambda response: response.__exit__(None, None, None)])
    async def test_a_rest_that_is_long_is_not_received(self, leave: Callable[[Response], None]) -> None:
        async with stage([b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n12"]) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            response = await http.send()
            response.adopt(place)
            leave(response)
            assert (http.client.places_in_use, http.client.connections) == (0, 0)

    async def test_a_body_is_read_and_its_connection_kept(self) -> None:
        async with stage([FIVE + b"12", FINE]) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            response = await http.send()
            response.adopt(place)
            assert not response.is_empty
            assert await response.read() == b"12"
            assert http.client.places_in_use == 1
            http.dialer.transports[0].protocol.data_received(b"345")
            assert (http.client.places_in_use, http.client.idle_connections) == (0, 1)
            assert (await response.read(), await response.read(), response.take()) == (b"345", b"", b"")
            response.close()
            assert http.client.idle_connections == 1, "it is kept once"
            await http.send()

    async def test_what_came_with_the_head_can_be_read_without_a_connection(self) -> None:
        async with stage([FIVE + b"12345"]) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            response = await http.send()
            response.adopt(place)
            assert (http.client.places_in_use, response.is_empty) == (0, False)
            assert await response.read() == b"12345"
            response.close()

    async def test_closing_drops_what_was_not_read(self) -> None:
        async with stage([FIVE + b"12345"]) as http:
            response = await http.send()
            response.close()
            assert await response.read() == b""

    async def test_a_rest_is_received_before_the_place_is_free(self) -> None:
        async with stage([FIVE + b"12"]) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            with await http.send() as response:
                response.adopt(place)
            assert (http.client.places_in_use, http.client.idle_connections) == (1, 0)
            http.dialer.transports[0].protocol.data_received(b"345")
            assert (http.client.places_in_use, http.client.idle_connections) == (0, 1)

    async def test_the_place_of_a_broken_one_can_be_taken_back(self) -> None:
        async with stage([b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n12"]) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            response = await http.send()
            response.adopt(place)
            assert response.detach() is place
            assert response.detach() is None
            assert (http.client.places_in_use, http.client.connections) == (1, 0)
            place.release()

    @pytest.mark.parametrize("end", [b"", b"345"], ids=["lost", "rest arrives"])
    async def test_a_place_that_was_taken_back_stays_in_use_when_its_connection_ends(self, end: bytes) -> None:
        async with stage([FIVE + b"12"], limit=1) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            response = await http.send()
            response.adopt(place)
            if not end:
                http.dialer.transports[0].lose(ConnectionResetError(104, "reset"))
                assert response.take() == b"12"
                with pytest.raises(BrokenOff):
                    await response.read()
            assert response.detach() is place
            if end:
                http.dialer.transports[0].protocol.data_received(end)
                assert http.client.idle_connections == 1
            assert http.client.places_in_use == 1
            assert http.client.take_place(Hold.BRIEF) is None
            place.release()
            assert http.client.places_in_use == 0

    async def test_nothing_is_taken_back_once_the_place_is_free(self) -> None:
        async with stage([FIVE + b"12"]) as http:
            place = http.client.take_place(Hold.LASTING)
            assert place is not None
            response = await http.send()
            response.adopt(place)
            http.dialer.transports[0].protocol.data_received(b"345")
            assert http.client.places_in_use == 0
            assert response.detach() is None


class TestPlaces:
    async def test_waiting_for_one_is_reported(self) -> None:
        async with stage(limit=1) as http:
            place = http.client.take_place(Hold.BRIEF)
            assert place is not None
            assert http.client.take_place(Hold.BRIEF) is None
            with pytest.raises(NoPlaceInTime):
                await http.client.wait_for_place(Hold.BRIEF, ORIGIN)
            waiting = asyncio.ensure_future(http.client.wait_for_place(Hold.BRIEF, ORIGIN))
            await asyncio.sleep(0)
            place.release()
            (await waiting).release()
        assert [server for server, _ in http.waited] == [ORIGIN, ORIGIN]
        assert 0.04 < http.waited[0][1] < 5
        assert http.waited[1][1] < 5

    async def test_one_that_is_kept_for_others_is_not_waited_for(self) -> None:
        async with stage(limit=2) as http:
            held = http.client.take_place(Hold.LASTING)
            with pytest.raises(NoPlaceInTime, match="all 1 "):
                await http.client.wait_for_place(Hold.LASTING, ORIGIN)
            brief = await http.client.wait_for_place(Hold.BRIEF, ORIGIN)
            for place in (held, brief):
                assert place is not None
                place.release()

    async def test_those_who_wait_hear_of_the_end(self) -> None:
        async with stage(limit=1) as http:
            place = http.client.take_place(Hold.BRIEF)
            assert place is not None
            waiting = asyncio.ensure_future(http.client.wait_for_place(Hold.BRIEF, ORIGIN))
            await asyncio.sleep(0)
            await http.client.aclose()
            with pytest.raises(ClientClosed):
                await waiting
            with pytest.raises(ClientClosed):
                await http.client.wait_for_place(Hold.BRIEF, ORIGIN)
            assert http.client.take_place(Hold.BRIEF) is None
            assert http.client.closed
            place.release()

    async def test_there_is_none_elsewhere(self) -> None:
        async with stage() as http:

            def elsewhere() -> None:
                async def ask() -> None:
                    assert http.client.take_place(Hold.BRIEF) is None
                    with pytest.raises(ForeignClient):
                        await http.client.wait_for_place(Hold.BRIEF, ORIGIN)

                asyncio.run(ask())

            await asyncio.to_thread(elsewhere)


@pytest.mark.parametrize(("is_gone", "told"), [(True, []), (False, ["closed"])])
def test_a_client_whose_event_loop_stands_still_closes_its_sockets(is_gone: bool, told: list[str]) -> None:
    async def used() -> Stage:
        http = Stage([FINE])
        await http.send()
        return http

    loop = asyncio.new_event_loop()
    try:
        http = loop.run_until_complete(used())
        if is_gone:
            loop.close()
        with http.dialer.sockets:
            asyncio.run(http.client.aclose())
            assert [connected.fileno() for connected in http.dialer.connected] == [-1]
        assert http.client.closed
        assert http.dialer.transports[0].calls == told
    finally:
        loop.close()

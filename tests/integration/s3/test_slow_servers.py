"""Servers that are slow without end are given up in time, and those that are merely slow are not."""

import asyncio
import ssl
import time
from collections.abc import Iterable

import pytest

from s3py_helper.adapters.s3.http.faults import BrokenOff, NoResponseInTime, NotHttp
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, opened, whole
from tests.support.s3.raw_server import FINE, Behaviour, Peer, raw_server

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024

TIMEOUT = 0.3
"""Where it is to be reached."""

AMPLE = 1.0
"""Where it is not to be reached, although the whole takes longer: this machine may be busy for most of it."""

SOON = 10.0


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificate: Certificate) -> Certificate | None:
    return None if request.param == "plain" else certificate


def server_side(tls: Certificate | None) -> ssl.SSLContext | None:
    return None if tls is None else tls.server_side()


def dripping(pieces: Iterable[bytes]) -> Behaviour:
    """Sends a piece now and then, far more often than the read timeout."""

    async def behave(peer: Peer) -> None:
        await peer.head()
        for piece in pieces:
            await peer.answer(piece)
            await asyncio.sleep(0.02)
        await peer.until_gone()

    return behave


class TestHeads:
    """They have the read timeout in total, whatever comes meanwhile."""

    @pytest.mark.parametrize(
        "pieces",
        [
            [b"HTTP/1.1 200 OK\r\nX-Slow: ", *[b"."] * 10_000],
            [b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 10_000],
            [b"HTTP/1.1 100 Continue\r\n\r\n"] * 10_000,
            [b"HTTP/1.1 102 Processing\r\n\r\n"] * 10_000,
            [b"\r\n"] * 10_000,
            [b"H"],
            [],
        ],
        ids=["a byte", "a header", "an interim response", "another kind of it", "blank lines", "then nothing", "none"],
    )
    async def test_one_that_drips_in_is_given_up(self, pieces: list[bytes], tls: Certificate | None) -> None:
        async with (
            raw_server(dripping(pieces), server_side(tls)) as server,
            http_client(tls=tls, read_timeout=TIMEOUT) as client,
        ):
            began = time.monotonic()
            with pytest.raises(NoResponseInTime):
                await ask(client, server)
            assert time.monotonic() - began < SOON
            assert client.connections == 0

    async def test_one_that_takes_its_time_is_not(self, tls: Certificate | None) -> None:
        pieces = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nCont", b"ent-Length: 0\r\n", b"\r\n"]
        async with raw_server(dripping(pieces), server_side(tls)) as server, http_client(tls=tls) as client:
            assert await ask(client, server) == 200


class TestEndlessness:
    """What never ends is cut off after a bounded number of bytes, however fast it comes."""

    @pytest.mark.parametrize(
        ("first", "rest"),
        [
            (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000),
            (b"HTTP/1.1 200 OK\r\nA: ", b"b" * 10_000),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
            (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000),
            (b"HTTP/1.1 ", b"1" * 10_000),
            (b"HTTP/1.1 200 ", b"O" * 10_000),
            (b"", b"\r\n" * 10_000),
        ],
        ids=["headers", "a header", "interim responses", "interim heads", "a status", "a reason", "blank lines"],
    )
    async def test_of_heads(self, first: bytes, rest: bytes) -> None:
        sent = 0

        async def behave(peer: Peer) -> None:
            nonlocal sent
            await peer.head()
            await peer.answer(first)
            while True:
                await peer.answer(rest)
                sent += len(rest)

        async with raw_server(behave) as server, http_client() as client:
            with pytest.raises(NotHttp):
                await ask(client, server)
            assert client.connections == 0
        # What the sockets hold comes on top of what the client has taken.
        assert sent < 16 * MIB

    @pytest.mark.parametrize(
        "rest",
        [b"A: b\r\n" * 1000, b"A: " + b"b" * 10_000],
        ids=["trailers", "a trailer"],
    )
    async def test_of_trailers(self, rest: bytes) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
            while True:
                await peer.answer(rest)

        async with raw_server(behave) as server, http_client() as client:
            with pytest.raises(NotHttp, match="do not end"):
                await whole(client, server)
            assert client.connections == 0

    async def test_of_the_extension_of_a_chunk(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
            while True:
                await peer.answer(b"x" * 10_000)

        async with raw_server(behave) as server, http_client() as client:
            with pytest.raises(NotHttp, match="do not end"):
                await whole(client, server)


class TestBodies:
    async def test_a_body_that_drips_in_is_read_to_its_end(self, tls: Certificate | None) -> None:
        pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 75\r\n\r\n", *[b"x"] * 75]
        async with (
            raw_server(dripping(pieces), server_side(tls)) as server,
            http_client(tls=tls, read_timeout=AMPLE) as client,
        ):
            assert await whole(client, server) == b"x" * 75

    async def test_a_body_that_stops_is_given_up(self, tls: Certificate | None) -> None:
        pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", b"x" * 49]
        async with (
            raw_server(dripping(pieces), server_side(tls)) as server,
            http_client(tls=tls, read_timeout=TIMEOUT) as client,
        ):
            with pytest.raises(NoResponseInTime):
                await whole(client, server)

    async def test_a_reader_that_takes_its_time_is_not_mistaken_for_a_server_that_does(
        self, tls: Certificate | None
    ) -> None:
        size = 4 * MIB

        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
            await peer.until_gone()

        async with (
            raw_server(behave, server_side(tls)) as server,
            http_client(tls=tls, read_timeout=TIMEOUT) as client,
        ):
            received = 0
            with await opened(client, server) as response:
                # While nobody reads, the server is held up by this side.
                await asyncio.sleep(2 * TIMEOUT)
                while data := await response.read():
                    received += len(data)
            assert received == size

    async def test_a_body_that_ends_with_the_connection_is_whole_only_if_that_was_meant(
        self, tls: Certificate | None
    ) -> None:
        """Over TLS the server says so (RFC 9112, 9.8): anybody on the way could cut it here."""

        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(b"HTTP/1.1 200 OK\r\n\r\nhalf")

        async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
            if tls is None:
                assert await whole(client, server) == b"half"
            else:
                with pytest.raises(BrokenOff):
                    await whole(client, server)


class TestUploads:
    """Progress is what the other side has confirmed, over TLS as over plain HTTP."""

    @pytest.mark.parametrize("size", [2 * MIB, 24 * MIB], ids=["in the kernel's buffer", "in our own"])
    async def test_a_server_that_takes_the_body_slowly_is_not_given_up(
        self, size: int, tls: Certificate | None
    ) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            for _ in range(20):
                await peer.reader.readexactly(size // 20)
                await asyncio.sleep(AMPLE / 10)
            await peer.reader.readexactly(size % 20)
            await peer.answer(FINE)

        async with (
            raw_server(behave, server_side(tls), receive_buffer=64 * 1024) as server,
            http_client(tls=tls, read_timeout=AMPLE) as client,
        ):
            assert await ask(client, server, "PUT", bytes(size)) == 200

    @pytest.mark.parametrize("taken", [0, 4 * MIB])
    async def test_one_that_takes_nothing_more_is_given_up(self, taken: int, tls: Certificate | None) -> None:
        async def behave(peer: Peer) -> None:
            left = taken
            while left > 0:
                left -= len(await peer.reader.read(min(left, MIB)))
            await peer.until_gone()

        async with (
            raw_server(behave, server_side(tls)) as server,
            http_client(tls=tls, read_timeout=TIMEOUT) as client,
        ):
            began = time.monotonic()
            with pytest.raises(NoResponseInTime):
                await ask(client, server, "PUT", bytes(30 * MIB))
            assert time.monotonic() - began < SOON
            assert client.connections == 0

    async def test_one_that_takes_everything_and_does_not_answer_is_given_up(self, tls: Certificate | None) -> None:
        async def behave(peer: Peer) -> None:
            while await peer.reader.read(MIB):
                pass

        async with (
            raw_server(behave, server_side(tls)) as server,
            http_client(tls=tls, read_timeout=TIMEOUT) as client,
        ):
            for body in (b"", b"small", bytes(2 * MIB)):
                with pytest.raises(NoResponseInTime):
                    await ask(client, server, "PUT", body)

    async def test_giving_up_takes_back_what_is_on_its_way(self, tls: Certificate | None) -> None:
        """The server, once it goes on, must not get the rest of the body from the kernel, and store it."""
        received = 0
        go_on = asyncio.Event()
        over = asyncio.Event()

        async def behave(peer: Peer) -> None:
            nonlocal received
            await go_on.wait()
            try:
                while data := await peer.reader.read(MIB):
                    received += len(data)
            finally:
                over.set()

        body = bytes(MIB // 2)
        async with (
            raw_server(behave, server_side(tls), receive_buffer=32 * 1024) as server,
            http_client(tls=tls) as client,
        ):
            putting = asyncio.create_task(ask(client, server, "PUT", body))
            await asyncio.sleep(0.1)
            putting.cancel()
            await asyncio.wait([putting])
            go_on.set()
            await over.wait()
        assert received < len(body)

    async def test_after_a_large_body_a_response_may_take_its_time_again(self, tls: Certificate | None) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.reader.readexactly(MIB)
            await peer.answer(FINE)
            await peer.head()
            await asyncio.sleep(4 * TIMEOUT)
            await peer.answer(FINE)

        async with (
            raw_server(behave, server_side(tls)) as server,
            http_client(tls=tls, read_timeout=SOON, stall_timeout=TIMEOUT) as client,
        ):
            assert await ask(client, server, "PUT", bytes(MIB)) == 200
            assert await ask(client, server) == 200
            assert server.accepted == 1

"""One exchange after the other on a transport that a test controls: what spoils a connection, and what does not."""

import asyncio
import contextlib
import gc
import socket
import weakref
from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.s3.http import connection as connection_module
from s3py_helper.adapters.s3.http import patience as patience_module
from s3py_helper.adapters.s3.http import sending as sending_module
from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, EarlySuccess, NoResponseInTime, NotHttp
from s3py_helper.adapters.s3.http.parsing import ResponseParser
from s3py_helper.adapters.s3.http.patience import Patience
from s3py_helper.adapters.s3.http.payload import EMPTY, Payload, payload_of
from tests.support.s3.fake_transport import FakeTransport

pytestmark = pytest.mark.timeout(10)

KIB = 1024
HELD_AT_MOST = 512 * KIB
HEAD = b"GET / HTTP/1.1\r\n\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def sized(size: int, *, status: str = "200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n" % (status.encode(), more, size)


class Stage:
    def __init__(
        self, connected: socket.socket, other: socket.socket, read_timeout: float, stall_timeout: float
    ) -> None:
        self.other = other
        self.connection = HttpConnection(connected, read_timeout, stall_timeout)
        self.transport = FakeTransport(self.connection)
        self.connection.connection_made(self.transport)

    async def ask(
        self, *answers: bytes, body: Payload = EMPTY, bodyless: bool = False, buffered: int = 0
    ) -> ResponseParser:
        asking = asyncio.ensure_future(self.connection.ask(HEAD, body, bodyless=bodyless))
        await asyncio.sleep(0)
        self.transport.buffered = buffered
        for answer in answers:
            self.connection.data_received(answer)
        return await asyncio.wait_for(asking, 5)


@contextlib.asynccontextmanager
async def made(read_timeout: float = 5, stall_timeout: float = 5) -> AsyncIterator[Stage]:
    connected, other = socket.socketpair()
    connected.setblocking(False)
    with contextlib.closing(connected), contextlib.closing(other):
        stage = Stage(connected, other, read_timeout, stall_timeout)
        yield stage
        stage.connection.abort()
        await stage.connection.lost


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(sending_module, "unacknowledged", lambda _connected: 0)
    async with made() as stage:
        yield stage


class TestExchanges:
    async def test_one_after_the_other(self, stage: Stage) -> None:
        for _ in range(3):
            response = await stage.ask(FINE)
            assert (response.status, response.complete) == (200, True)
            assert stage.connection.finish()
        assert stage.transport.written == [HEAD] * 3

    async def test_a_small_body_goes_out_with_the_head(self, stage: Stage) -> None:
        await stage.ask(FINE, body=payload_of(bytes(64 * KIB)))
        assert [len(piece) for piece in stage.transport.written] == [len(HEAD) + 64 * KIB]

    async def test_a_large_one_after_it_and_uncopied(self, stage: Stage) -> None:
        await stage.ask(FINE, body=payload_of(bytes(64 * KIB + 1)))
        assert [len(piece) for piece in stage.transport.written] == [len(HEAD), 64 * KIB + 1]
        assert stage.connection.finish()

    @pytest.mark.parametrize("size", [0, 100 * KIB])
    async def test_the_time_of_the_last_bytes_is_remembered(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        monkeypatch.setattr("s3py_helper.adapters.s3.http.patience.monotonic", lambda: 77.0)
        await stage.ask(FINE, body=payload_of(bytes(size)))
        assert stage.connection.finish()
        assert stage.connection.idle_since == 77.0

    async def test_a_wait_for_more_begins_when_somebody_waits(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 77.0
        monkeypatch.setattr("s3py_helper.adapters.s3.http.patience.monotonic", lambda: now)
        await stage.ask(sized(5), b"12")
        now = 99.0
        receiving = asyncio.ensure_future(stage.connection.receive())
        await asyncio.sleep(0)
        stage.connection.data_received(b"345")
        await receiving
        assert stage.connection.finish()
        assert stage.connection.idle_since == 99.0

    async def test_a_head_that_comes_piece_by_piece_has_no_more_time(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 77.0
        monkeypatch.setattr("s3py_helper.adapters.s3.http.patience.monotonic", lambda: now)
        asking = asyncio.ensure_future(stage.ask())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        now = 99.0
        for place in range(len(FINE)):
            stage.connection.data_received(FINE[place : place + 1])
        await asking
        assert stage.connection.finish()
        assert stage.connection.idle_since == 77.0

    async def test_none_on_one_that_is_being_closed(self, stage: Stage) -> None:
        stage.transport.abort()
        with pytest.raises(Disconnected):
            await stage.connection.ask(HEAD, EMPTY, bodyless=False)

    async def test_none_on_one_that_is_closed(self, stage: Stage) -> None:
        stage.transport.abort()
        await stage.connection.lost
        with pytest.raises(Disconnected):
            await stage.connection.ask(HEAD, EMPTY, bodyless=False)
        assert not stage.connection.is_alive

    async def test_what_closed_it_is_told_to_the_next_one(self, stage: Stage) -> None:
        stage.transport.lose(ConnectionResetError(104, "reset"))
        await stage.connection.lost
        with pytest.raises(ConnectionResetError):
            await stage.connection.ask(HEAD, EMPTY, bodyless=False)


class TestTime:
    @pytest.fixture
    def hurried(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """The seconds that large bodies are given; then how often the usual time came back."""
        seen: list[float] = []
        real, relax = Patience.hurry, Patience.relax

        def hurry(patience: Patience, seconds: float) -> None:
            seen.append(seconds)
            real(patience, seconds)

        def relaxed(patience: Patience) -> None:
            seen.append(0.0)
            relax(patience)

        monkeypatch.setattr(Patience, "hurry", hurry)
        monkeypatch.setattr(Patience, "relax", relaxed)
        return seen

    @pytest.mark.parametrize(("size", "expected"), [(64 * KIB, []), (4 * KIB * KIB, [5.25, 0.0])])
    async def test_a_large_body_is_hurried_and_has_a_second_for_16_mib(
        self, stage: Stage, hurried: list[float], size: int, expected: list[float]
    ) -> None:
        await stage.ask(FINE, body=payload_of(bytes(size)))
        assert hurried == expected

    async def test_a_server_that_says_nothing_is_given_up(self) -> None:
        async with made(0.01, 5) as stage:
            with pytest.raises(NoResponseInTime, match=r"0\.01 s"):
                await stage.connection.ask(HEAD, EMPTY, bodyless=False)
            assert stage.transport.is_closing()

    async def test_one_that_takes_a_large_body_slowly_is_given_up_when_it_takes_no_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left = [5, 5, 4, 4, 4, 3, 2, 2, 1, 1]
        clock = 0.0

        def unacknowledged(_connected: socket.socket) -> int:
            nonlocal clock
            clock += 0.005  # by this clock each look comes when it is due, however busy the machine is
            return left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setattr(patience_module, "monotonic", lambda: clock)
        monkeypatch.setattr(sending_module, "unacknowledged", unacknowledged)
        async with made(5, 0.02) as stage:
            with pytest.raises(NoResponseInTime):
                await stage.connection.ask(HEAD, payload_of(bytes(64 * KIB + 1)), bodyless=False)
        assert left == [1]


class TestNotKept:
    @pytest.mark.parametrize(
        "answer",
        [
            sized(5) + b"1234",
            sized(0, more=b"Connection: close\r\n"),
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            FINE + b"x",
            FINE + FINE,
            b"HTTP/1.1 200 OK\r\n\r\n",
        ],
    )
    async def test_after_a_response_that_leaves_something(self, stage: Stage, answer: bytes) -> None:
        await stage.ask(answer)
        assert not stage.connection.finish()

    async def test_after_bytes_that_nobody_asked_for(self, stage: Stage) -> None:
        await stage.ask(FINE)
        assert stage.connection.finish()
        stage.connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        assert not stage.connection.is_alive

    async def test_while_its_response_is_held_up(self, stage: Stage) -> None:
        response = await stage.ask(sized(HELD_AT_MOST + 5), bytes(HELD_AT_MOST + 1))
        assert stage.transport.calls == ["pause"]
        stage.connection.data_received(bytes(4))
        assert response.complete
        assert not stage.connection.finish()

    async def test_on_a_connection_that_is_being_closed(self, stage: Stage) -> None:
        await stage.ask(FINE)
        stage.transport.abort()
        assert not stage.connection.finish()

    @pytest.mark.parametrize("size", [0, 5])
    @pytest.mark.parametrize("status", [200, 299, 300, 403])
    async def test_after_a_response_that_came_too_early(self, stage: Stage, status: int, size: int) -> None:
        body, answer = payload_of(bytes(100 * KIB)), sized(size, status=f"{status} Early")
        if status < 300:
            with pytest.raises(EarlySuccess):
                await stage.ask(answer, body=body, buffered=1)
        else:
            assert (await stage.ask(answer, body=body, buffered=1)).status == status
        assert not stage.connection.finish()
        assert not stage.connection.drain(lambda: None)

    async def test_after_an_early_response_whose_rest_came_in_time(self, stage: Stage) -> None:
        body = payload_of(bytes(100 * KIB))
        response = await stage.ask(sized(5, status="403 Forbidden"), body=body, buffered=1)
        stage.transport.buffered = 0
        stage.connection.data_received(b"12345")
        assert response.complete
        assert not stage.connection.finish()

    async def test_what_was_early_once_is_not_so_for_ever(self, stage: Stage) -> None:
        await stage.ask(FINE, body=payload_of(bytes(100 * KIB)))
        assert stage.connection.finish()
        await stage.ask(FINE)
        assert stage.connection.finish()

    async def test_a_large_body_says_nothing_of_the_next_request(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await stage.ask(FINE, body=payload_of(bytes(100 * KIB)))
        assert stage.connection.finish()
        monkeypatch.setattr(sending_module, "unacknowledged", lambda _connected: pytest.fail("nobody has to know"))
        await stage.ask(FINE)
        assert stage.connection.finish()

    async def test_what_the_other_side_has_not_confirmed_was_not_sent(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending_module, "unacknowledged", lambda _connected: 1)
        with pytest.raises(EarlySuccess):
            await stage.ask(FINE, body=payload_of(bytes(100 * KIB)))

    async def test_a_small_request_that_is_unsent_counts_as_well(self, stage: Stage) -> None:
        with pytest.raises(EarlySuccess):
            await stage.ask(FINE, buffered=1)


class TestReading:
    async def test_the_sender_is_held_up_while_nobody_reads(self, stage: Stage) -> None:
        response = await stage.ask(sized(4 * HELD_AT_MOST))
        for _ in range(3):
            stage.connection.data_received(bytes(HELD_AT_MOST // 2))
        assert stage.transport.calls == ["pause"]
        response.take()
        stage.connection.relieve()
        assert stage.transport.calls == ["pause"], "there is still as much as may wait"
        response.take()
        stage.connection.relieve()
        stage.connection.relieve()
        assert stage.transport.calls == ["pause", "resume"]
        for _ in range(2):
            stage.connection.data_received(bytes(HELD_AT_MOST // 2))
        assert stage.transport.calls == ["pause", "resume", "pause"]

    async def test_as_much_as_may_wait_does_not_hold_it_up(self, stage: Stage) -> None:
        await stage.ask(sized(2 * HELD_AT_MOST), bytes(HELD_AT_MOST))
        assert stage.transport.calls == []

    async def test_the_end_is_told_once(self, stage: Stage) -> None:
        told: list[int] = []
        await stage.ask(sized(2))
        stage.connection.on_complete = lambda: told.append(1)
        stage.connection.data_received(b"1")
        assert told == []
        stage.connection.data_received(b"2")
        assert told == [1]
        assert stage.connection.finish()

    @pytest.mark.parametrize("how", ["finished", "given up"])
    async def test_nobody_hears_of_an_exchange_that_is_over(self, stage: Stage, how: str) -> None:
        told: list[int] = []
        await stage.ask(sized(1))
        stage.connection.on_complete = lambda: told.append(1)
        if how == "finished":
            stage.connection.data_received(b"x")
            stage.connection.on_complete = lambda: told.append(2)
            assert stage.connection.finish()
            await stage.ask(FINE)
        else:
            stage.connection.give_up()
        assert told == [1] * (how == "finished")
        heard: object = stage.connection.on_complete
        assert heard is None

    async def test_the_end_by_the_connection_is_told_as_well(self, stage: Stage) -> None:
        told: list[int] = []
        response = await stage.ask(b"HTTP/1.1 200 OK\r\n\r\n", b"12")
        stage.connection.on_complete = lambda: told.append(1)
        stage.connection.eof_received()
        await stage.connection.lost
        assert (response.complete, told) == (True, [1])

    @pytest.mark.parametrize(("error", "kind"), [(None, BrokenOff), (ConnectionResetError(104, "reset"), BrokenOff)])
    async def test_a_break_in_the_middle_has_its_cause(
        self, stage: Stage, error: Exception | None, kind: type[Exception]
    ) -> None:
        await stage.ask(sized(5), b"12")
        receiving = asyncio.ensure_future(stage.connection.receive())
        await asyncio.sleep(0)
        stage.transport.lose(error)
        await receiving
        with pytest.raises(kind) as raised:
            await stage.connection.receive()
        assert raised.value.__cause__ is error

    @pytest.mark.parametrize(
        ("error", "kind"), [(None, Disconnected), (ConnectionResetError(104, "reset"), ConnectionResetError)]
    )
    async def test_so_has_one_before_the_first_byte(
        self, stage: Stage, error: Exception | None, kind: type[Exception]
    ) -> None:
        asking = asyncio.ensure_future(stage.connection.ask(HEAD, EMPTY, bodyless=False))
        await asyncio.sleep(0)
        stage.transport.lose(error)
        with pytest.raises(kind):
            await asking

    async def test_what_is_not_http_ends_the_connection(self, stage: Stage) -> None:
        with pytest.raises(NotHttp):
            await stage.ask(b"SSH-2.0-OpenSSH\r\n")
        assert not stage.connection.is_alive

    async def test_a_refusal_that_came_before_the_break_is_read(self, stage: Stage) -> None:
        stage.other.sendall(sized(0, status="403 Forbidden"))
        asking = asyncio.ensure_future(stage.connection.ask(HEAD, payload_of(bytes(100 * KIB)), bodyless=False))
        await asyncio.sleep(0)
        stage.transport.buffered = 1
        stage.transport.lose(BrokenPipeError(32, "Broken pipe"))
        assert (await asking).status == 403


class TestRests:
    @pytest.mark.parametrize(("size", "drained"), [(64 * KIB, True), (64 * KIB + 1, False)])
    async def test_a_short_one_is_received_and_dropped(self, stage: Stage, size: int, drained: bool) -> None:
        told: list[int] = []
        response = await stage.ask(sized(size))
        assert stage.connection.drain(lambda: told.append(1)) is drained
        if drained:
            stage.connection.data_received(bytes(size))
            assert (told, response.held) == ([1], 0)
            assert stage.connection.finish()

    async def test_one_that_turns_out_to_be_long_ends_the_connection(self, stage: Stage) -> None:
        await stage.ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert stage.connection.drain(lambda: None)
        stage.connection.data_received(b"10000\r\n" + bytes(64 * KIB) + b"\r\n")
        assert stage.connection.is_alive
        stage.connection.data_received(b"1\r\nx\r\n")
        assert not stage.connection.is_alive

    async def test_a_held_up_sender_goes_on(self, stage: Stage) -> None:
        await stage.ask(sized(HELD_AT_MOST + 5), bytes(HELD_AT_MOST + 1))
        assert stage.connection.drain(lambda: None)
        assert stage.transport.calls == ["pause", "resume"]

    async def test_there_is_none_before_the_head_or_after_the_end(self, stage: Stage) -> None:
        asking = asyncio.ensure_future(stage.connection.ask(HEAD, EMPTY, bodyless=False))
        await asyncio.sleep(0)
        assert not stage.connection.drain(lambda: None)
        stage.connection.data_received(FINE)
        await asking
        assert not stage.connection.drain(lambda: None)

    async def test_there_is_none_on_a_closed_connection(self, stage: Stage) -> None:
        await stage.ask(sized(5))
        stage.transport.abort()
        assert not stage.connection.drain(lambda: None)


class TestGivingUp:
    @pytest.mark.parametrize(
        ("answer", "is_reset"), [(sized(5) + b"12", True), (FINE, False), (b"HTTP/1.1 200 OK\r\n\r\n", True)]
    )
    async def test_an_exchange_that_is_not_over_resets_the_connection(
        self, stage: Stage, answer: bytes, is_reset: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resets: list[socket.socket] = []
        monkeypatch.setattr(connection_module, "reset_when_closed", resets.append)
        response = await stage.ask(answer)
        stage.connection.give_up()
        assert not stage.connection.is_alive
        assert bool(resets) is is_reset
        assert response.held == 0
        stage.connection.give_up()
        assert stage.transport.calls == ["closed"]

    async def test_so_does_one_whose_request_was_not_sent(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        resets: list[socket.socket] = []
        monkeypatch.setattr(connection_module, "reset_when_closed", resets.append)
        await stage.ask(sized(0, status="403 Forbidden"), body=payload_of(bytes(100 * KIB)), buffered=9)
        stage.connection.give_up()
        assert resets

    async def test_nobody_is_told_any_more(self, stage: Stage) -> None:
        told: list[int] = []
        await stage.ask(b"HTTP/1.1 200 OK\r\n\r\n")
        stage.connection.on_complete = lambda: told.append(1)
        stage.connection.give_up()
        await stage.connection.lost
        assert told == []

    async def test_what_has_come_whole_can_be_read_afterwards(self, stage: Stage) -> None:
        response = await stage.ask(sized(5, more=b"Connection: close\r\n") + b"12345")
        stage.connection.give_up()
        assert response.take() == b"12345"

    async def test_what_came_of_it_leaves_memory_at_once(self, stage: Stage) -> None:
        response = weakref.ref(await stage.ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123"))
        await asyncio.sleep(0)
        gc.disable()
        try:
            stage.connection.give_up()
            assert response() is None, "without the garbage collector"
        finally:
            gc.enable()

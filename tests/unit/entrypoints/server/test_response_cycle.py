"""What is written of a response, and when."""

import asyncio
import logging
from typing import Any, override

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from s3py_helper.entrypoints.server.response_cycle import ResponseCycle

type Headers = list[tuple[bytes, bytes]]


class Wire(asyncio.Transport):
    """Remembers what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self.written.append(bytes(data))

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def is_closing(self) -> bool:
        return self.closed


class Exchange:
    """One cycle on a connection of its own."""

    def __init__(self, method: str = "GET", *, keep_alive: bool = True, expects_100: bool = False) -> None:
        self.wire = Wire()
        self.completed = 0
        self.cycle = ResponseCycle(
            scope={"type": "http", "method": method},  # type: ignore[typeddict-item]  # all that is looked at
            transport=self.wire,
            flow=FlowControl(self.wire),
            logger=logging.getLogger("test"),
            access_logger=logging.getLogger("test"),
            access_log=False,
            default_headers=[(b"date", b"today")],
            message_event=asyncio.Event(),
            expect_100_continue=expects_100,
            keep_alive=keep_alive,
            on_response=self._complete,
        )

    def _complete(self) -> None:
        self.completed += 1

    async def start(self, headers: Headers, status: int = 200) -> None:
        await self.cycle.send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, body: bytes, *, more: bool = False) -> None:
        await self.cycle.send({"type": "http.response.body", "body": body, "more_body": more})


async def test_a_small_response_is_one_piece() -> None:
    exchange = Exchange()
    await exchange.start([(b"Content-Length", b"3")])
    await exchange.body(b"abc")
    assert exchange.wire.written == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\n\r\nabc"]
    await asyncio.sleep(0)
    assert len(exchange.wire.written) == 1
    assert exchange.completed == 1
    assert not exchange.wire.closed


async def test_a_head_does_not_wait_for_bytes_that_take_their_time() -> None:
    exchange = Exchange()
    await exchange.start([(b"content-length", b"3")])
    assert exchange.wire.written == []
    await asyncio.sleep(0)
    assert exchange.wire.written == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\n\r\n"]
    await exchange.body(b"abc")
    assert exchange.wire.written[1:] == [b"abc"]


async def test_a_large_chunk_is_not_copied_behind_the_head() -> None:
    exchange = Exchange()
    await exchange.start([(b"content-length", b"100000")])
    await exchange.body(bytes(100_000))
    assert [len(piece) for piece in exchange.wire.written] == [
        len(b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 100000\r\n\r\n"),
        100_000,
    ]


async def test_a_body_of_unknown_length_is_chunked() -> None:
    exchange = Exchange()
    await exchange.start([])
    await exchange.body(b"abc", more=True)
    await exchange.body(b"")
    assert b"".join(exchange.wire.written) == (
        b"HTTP/1.1 200 OK\r\ndate: today\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )


async def test_nothing_stands_behind_the_head_for_head_requests() -> None:
    exchange = Exchange("HEAD")
    await exchange.start([(b"content-length", b"3")])
    await exchange.body(b"abc")
    assert exchange.wire.written == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\n\r\n"]
    assert exchange.completed == 1


async def test_a_head_alone_says_nothing_of_chunks_that_do_not_come() -> None:
    exchange = Exchange("HEAD")
    await exchange.start([])
    await exchange.body(b"abc", more=True)
    await exchange.body(b"")
    assert exchange.wire.written == [b"HTTP/1.1 200 OK\r\ndate: today\r\n\r\n"]


async def test_a_coding_that_the_application_names_is_applied_and_not_named_twice() -> None:
    exchange = Exchange()
    await exchange.start([(b"Transfer-Encoding", b"Chunked")])
    await exchange.body(b"abc")
    assert exchange.wire.written == [
        b"HTTP/1.1 200 OK\r\ndate: today\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("leaves", [False, True])
async def test_a_client_that_takes_nothing_is_waited_for(*, leaves: bool) -> None:
    exchange = Exchange()
    await exchange.start([(b"content-length", b"6")])
    await exchange.body(b"abc", more=True)
    exchange.cycle.flow.pause_writing()
    sending = asyncio.ensure_future(exchange.body(b"def"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(exchange.wire.written), sending.done()) == (1, False), "more would be kept in memory"
    exchange.cycle.disconnected = leaves
    exchange.cycle.flow.resume_writing()
    await sending
    assert exchange.wire.written[1:] == ([] if leaves else [b"def"])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("has_begun", [False, True])
async def test_nobody_is_told_to_go_on_once_the_response_has_begun(*, has_begun: bool) -> None:
    exchange = Exchange(expects_100=True)
    if has_begun:
        await exchange.start([(b"content-length", b"0")])
    exchange.cycle.message_event.set()
    await exchange.cycle.receive()
    await asyncio.sleep(0)
    assert (b"100 Continue" in b"".join(exchange.wire.written)) is not has_begun


async def test_nothing_is_written_to_a_client_that_has_left_meanwhile() -> None:
    exchange = Exchange()
    await exchange.start([(b"content-length", b"3")])
    exchange.cycle.disconnected = True
    await asyncio.sleep(0)
    await exchange.body(b"abc")
    assert exchange.wire.written == []


@pytest.mark.parametrize("said", [b"close", b"Upgrade, Close"])
async def test_a_response_may_close_its_connection(said: bytes) -> None:
    exchange = Exchange()
    await exchange.start([(b"connection", said), (b"content-length", b"0")])
    await exchange.body(b"")
    assert exchange.wire.closed
    assert b"".join(exchange.wire.written).lower().count(b"connection: ") == 1


async def test_clients_are_told_when_connections_are_not_kept() -> None:
    exchange = Exchange(keep_alive=False)
    await exchange.start([(b"content-length", b"0")])
    await exchange.body(b"")
    assert exchange.wire.written == [
        b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    ]
    assert exchange.wire.closed


@pytest.mark.parametrize("status", [204, 304])
async def test_what_has_no_body_is_not_chunked(status: int) -> None:
    exchange = Exchange()
    await exchange.start([], status)
    await exchange.body(b"")
    assert b"transfer-encoding" not in exchange.wire.written[0]


@pytest.mark.parametrize("header", [(b"x-a", b"b\r\nc: d"), (b"x-a", b"b\x00"), (b"x a", b"b"), (b"x:a", b"b")])
async def test_no_header_ends_early(header: tuple[bytes, bytes]) -> None:
    exchange = Exchange()
    with pytest.raises(RuntimeError, match="header"):
        await exchange.start([header])
    await asyncio.sleep(0)
    assert exchange.wire.written == []


@pytest.mark.parametrize(("body", "what"), [(b"abcd", "more bytes"), (b"ab", "fewer bytes")])
async def test_the_body_is_as_long_as_the_head_says(body: bytes, what: str) -> None:
    exchange = Exchange()
    await exchange.start([(b"content-length", b"3")])
    with pytest.raises(RuntimeError, match=what):
        await exchange.body(body)
    assert exchange.completed == 0


async def test_messages_come_in_order() -> None:
    exchange = Exchange()
    with pytest.raises(RuntimeError, match=r"http\.response\.body"):
        await exchange.body(b"abc")
    await exchange.start([(b"content-length", b"0")])
    with pytest.raises(RuntimeError, match=r"http\.response\.start"):
        await exchange.start([])

"""When a connection may be used again, and what a fault says of it; the other end is held by the test."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.channel import Channel
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, ProtocolFault, Role, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.messages import ask, reply, request

_PEER = Peer(Role.STORAGE, Address("127.0.0.9", 23000))
_TIMEOUT = 0.3
_QUERY, _UPLOAD = 22, 11

pytestmark = pytest.mark.timeout(30)


class Wire:
    """A connection, and the server's end of it."""

    def __init__(self, ours: socket.socket, theirs: socket.socket, *, reused: bool) -> None:
        ours.setblocking(False)
        theirs.setblocking(False)
        self.theirs = theirs
        self.reused = reused
        self.released: list[bool] = []
        self.channel = Channel(ours, _TIMEOUT)
        self.connection = FramedConnection(
            self.channel, _PEER, reused=reused, release_to_pool=lambda it: self.released.append(it.is_reusable)
        )

    def is_reusable(self) -> bool:
        return self.connection.is_reusable

    async def replies(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.theirs, data)

    async def drain(self, size: int) -> None:
        while size > 0:
            size -= len(await asyncio.get_running_loop().sock_recv(self.theirs, 1 << 20))


def _reply(body: bytes, status: int = 0, length: int | None = None) -> bytes:
    return struct.pack("!QBB", len(body) if length is None else length, 100, status) + body


@pytest.fixture(params=[False, True], ids=["new", "reused"])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    ours, theirs = socket.socketpair()
    wire = Wire(ours, theirs, reused=request.param)
    yield wire
    wire.channel.close()
    theirs.close()


async def test_after_a_whole_reply_it_may_be_used_again(wire: Wire) -> None:
    assert wire.is_reusable()
    for body in (b"", b"x", bytes(100_000)):
        asking = asyncio.create_task(ask(wire.connection, _QUERY, b"request"))
        await wire.drain(17)
        assert not wire.is_reusable()
        await wire.replies(_reply(body))
        assert await asking == body
        assert wire.is_reusable()
    wire.connection.release()
    assert wire.released == [True]


async def test_with_an_unsent_rest_it_may_not(wire: Wire) -> None:
    await wire.connection.send(request(_QUERY, 20, b"a part"))
    assert not wire.is_reusable()


async def test_before_the_reply_it_may_not(wire: Wire) -> None:
    await wire.connection.send(request(_QUERY, 4, b"ping"))
    assert not wire.is_reusable()


async def test_within_a_reply_it_may_not(wire: Wire) -> None:
    await wire.connection.send(request(_QUERY, 4, b"ping"))
    await wire.replies(_reply(b"1234567890"))
    assert await wire.connection.begin_reply() == 10
    assert await wire.connection.receive(4) == b"1234"
    assert not wire.is_reusable()
    assert await wire.connection.receive_exactly(6) == b"567890"
    assert wire.is_reusable()


async def test_bytes_behind_the_reply_are_nobodys(wire: Wire) -> None:
    await wire.connection.send(request(_QUERY, 4, b"ping"))
    await wire.replies(_reply(b"pong") + b"!")
    with pytest.raises(ProtocolFault, match="more bytes came than"):
        await reply(wire.connection)
    assert not wire.is_reusable()


async def test_bytes_that_come_later_are_seen_before_the_next_request(wire: Wire) -> None:
    asking = asyncio.create_task(ask(wire.connection, _QUERY, b"ping"))
    await wire.drain(14)
    await wire.replies(_reply(b"pong"))
    assert await asking == b"pong"
    await wire.replies(_reply(b"not asked for"))
    await asyncio.sleep(0.02)
    assert not wire.channel.is_quiet()
    with pytest.raises(ConnectionFault, match="sent more than was asked for"):
        await ask(wire.connection, _QUERY, b"ping")
    assert not wire.is_reusable()


@pytest.mark.parametrize(
    ("command", "answer", "may"),
    [
        (_QUERY, _reply(b"", 2), True),
        (_QUERY, _reply(b"", 2, length=44), False),
        (_UPLOAD, _reply(b"", 28), False),
        (_UPLOAD, _reply(b""), True),
    ],
)
async def test_after_a_refusal_it_depends_on_what_was_refused(
    wire: Wire, command: int, answer: bytes, *, may: bool
) -> None:
    await wire.connection.send(request(command, 4, b"body"))
    await wire.replies(answer)
    with contextlib.suppress(ServerRefusal):
        await reply(wire.connection)
    assert wire.is_reusable() is may


@pytest.mark.parametrize("sent", [b"", b"12345", _reply(b"1234567890")[:-1]])
@pytest.mark.parametrize("end", ["end", "cancellation"])
async def test_a_reply_that_is_not_whole_ends_it(wire: Wire, sent: bytes, end: str) -> None:
    asking = asyncio.create_task(ask(wire.connection, _QUERY, b"ping"))
    await wire.replies(sent)
    await wire.drain(14)
    if end == "end":
        wire.theirs.shutdown(socket.SHUT_RDWR)
    if end == "cancellation":
        asking.cancel()
    with pytest.raises(asyncio.CancelledError if end == "cancellation" else ConnectionFault) as raised:
        await asking
    assert not wire.is_reusable()
    if isinstance(raised.value, ConnectionFault):
        assert raised.value.stale is wire.connection.was_dead is (wire.reused and not sent)


@pytest.mark.slow
async def test_one_that_has_answered_is_not_taken_for_dead(wire: Wire) -> None:
    asking = asyncio.create_task(ask(wire.connection, _QUERY, b"ping"))
    await wire.drain(14)
    await wire.replies(_reply(b"pong"))
    await asking
    with pytest.raises(ConnectionFault, match="sent no byte within") as silent:
        await ask(wire.connection, _QUERY, b"ping")
    assert not silent.value.stale
    assert not wire.connection.was_dead


@pytest.mark.slow
async def test_an_upload_is_not_held_to_the_time_of_an_earlier_reply(wire: Wire) -> None:
    asking = asyncio.create_task(ask(wire.connection, _QUERY, b"ping"))
    await wire.drain(14)
    await wire.replies(_reply(b"pong"))
    await asking
    content = bytes(12_000_000)

    async def upload() -> None:
        await wire.connection.send(request(_UPLOAD, len(content), b""))
        for at in range(0, len(content), 500_000):
            await wire.connection.send(content[at : at + 500_000])

    uploading = asyncio.create_task(upload())
    left = 10 + len(content)
    while left:
        await asyncio.sleep(_TIMEOUT * 0.02)
        left -= len(await asyncio.get_running_loop().sock_recv(wire.theirs, 100_000))
    await uploading


@pytest.mark.parametrize("sent", [b"", _reply(b"")[:5]])
async def test_a_fault_says_where_in_the_reply_it_happened(wire: Wire, sent: bytes) -> None:
    asking = asyncio.create_task(ask(wire.connection, _QUERY, b"ping"))
    await wire.drain(14)
    await wire.replies(sent)
    wire.theirs.shutdown(socket.SHUT_WR)
    expected = r"it closed the connection in the middle of the header" if sent else r"it closed the connection$"
    with pytest.raises(ConnectionFault, match=expected):
        await asking

"""Sending past a transport: all of it, in as many pieces as the system takes, and nothing left behind."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, override

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from s3py_helper.application.ports.region import Region
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.entrypoints.server.socket_sender import SocketSender
from s3py_helper.entrypoints.server.unsent import unsent_bytes


class Transport(asyncio.Transport):
    """A transport whose socket is real."""

    def __init__(self, own: socket.socket | None) -> None:
        super().__init__({"socket": own})
        self.unsent = 0
        self.closing = False
        self.limits: list[object] = []

    @override
    def get_write_buffer_size(self) -> int:
        return self.unsent

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits.append(high)

    @override
    def is_closing(self) -> bool:
        return self.closing

    @override
    def abort(self) -> None:
        self.closing = True

    @override
    def pause_reading(self) -> None: ...

    @override
    def resume_reading(self) -> None: ...


class Scripted:
    """A region of ten bytes, of which each attempt takes as many as is said, or fails."""

    size = 10

    def __init__(self, *attempts: int | Exception) -> None:
        self.attempts = iter(attempts)
        self.sent_from: list[int] = []

    def send(self, _descriptor: int, sent: int) -> int:
        self.sent_from.append(sent)
        match next(self.attempts):
            case int(taken):
                return taken
            case error:
                raise error


class Wired:
    def __init__(self, own: socket.socket) -> None:
        self.transport = Transport(own)
        self.flow = FlowControl(self.transport)
        self.sender = SocketSender(asyncio.get_running_loop(), self.transport, self.flow)

    async def send(self, region: Scripted) -> bool:
        return await asyncio.wait_for(self.sender.send(cast("Region", region)), 5)


@pytest.fixture
def own() -> Iterator[socket.socket]:
    """One end of a connection, and a look at what is left open behind a test."""
    first, second = socket.socketpair()
    first.setblocking(False)
    before = set(Path("/proc/self/fd").iterdir())
    with first, second:
        yield first
        assert not set(Path("/proc/self/fd").iterdir()) - before, "a descriptor was left open"


BUSY = BlockingIOError()


@pytest.mark.parametrize(
    ("attempts", "waited", "sent_from"),
    [
        ([10], False, [0]),
        ([BUSY, 10], True, [0, 0]),
        ([4, 6], True, [0, 4]),
        ([4, BUSY, 5, 1], True, [0, 4, 4, 9]),
    ],
)
async def test_all_bytes_are_sent(
    own: socket.socket, attempts: list[int | Exception], waited: bool, sent_from: list[int]
) -> None:
    wired, region = Wired(own), Scripted(*attempts)
    assert await wired.send(region) is waited
    assert region.sent_from == sent_from
    assert (wired.transport.limits, wired.transport.closing) == ([], False)


@pytest.mark.parametrize(("attempts", "waited"), [([ConnectionResetError()], False), ([4, BrokenPipeError()], True)])
async def test_a_client_that_has_left_ends_it(
    own: socket.socket, attempts: list[int | Exception], waited: bool
) -> None:
    wired = Wired(own)
    assert await wired.send(Scripted(*attempts)) is waited
    assert wired.transport.closing


@pytest.mark.parametrize("attempts", [[StorageOperationException("gone")], [4, StorageOperationException("gone")]])
async def test_what_is_not_there_any_more_is_told(own: socket.socket, attempts: list[int | Exception]) -> None:
    wired = Wired(own)
    with pytest.raises(StorageOperationException, match="gone"):
        await wired.send(Scripted(*attempts))
    assert await wired.send(Scripted(10)) is False


async def test_what_was_written_before_goes_first(own: socket.socket) -> None:
    wired, region = Wired(own), Scripted(10)
    wired.transport.unsent = 3
    wired.flow.pause_writing()
    sending = asyncio.ensure_future(wired.send(region))
    await asyncio.sleep(0)
    assert (wired.transport.limits, region.sent_from) == ([0], [])
    wired.flow.resume_writing()
    assert await sending is False
    assert wired.transport.limits == [0, None], "as before"


async def test_nothing_is_sent_over_a_connection_that_closes(own: socket.socket) -> None:
    wired, region = Wired(own), Scripted()
    wired.transport.closing = True
    assert await wired.send(region) is True
    assert region.sent_from == []


async def _stuck(wired: Wired, own: socket.socket) -> tuple[asyncio.Task[bool], Scripted]:
    """A region that a client takes nothing of."""
    while True:
        try:
            own.send(bytes(100_000))
        except BlockingIOError:
            break
    region = Scripted(BUSY)
    sending = asyncio.ensure_future(wired.send(region))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not sending.done()
    return sending, region


async def test_a_lost_connection_ends_it(own: socket.socket) -> None:
    wired = Wired(own)
    wired.sender.connection_lost()
    sending, _ = await _stuck(wired, own)
    wired.sender.connection_lost()
    wired.sender.connection_lost()
    assert await sending is True
    wired.sender.connection_lost()


async def test_a_cancelled_one_leaves_nothing(own: socket.socket) -> None:
    sending, _ = await _stuck(Wired(own), own)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_what_the_kernel_holds_is_unsent_too(own: socket.socket) -> None:
    transport = Transport(own)
    transport.unsent = 5
    assert unsent_bytes(transport) == 5
    own.send(bytes(100))
    assert unsent_bytes(transport) > 5
    assert unsent_bytes(_unsent(None)) == 7
    closed = socket.socket()
    closed.close()
    assert unsent_bytes(_unsent(closed)) == 7
    with open(os.devnull) as no_socket:  # noqa: PTH123 - of interest is its descriptor
        assert unsent_bytes(_unsent(cast("Any", no_socket))) == 7


def _unsent(own: socket.socket | None) -> Transport:
    transport = Transport(own)
    transport.unsent = 7
    return transport

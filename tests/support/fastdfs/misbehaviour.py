"""What can go wrong with one request or its reply. A server picks one by command, once or for good.

`after` counts bytes: of the reply (its ten-byte header included), or, where a request is concerned, of its body.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.protocol import Header, Status
from tests.support.fastdfs.wire import Wire


class Misbehaviour:
    """None at all: the request is read and answered."""

    async def receive(self, request: Request, wire: Wire) -> None:
        """Interfere before the body is read."""

    async def send(self, reply: Reply, wire: Wire) -> None:
        for piece in reply.pieces():
            await wire.send(piece)


GOOD_BEHAVIOUR = Misbehaviour()


@dataclass(frozen=True, slots=True)
class Fragment(Misbehaviour):
    """Send the reply a few bytes at a time, each few in a segment of their own."""

    size: int

    async def send(self, reply: Reply, wire: Wire) -> None:
        for piece in reply.pieces():
            for start in range(0, len(piece), self.size):
                await wire.send(piece[start : start + self.size])
                await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Delay(Misbehaviour):
    """Do what is asked at once, and answer late."""

    seconds: float

    async def send(self, reply: Reply, wire: Wire) -> None:
        await asyncio.sleep(self.seconds)
        await GOOD_BEHAVIOUR.send(reply, wire)


@dataclass(frozen=True, slots=True)
class Drip(Misbehaviour):
    """Send the first bytes of the reply at once, and then byte by byte, with a pause after each."""

    pause: float
    after: int = 0

    async def send(self, reply: Reply, wire: Wire) -> None:
        at_once = self.after
        for piece in reply.pieces():
            await wire.send(piece[:at_once])
            for byte in piece[at_once:]:
                await wire.send(bytes([byte]))
                await asyncio.sleep(self.pause)
            at_once = max(0, at_once - len(piece))


@dataclass(frozen=True, slots=True)
class Surplus(Misbehaviour):
    """Send more than the reply: at once, or a moment later."""

    surplus: bytes
    delay: float = 0.0

    async def send(self, reply: Reply, wire: Wire) -> None:
        pieces = list(reply.pieces())
        if not self.delay:
            pieces[-1] += self.surplus
        for piece in pieces:
            await wire.send(piece)
        if self.delay:
            await asyncio.sleep(self.delay)
            await wire.send(self.surplus)


@dataclass(frozen=True, slots=True)
class AnswerWith(Misbehaviour):
    """Do what is asked, and put these bytes in the place of the whole reply; close where told so."""

    reply: bytes
    close: bool = False

    async def send(self, reply: Reply, wire: Wire) -> None:
        await wire.send(self.reply)
        if self.close:
            await wire.close()


@dataclass(frozen=True, slots=True)
class StallAfter(Misbehaviour):
    """Stop in mid-reply and keep the connection open."""

    after: int = 0

    async def send(self, reply: Reply, wire: Wire) -> None:
        await _send_beginning(reply, self.after, wire)
        await wire.fall_silent()


@dataclass(frozen=True, slots=True)
class TruncateAfter(Misbehaviour):
    """Close the connection in mid-reply."""

    after: int = 0

    async def send(self, reply: Reply, wire: Wire) -> None:
        await _send_beginning(reply, self.after, wire)
        await wire.close()


@dataclass(frozen=True, slots=True)
class ResetAfter(Misbehaviour):
    """Reset the connection in mid-reply."""

    after: int = 0

    async def send(self, reply: Reply, wire: Wire) -> None:
        await _send_beginning(reply, self.after, wire)
        await wire.reset()


@dataclass(frozen=True, slots=True)
class GarbageHeader(Misbehaviour):
    """Put these bytes where the reply's header belongs."""

    header: bytes = b"HTTP/1.1 4"

    async def send(self, reply: Reply, wire: Wire) -> None:
        pieces = reply.pieces()
        await wire.send(self.header + next(pieces)[Header.FORMAT.size :])
        for piece in pieces:
            await wire.send(piece)


@dataclass(frozen=True, slots=True)
class CorruptBody(Misbehaviour):
    """Flip the bits of one byte of the reply's body."""

    at: int = 0

    async def send(self, reply: Reply, wire: Wire) -> None:
        start, target = 0, Header.FORMAT.size + self.at
        for piece in reply.pieces():
            sent = bytearray(piece)
            if start <= target < start + len(piece):
                sent[target - start] ^= 0xFF
            start += len(piece)
            await wire.send(bytes(sent))


@dataclass(frozen=True, slots=True)
class AnswerStatus(Misbehaviour):
    """Read the request and answer with this status, without doing what is asked. The connection stays usable."""

    status: int = Status.FULL

    async def receive(self, request: Request, wire: Wire) -> None:
        async for _ in request.pieces():
            pass
        raise Refusal(self.status)


@dataclass(frozen=True, slots=True)
class RejectUpload(Misbehaviour):
    """Read a part of the body, answer with this status and close: the rest of the body meets a reset."""

    after: int = 0
    status: int = Status.FULL

    async def receive(self, request: Request, wire: Wire) -> None:
        await request.read(min(self.after, request.length))
        raise Refusal(self.status)


@dataclass(frozen=True, slots=True)
class StopReading(Misbehaviour):
    """Read a part of the body and then no more, with the connection open: the sender's buffers fill up."""

    after: int = 0

    async def receive(self, request: Request, wire: Wire) -> None:
        await request.read(min(self.after, request.length))
        await wire.fall_silent()
        raise ConnectionAbortedError("the peer gave up")


async def _send_beginning(reply: Reply, size: int, wire: Wire) -> None:
    for piece in _first(size, reply.pieces()):
        await wire.send(piece)


def _first(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return

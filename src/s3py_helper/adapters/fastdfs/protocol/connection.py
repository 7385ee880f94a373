"""One connection to a tracker or storage server, which always knows where in an exchange it is.

aiofdfs' clients get it instead of their own `AsyncConnection`, and call nothing but `send` and `receive`. The rules: a
connection goes back to its pool only between a whole reply and the next request; every wait has a deadline; a reply
that ends early is an error and never an empty chunk; a status other than 0 is raised as soon as it is read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.fastdfs.protocol.channel import Channel, reason
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Fault, Peer, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.framing import HEADER, REPLY_COMMAND, Framing, FramingError, Phase

_JOINED_BYTES: Final = 64 * 1024
"""Up to this size copying data behind its header is cheaper than sending them in two segments."""

_HELD_BYTES: Final = 512
"""The beginning of a request waits for what follows while it has fewer bytes."""

_FIRST_READ: Final = 64 * 1024
_LAST_WORD_SECONDS: Final = 1.0

_REPLY_TIMEOUTS: Final = 2
"""A reply has to be complete within this many timeouts, however few bytes of it arrive at a time."""


class FramedConnection:
    """A channel for as long as one user has it, and where it stands in the exchange.

    Args:
        channel: An open one that stands between two exchanges.
        reused: Whether it has been used before.
        release_to_pool: Takes the connection back when its user is done, and keeps or closes the channel.

    Attributes:
        peer: The server at the other end.
        channel: For the pool.
        was_dead: Whether it was a kept one whose other end turned out to be gone.
        stands_still_since: Since when, by the channel's clock, the user has not read on, where `on_demand` is set.
        on_demand: Called by the pool while others wait for a connection and this one's user stands still: the user then
            releases the connection, and asks for another one when it reads on.
    """

    def __init__(
        self, channel: Channel, peer: Peer, *, reused: bool, release_to_pool: Callable[["FramedConnection"], None]
    ) -> None:
        self.peer = peer
        self.channel = channel
        self.was_dead = False
        self.stands_still_since = inf
        self.on_demand: Callable[[], None] = _nothing
        self._reused = reused
        self._has_answered = False
        self._release_to_pool = release_to_pool
        self._framing = Framing()
        self._held = b""
        self._read_ahead = b""
        self._broken = False
        channel.allowance = 0.0

    @property
    def is_reusable(self) -> bool:
        """Whether it can carry another request."""
        return not self._broken and self._framing.phase is Phase.IDLE

    async def send(self, data: bytes | memoryview) -> None:
        """Send bytes of a request. The beginning is held back until more of it comes: one segment instead of two."""
        if self._broken:
            raise ConnectionFault(self.peer, "the connection is closed")
        if self._framing.phase is Phase.IDLE:
            self._begin_exchange()
        try:
            self._framing.sending(data)
        except FramingError as error:
            raise self._failed(ProtocolFault(self.peer, str(error))) from error
        if self._held:
            if len(data) > _JOINED_BYTES:
                await self._send_now(self._held)
            else:
                data = self._held + data
            self._held = b""
        if len(data) < _HELD_BYTES and self._framing.phase is Phase.SENDING:
            self._held = bytes(data)
        else:
            await self._send_now(data)

    async def begin_reply(self, *, allowance: float = 0.0) -> int:
        """Read the header of the reply, return the length of its body; raises `ServerRefusal` like `receive`.

        `allowance` are further seconds for a server that has much to do before it answers.
        """
        if self._framing.phase is not Phase.WAITING:
            raise self._failed(ProtocolFault(self.peer, "no reply is due"))
        self.channel.allowance = allowance
        await self._receive_header()
        self.channel.allowance = 0.0
        return self._framing.remaining

    def expect_content(self) -> None:
        """The rest of the reply is a file, which may take its time as long as it moves."""
        self.channel.unbound()

    async def receive(self, size: int) -> bytes:
        """Take 1 to `size` bytes of the reply: its ten-byte header first, whole, then its body.

        Raises:
            ServerRefusal: The reply's status is not 0.
        """
        if self._framing.phase is Phase.WAITING:
            return await self._receive_header()  # the ten bytes that aiofdfs asks for
        wanted = min(size, self._framing.remaining)
        if not wanted:
            raise self._failed(ProtocolFault(self.peer, "the reply has no more bytes"))
        if self._read_ahead:
            data, self._read_ahead = self._read_ahead[:wanted], self._read_ahead[wanted:]
        else:
            data = await self._receive_some(self.channel.receive, wanted)
        self._framing.received(len(data))
        return data

    async def receive_exactly(self, size: int) -> bytes:
        """Take that many bytes of the reply's body."""
        if size == len(self._read_ahead) == self._framing.remaining:  # all of a small reply arrived with its header
            data, self._read_ahead = self._read_ahead, b""
            self._framing.received(size)
            return data
        data = await self.receive(size)
        if len(data) == size:
            return data
        pieces = [data]
        missing = size - len(data)
        while missing:
            pieces.append(await self.receive(missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    async def receive_until_closed(self, size: int, *, allowance: float) -> bytes:
        """Take 1 to `size` bytes of a reply that ends when the server closes; empty when it has.

        `allowance` are further seconds for a server that has much to do before there is something to send.
        """
        if self._framing.phase is not Phase.RECEIVING:
            raise self._failed(ProtocolFault(self.peer, "the reply has an end of its own"))
        if self._read_ahead:
            return await self.receive(size)
        self.channel.allowance = allowance
        try:
            data = await self.channel.receive(size)
        except TimeoutError as error:
            raise self._failed(self._silent(reason(error))) from error
        except OSError as error:
            raise self._failed(self._broken_off(reason(error))) from error
        self._framing.received(len(data))
        return data

    def release(self) -> None:
        """Give the channel back to the pool, which keeps or closes it. A second call does not harm its next user."""
        self._release_to_pool(self)
        self._broken = True

    def abort(self) -> None:
        """Make the current user fail now; the pool closes the channel when it is released."""
        self._broken = True
        self.channel.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _begin_exchange(self) -> None:
        self.channel.unbound()
        # The pool checks a connection before handing it out; between two exchanges of one user this is the only check.
        if self._has_answered and self.channel.is_disturbed:
            raise self._failed(self._broken_off("it closed the connection, or sent more than was asked for"))

    async def _receive_header(self) -> bytes:
        channel = self.channel
        channel.bound(_REPLY_TIMEOUTS * channel.timeout + channel.allowance)
        came = self._read_ahead
        while len(came) < HEADER.size:
            came += await self._receive_some(channel.receive_next, _FIRST_READ)
            self._read_ahead = came
        header, body = came[: HEADER.size], came[HEADER.size :]
        self._read_ahead = body
        try:
            self._framing.reply_begins(header)
        except FramingError as error:
            raise self._failed(ProtocolFault(self.peer, str(error))) from error
        self._has_answered = True
        if len(body) > self._framing.remaining:
            raise self._failed(ProtocolFault(self.peer, "more bytes came than the reply's header announced"))
        if self._framing.status:
            # Not held by a name here: the traceback refers to this frame, so the error would refer to itself.
            raise self._refusal()
        return header

    def _refusal(self) -> Exception:
        refusal = ServerRefusal(self.peer, self._framing.status)
        return self._failed(refusal) if self._framing.is_lost else refusal

    async def _send_now(self, data: bytes | memoryview) -> None:
        try:
            await self.channel.send(data)
        except TimeoutError as error:
            raise self._failed(self._silent(reason(error))) from error
        except OSError as error:
            await self._hear_last_word()
            raise self._failed(self._broken_off(reason(error))) from error

    async def _receive_some(self, receive: Callable[[int], Awaitable[bytes]], size: int) -> bytes:
        try:
            data = await receive(size)
        except TimeoutError as error:
            raise self._failed(self._silent(reason(error))) from error
        except OSError as error:
            raise self._failed(self._broken_off(reason(error))) from error
        if not data:
            raise self._failed(self._broken_off("it closed the connection"))
        return data

    async def _hear_last_word(self) -> None:
        """A server that rejects a request in the middle of its body says why before it resets the connection."""
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                reply = await self.channel.receive(HEADER.size)
        except (TimeoutError, OSError):
            return
        if len(reply) == HEADER.size:
            _, command, status = HEADER.unpack(reply)
            if command == REPLY_COMMAND and status:
                raise self._failed(ServerRefusal(self.peer, status))

    def _broken_off(self, reason: str) -> ConnectionFault:
        if self._framing.phase is Phase.RECEIVING:
            reason = f"{reason}, {self._framing.remaining} bytes before the end of its reply"
        elif self._read_ahead:
            reason = f"{reason} in the middle of the header of its reply"
        fault = self._silent(reason)
        # Closed between two requests, as servers may: it was alive, so no other connection is suspect, but repeatable
        # work goes on over a new one.
        fault.stale = fault.stale or (self._has_answered and not self._reply_has_begun)
        return fault

    def _silent(self, reason: str) -> ConnectionFault:
        self.was_dead = self._reused and not self._has_answered and not self._reply_has_begun
        return ConnectionFault(self.peer, reason, stale=self.was_dead)

    @property
    def _reply_has_begun(self) -> bool:
        return self._framing.phase is Phase.RECEIVING or bool(self._read_ahead)

    def _failed(self, fault: Fault) -> Fault:
        self._broken = True
        return fault


def _nothing() -> None:
    """Most users need their connection until they are done."""

"""One connection: a request goes out, its answer comes in, and again."""

import asyncio
import ssl
from typing import Final, cast

from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, NoResponseInTime, NotHttp
from s3py_helper.adapters.s3.http.parsing import ResponseParser
from s3py_helper.adapters.s3.http.payload import Payload

_HELD_AT_MOST: Final = 512 * 1024
"""So many bytes wait for a slow reader, and one more read of the event loop's, before the sender is held up."""

_JOINED_UP_TO: Final = 64 * 1024
"""Bodies of up to so many bytes go out together with the head: copying them costs less than a second system call."""

_ENCRYPTED_AT_ONCE: Final = 256 * 1024
"""Encrypting so many bytes takes 0.1 ms."""


class HttpConnection(asyncio.Protocol):
    """Carries one exchange at a time, for one task at a time: `ask`, then `read` until nothing comes, then `finish`.

    A body is handed to the socket as it is, in views: it keeps its place in memory until it is sent, and is not copied.
    What TLS encrypts are copies, so those are made piece by piece. An answer that comes before everything was sent is
    taken; the connection carries no other exchange then.

    Args:
        read_timeout: Seconds without a byte sent or received after which an exchange counts as failed. A server that
            takes no bytes is noticed after twice as long at the latest.

    Attributes:
        lost: Done when the socket is closed.
        exchanges: Requests so far.
        idle_since: When the last exchange was finished, by the event loop's clock.
    """

    def __init__(self, read_timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost = self._loop.create_future()
        self.exchanges = 0
        self.idle_since = 0.0
        self._read_timeout = read_timeout
        self._transport: asyncio.Transport | None = None
        self._response: ResponseParser | None = None
        self._fault: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._encrypts = False
        self._full = False
        self._paused = False
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._unsent = 0

    # What whoever holds the connection calls.

    async def ask(self, head: bytes, body: Payload, *, bodyless: bool) -> ResponseParser:
        """Send a request; gives its answer as soon as status and headers are there.

        Raises:
            HttpFault: No answer came.
            OSError: The network failed.
        """
        response = self._response = ResponseParser(bodyless=bodyless)
        self.exchanges += 1
        if body.size <= _JOINED_UP_TO:
            self._open_transport().write(b"".join((head, *body.chunks)))
        elif self._encrypts:
            await self._send_in_pieces(head, body, response)
        else:
            self._open_transport().writelines((head, *body.chunks))
        while not response.has_head:
            await self._wait()
        return response

    async def read(self) -> bytes:
        """The next bytes of the answer's body, none at its end; raises as `ask` does."""
        response = self._current()
        while not response.chunks:
            if response.complete:
                return b""
            await self._wait()
        chunk = response.chunks.popleft()
        response.held -= len(chunk)
        if self._paused and response.held < _HELD_AT_MOST:
            self._paused = False
            self._made_transport().resume_reading()
        return chunk

    def finish(self) -> bool:
        """End the exchange, wherever it is; gives whether the connection can carry another one, else it is closed."""
        response, self._response = self._response, None
        transport = self._transport
        if (
            response is None
            or not (response.complete and response.keeps_alive)
            or transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            self.abort()
            return False
        if self._paused:
            self._paused = False
            transport.resume_reading()
        self.idle_since = self._loop.time()
        return True

    @property
    def is_alive(self) -> bool:
        """Whether the other side has not closed it, as far as is known."""
        return self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        """Close it at once, whatever is on its way."""
        if self._transport is not None:
            self._transport.abort()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Go on encrypted, to whom CONNECT has led: its answer has no end, what follows is the other side's."""
        self._response = None
        plain = self._made_transport()
        self._transport = await self._loop.start_tls(plain, self, context, server_hostname=host)
        self._encrypts = True

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._encrypts = transport.get_extra_info("sslcontext") is not None

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            # Nothing was asked: a farewell, or bytes that would be taken for the next answer.
            self.abort()
            return
        try:
            response.feed(data)
        except NotHttp as error:
            self._fault = error
            self.abort()
        if response.held > _HELD_AT_MOST and not response.complete and not self._paused:
            self._paused = True
            self._made_transport().pause_reading()
        self._deadline = self._loop.time() + self._read_timeout
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._fault is None and self._response is not None:
            self._fault = _fault_of(self._response, exc)
        self._wake()
        if not self.lost.done():
            self.lost.set_result(None)

    # Sending and waiting.

    async def _send_in_pieces(self, head: bytes, body: Payload, response: ResponseParser) -> None:
        self._open_transport().write(head)
        for piece in body.pieces(_ENCRYPTED_AT_ONCE):
            while self._full and not response.has_head:
                await self._wait()
            if response.has_head:
                # The rest of the body would be taken for the next request.
                response.keeps_alive = False
                return
            self._open_transport().write(piece)

    async def _wait(self) -> None:
        """Until something has happened that may be what the caller waits for."""
        if self._fault is not None:
            raise self._fault
        self._deadline = self._loop.time() + self._read_timeout
        self._unsent = self._made_transport().get_write_buffer_size()
        if self._watch is None:
            self._watch = self._loop.call_at(self._deadline, self._check_progress)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check_progress(self) -> None:
        """One timer for all waits: setting and cancelling one for each would cost more than the wait itself."""
        self._watch = None
        if self._waiter is None or self._waiter.done():
            return
        now = self._loop.time()
        unsent = self._made_transport().get_write_buffer_size()
        if unsent < self._unsent:
            self._deadline = now + self._read_timeout
        self._unsent = unsent
        if now < self._deadline:
            self._watch = self._loop.call_at(self._deadline, self._check_progress)
            return
        self._fault = NoResponseInTime()
        self.abort()
        self._wake()

    def _current(self) -> ResponseParser:
        if self._response is None:
            raise RuntimeError("nothing was asked")
        return self._response

    def _open_transport(self) -> asyncio.Transport:
        transport = self._made_transport()
        if transport.is_closing():
            raise self._fault or Disconnected()
        return transport

    def _made_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("the connection was never made")
        return self._transport


def _fault_of(response: ResponseParser, error: Exception | None) -> Exception | None:
    """What the end of the connection means for the answer; `None` when it is complete."""
    try:
        response.feed_end()
    except Disconnected as fault:
        return error or fault
    except BrokenOff as fault:
        fault.__cause__ = error
        return fault
    return None

"""One connection: requests go out and responses come in, one exchange after the other."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, EarlySuccess, NotHttp
from s3py_helper.adapters.s3.http.parsing import ResponseParser
from s3py_helper.adapters.s3.http.patience import Patience
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.sending import Sending
from s3py_helper.adapters.s3.http.socket_state import poll_for_input, reset_when_closed, unread
from s3py_helper.adapters.s3.http.tls_layer import TlsLayer

HELD_AT_MOST: Final = 512 * 1024
"""Bytes that may wait for a slow reader, beside one more read of the event loop's, before the sender is held up."""

_JOINED_UP_TO: Final = 64 * 1024
"""Bodies of up to this size are sent together with the head: copying them costs less than a second system call."""

_SALVAGED_AT_MOST: Final = 256 * 1024
"""More than any response that comes while a body is being sent."""

_DRAINED_AT_MOST: Final = 64 * 1024
"""Keeping a connection is worth reading this many bytes, and one more read of the event loop's."""

_SLOWEST_STORING: Final = 16 * 1024 * 1024
"""Bytes per second: how much longer a server may take that has to store a large body."""

_FIRST_REFUSAL: Final = 300


class HttpConnection(asyncio.Protocol):
    """Carries one exchange at a time, for one task at a time: `ask`, then `receive` until complete, then `finish`.

    A body is handed to the socket in views, without a copy: it must stay unchanged until it is sent. TLS encrypts into
    copies, so those are made piece by piece.

    A response that arrives before the whole request has been sent is accepted as a refusal, and proves nothing as a
    success. Either way the connection carries no other exchange.

    Args:
        connected: The socket; the connection's transport owns it.
        read_timeout: Seconds. The head of a response has to be complete this long after the request was sent; later,
            something has to come in so often.
        stall_timeout: The same for a request with a large body, where that is shorter: counted from the last bytes that
            the server has taken, with a second more for every 16 MiB, and known to a quarter.

    Attributes:
        lost: Done when the socket is closed.
        idle_since: When something was sent or received last, by `time.monotonic`.
        on_complete: Called once when the response under way is complete.
    """

    def __init__(self, connected: socket.socket, read_timeout: float, stall_timeout: float) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.idle_since = 0.0
        self.on_complete: Callable[[], None] | None = None
        self._socket = connected
        self._input = poll_for_input(connected)
        self._stall_timeout = stall_timeout
        self._patience = Patience(read_timeout, self._has_moved, self.abort)
        self._transport: asyncio.Transport | None = None
        self._tls: TlsLayer | None = None
        self._response: ResponseParser | None = None
        self._paused = False
        self._early = False
        self._ended = False
        self._sending: Sending | None = None

    # For the holder of the connection.

    async def ask(self, head: bytes, body: Payload, *, bodyless: bool) -> ResponseParser:
        """Send a request; returns its response as soon as status and headers are there.

        Raises:
            HttpFault: No response came.
            OSError: The network failed.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise self._patience.fault or Disconnected()
        response = self._response = ResponseParser(bodyless=bodyless)
        if body.size > _JOINED_UP_TO:
            self._patience.hurry(self._stall_timeout + body.size / _SLOWEST_STORING)
            self._patience.renew()
            self._sending = Sending(transport, self._socket)
            await self._sending.send(head, body, self._tls, self._patience)
        else:
            self._patience.renew()
            data = b"".join((head, *body.chunks)) if body.size else head
            transport.write(data if self._tls is None else self._tls.encrypt(data))
        while not response.has_head:
            await self._patience.wait()
        if self._early and response.status < _FIRST_REFUSAL:
            raise EarlySuccess
        return response

    async def receive(self) -> None:
        """Return when more of the response has arrived; raises as `ask` does."""
        self._patience.renew()
        await self._patience.wait()

    def relieve(self) -> None:
        """Resume receiving if it was suspended; to be called when bytes of the response have been taken."""
        if self._paused and self._response is not None and self._response.held < HELD_AT_MOST:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()

    def finish(self) -> bool:
        """End the exchange if the connection can carry another one now; returns whether it can."""
        response, transport = self._response, self._transport
        if (
            response is None
            or not response.complete
            or not response.keeps_alive
            or self._early
            or self._paused
            or transport is None
            or transport.is_closing()
        ):
            return False
        self._response = self.on_complete = None
        self.idle_since = self._patience.last_progress
        return True

    def drain(self, then: Callable[[], None]) -> bool:
        """Receive and drop the rest of the response, so that the connection can be kept; call `then` at its end.

        Returns:
            Whether there is a rest, and it may be short enough; otherwise nothing happens.
        """
        response = self._response
        if (
            response is None
            or not response.has_head
            or response.complete
            or self._early
            or not self.is_alive
            or not response.drop(_DRAINED_AT_MOST)
        ):
            return False
        self.on_complete = then
        self.relieve()
        return True

    def give_up(self) -> None:
        """End the exchange, wherever it is, and the connection with it."""
        self.abort()
        response, self._response = self._response, None
        self.on_complete = None
        self._stop_sending()
        if response is not None and not response.complete:
            response.abandon()

    @property
    def is_alive(self) -> bool:
        """Whether the other side has not closed it, as far as is known."""
        return self._transport is not None and not self._transport.is_closing()

    def has_input(self) -> bool:
        """Whether something has arrived that the event loop has not seen yet: surplus, or the other side's goodbye."""
        return bool(self._input.poll(0))

    def abort(self) -> None:
        """Close it at once, and drop what is unsent: the kernel would otherwise go on sending the rest of a body."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._response is not None and (self._early or not self._response.complete):
            reset_when_closed(self._socket)
        self._transport.abort()

    def sever(self) -> None:
        """Close the socket without the event loop, which is gone or belongs to another process."""
        self._socket.close()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Switch to TLS, inside the TLS there is, if any.

        Raises:
            ssl.SSLError: The other side is not trusted, or does not speak TLS as expected.
            HttpFault: The other side closed the connection.
            OSError: The network failed.
        """
        self._response = None
        self._tls = layer = TlsLayer(context, host, self._tls)
        self._patience.renew()
        self.data_received(b"")
        while not layer.established:
            await self._patience.wait()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        if self._sending is not None:
            self._sending.full = True

    def resume_writing(self) -> None:
        if self._sending is not None:
            self._sending.full = False
            self._patience.wake()

    def data_received(self, data: bytes) -> None:
        if self._tls is not None and not (data := self._decrypted(self._tls, data)):
            return
        response = self._response
        if response is None:
            # Unsolicited: the other side's goodbye, or bytes that would be taken for the next response.
            self.abort()
            return
        had_head = response.has_head
        try:
            response.feed(data)
        except NotHttp as error:
            self._patience.fault = error
            self.abort()
        if response.has_head:
            if not had_head:
                self._note_head()
            if not response.complete:
                self._bound(response)
            elif self.on_complete is not None:
                self._tell_if_complete()
        self._patience.wake()

    def eof_received(self) -> None:
        # Over TLS this proves nothing: anybody in between could have cut it here.
        self._ended = self._tls is None
        # Not `close`, which would first try to send the rest of a body, to nobody.
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self._response is not None and not self._response.complete:
            # Sending has failed, but there may be a response that says why.
            for data in unread(self._socket, _SALVAGED_AT_MOST):
                self.data_received(data)
        fault = self._fault_at_end(exc)
        self._patience.fault = self._patience.fault or fault
        self._tell_if_complete()
        self._patience.stop()
        if not self.lost.done():
            self.lost.set_result(None)

    # Receiving.

    def _decrypted(self, tls: TlsLayer, data: bytes) -> bytes:
        plain = tls.receive(data)
        if (out := tls.outgoing()) and self._transport is not None and self.is_alive:
            self._transport.write(out)
        if tls.error is not None or tls.ended:
            self._patience.fault = self._patience.fault or tls.error
            self._ended = tls.ended
            self.abort()
        if not plain:
            self._patience.wake()
        return plain

    def _note_head(self) -> None:
        buffered = self._transport is not None and self._transport.get_write_buffer_size()
        self._early = bool(buffered or (self._sending is not None and self._sending.unsent))
        if self._sending is not None:
            self._patience.relax()
            self._stop_sending()

    def _bound(self, response: ResponseParser) -> None:
        """Bound what waits for its reader, and what is dropped."""
        self._patience.renew()
        if response.dropped > _DRAINED_AT_MOST:
            self.abort()
        elif response.held > HELD_AT_MOST and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _tell_if_complete(self) -> None:
        if self.on_complete is not None and self._response is not None and self._response.complete:
            notify, self.on_complete = self.on_complete, None
            notify()

    def _fault_at_end(self, error: Exception | None) -> Exception | None:
        """What the end of the connection means for the response under way; `None` when that is complete."""
        if self._response is None:
            return error or Disconnected()
        try:
            self._response.feed_end(orderly=self._ended)
        except Disconnected as fault:
            return error or fault
        except BrokenOff as fault:
            fault.__cause__ = error
            return fault
        return None

    # Sending.

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.stop()
            self._sending = None

    def _has_moved(self) -> bool:
        return self._sending is not None and self._sending.has_moved()

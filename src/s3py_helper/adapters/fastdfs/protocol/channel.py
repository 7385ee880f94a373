"""A TCP socket with deadlines, cheap enough for exchanges that take a tenth of a millisecond.

Not asyncio's streams: a storage server that rejects an upload replies and resets the connection while the body is still
being sent. A plain socket still has the reply after a failed send; a stream's transport has thrown it away by then.
Not `loop.sock_recv` within `asyncio.timeout` either: registering with the selector and setting a timer anew for each
wait costs more than the rest of the exchange. Here both stay in place while the socket is in use.
"""

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import Awaitable
from math import inf
from time import monotonic
from typing import Final

_SENT_AT_ONCE: Final = 256 * 1024
"""The deadline of a wait covers a piece of this size, so that a slow server is not taken for a dead one."""

_CALLS_AT_A_STRETCH: Final = 16

_LEAST_BYTES: Final = 16 * 1024
_LONGEST_WINDOW: Final = 60.0
_WINDOW_TIMEOUTS: Final = 10


class _Expired(Exception):
    """A deadline has passed. Not `TimeoutError`, which the system raises for connections that it gives up."""


class Channel:
    """Sends and receives; one task at a time.

    What the system reports is an `OSError`. A `TimeoutError`, whose text says what did not happen, is raised when a
    wait takes longer than `timeout` seconds, when the bound set by `bound` is reached, and when the other end moves
    fewer than 16 KiB while ten timeouts, at most 60 s, are spent waiting: a byte now and then would otherwise hold a
    caller for ever.

    Attributes:
        timeout: Seconds for each wait.
        allowance: Further seconds for the next waits, where the other end has much to do before it answers.
        is_disturbed: Whether bytes, or the end of the stream, have arrived since the last receive.
    """

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        # Also reports the end of the stream. Trying to read instead takes six times as long, because that raises.
        self._input = select.poll()
        self._input.register(self._fd, select.POLLIN)
        self.timeout = timeout
        self.allowance = 0.0
        self.is_disturbed = False
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[bytes] | None = None
        self._wanted = 0
        self._watched = False
        self._deadline = 0.0
        self._limit = inf
        self._limit_from_now = 0.0
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._at_a_stretch = 0
        self._window = max(timeout, min(_WINDOW_TIMEOUTS * timeout, _LONGEST_WINDOW))
        self._waited = 0.0
        self._moved = 0
        self._process = os.getpid()

    def now(self) -> float:
        """The event loop's clock."""
        return self._loop.time()

    def bound(self, seconds: float) -> None:
        """Bound all waits from the next one on, taken together: for what is small, however slowly it arrives."""
        self._limit_from_now = seconds

    def unbound(self) -> None:
        """Lift that bound: what arrives may take its time, as long as it moves."""
        self._limit, self._limit_from_now = inf, 0.0

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        view = memoryview(data)
        waited = False
        while view:
            try:
                sent = self._socket.send(view[:_SENT_AT_ONCE])
            except BlockingIOError:
                await self._writable()
                waited = True
            else:
                view = view[sent:]
                if waited:
                    waited = False
                    self._account(sent, "took")
                if self._has_run_for_long():
                    await asyncio.sleep(0)

    async def receive(self, size: int) -> bytes:
        """1 to `size` bytes; empty when the other end has closed."""
        self.is_disturbed = False
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            data = await self.receive_next(size)
            if data:
                self._account(len(data), "sent")
            return data
        if self._has_run_for_long():
            await asyncio.sleep(0)
        return data

    def receive_next(self, size: int) -> Awaitable[bytes]:
        """The same for bytes that cannot have arrived yet: saves an attempt to read."""
        if not self._watched:
            self._loop.add_reader(self._fd, self._on_readable)
            self._watched = True
        self._wanted = size
        return self._wait("sent")

    def is_quiet(self) -> bool:
        """Whether the other end is still there, and has sent nothing unsolicited, such as a late reply."""
        return not self._input.poll(0)

    def abort(self) -> None:
        """Make the waiting task fail now; it closes the channel itself."""
        with contextlib.suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Release the socket and what watches it."""
        # A forked process shares the selector with its parent, and a loop that has ended has none.
        if self._process == os.getpid() and not self._loop.is_closed():
            self._unwatch()
            if self._timer is not None:
                self._timer.cancel()
        self._timer = None
        self._socket.close()

    async def _writable(self) -> None:
        self._unwatch()  # a reply that arrives early must not wake the sender again and again
        self._loop.add_writer(self._fd, self._on_writable)
        try:
            await self._wait("took")
        finally:
            self._loop.remove_writer(self._fd)

    def _has_run_for_long(self) -> bool:
        # A peer as fast as this loop would never make it wait, and so stop everything else.
        self._at_a_stretch += 1
        return self._at_a_stretch % _CALLS_AT_A_STRETCH == 0

    async def _wait(self, verb: str) -> bytes:
        self._waiter = self._loop.create_future()
        self._at_a_stretch = 0
        self._began = monotonic()
        if self._limit_from_now:
            self._limit, self._limit_from_now = self._began + self._limit_from_now, 0.0
        self._deadline = min(self._began + self.timeout + self.allowance, self._limit)
        if self._timer is None or self._timer_at > self._deadline:
            self._set_timer()
        try:
            return await self._waiter
        except _Expired as expired:
            if self._deadline == self._limit:
                raise TimeoutError("did not finish its reply in time") from expired
            raise TimeoutError(f"{verb} no byte within {self.timeout + self.allowance:g} s") from expired
        finally:
            self._waiter = None

    def _account(self, size: int, verb: str) -> None:
        self._moved += size
        self._waited += monotonic() - self._began
        if self._waited > self._window + self.allowance:
            if self._moved < _LEAST_BYTES:
                raise TimeoutError(f"{verb} only {self._moved} bytes in {self._waited:.0f} s")
            self._moved, self._waited = 0, 0.0

    def _on_readable(self) -> None:
        # Without a waiter, the consumer is busy with what it has, or the connection is idle and was closed by the peer.
        if self._waiter is None:
            self.is_disturbed = not self.is_quiet()  # what was reported may have been read since
            self._unwatch()
        elif not self._waiter.done():
            # Read here and not in the waiting task: until that runs, the selector would report the bytes once more.
            try:
                self._waiter.set_result(self._socket.recv(self._wanted))
            except BlockingIOError:
                pass
            except OSError as error:
                self._waiter.set_exception(error)

    def _on_writable(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(b"")

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self._loop.call_later(self._deadline - monotonic(), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if monotonic() >= self._deadline:
            self._waiter.set_exception(_Expired())
        else:
            self._set_timer()

    def _unwatch(self) -> None:
        if self._watched:
            self._loop.remove_reader(self._fd)
            self._watched = False


def reason(error: OSError) -> str:
    """What the system says about an error, without its number."""
    return error.strerror or str(error) or type(error).__name__

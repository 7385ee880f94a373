"""A TCP socket with deadlines, cheap enough for exchanges that take a tenth of a millisecond.

Not asyncio's streams: a storage server that rejects an upload answers and resets the connection while the body is still
being sent. A plain socket still gives the answer after a failed send, a stream's transport has thrown it away by then.
Not `loop.sock_recv` within `asyncio.timeout` either: registering with the selector and setting a timer anew for each
wait costs more than the rest of the exchange. Here both stay in place while the socket is in use.
"""

import asyncio
import contextlib
import socket
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import connected_socket

_SENT_AT_ONCE: Final = 256 * 1024
"""A deadline holds for a piece of this size, so that a slow server is not taken for a dead one."""

_CALLS_AT_A_STRETCH: Final = 16


class Channel:
    """Sends and receives; one task at a time.

    A wait that takes longer than `timeout` seconds raises `TimeoutError`, what the system reports is an `OSError`.
    """

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self.timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[bytes] | None = None
        self._wanted = 0
        self._watched = False
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._at_a_stretch = 0

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        view = memoryview(data)
        while view:
            try:
                sent = self._socket.send(view[:_SENT_AT_ONCE])
            except BlockingIOError:
                await self._writable()
            else:
                view = view[sent:]
                if self._has_run_for_long():
                    await asyncio.sleep(0)

    async def receive(self, size: int) -> bytes:
        """1 to `size` bytes; none when the other end has closed."""
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            return await self.receive_next(size)
        if self._has_run_for_long():
            await asyncio.sleep(0)
        return data

    async def receive_next(self, size: int) -> bytes:
        """The same, for what is surely still on its way: saves an attempt."""
        if not self._watched:
            self._loop.add_reader(self._fd, self._on_readable)
            self._watched = True
        self._wanted = size
        return await self._wait()

    def is_quiet(self) -> bool:
        """Whether the other end is still there, and nothing came in unasked, as a late answer would."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """Make whoever waits fail now; somebody else closes."""
        with contextlib.suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give everything back."""
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._socket.close()

    async def _writable(self) -> None:
        self._unwatch()  # an answer that comes early must not wake the sender again and again
        self._loop.add_writer(self._fd, self._on_writable)
        try:
            await self._wait()
        finally:
            self._loop.remove_writer(self._fd)

    def _has_run_for_long(self) -> bool:
        # A peer as fast as this loop would never make it wait, and so stop everything else.
        self._at_a_stretch += 1
        return self._at_a_stretch % _CALLS_AT_A_STRETCH == 0

    async def _wait(self) -> bytes:
        self._waiter = self._loop.create_future()
        self._at_a_stretch = 0
        self._deadline = self._loop.time() + self.timeout
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._on_timer)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _on_readable(self) -> None:
        # Nobody waits: the consumer is busy with what it has, or the connection idle and closed by the other end.
        if self._waiter is None:
            self._unwatch()
        elif not self._waiter.done():
            # Read here, and not in the task that waits: until that one runs, the selector would report it once more.
            try:
                self._waiter.set_result(self._socket.recv(self._wanted))
            except BlockingIOError:
                pass
            except OSError as error:
                self._waiter.set_exception(error)

    def _on_writable(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(b"")

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() >= self._deadline:
            self._waiter.set_exception(TimeoutError())
        else:
            self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _unwatch(self) -> None:
        if self._watched:
            self._loop.remove_reader(self._fd)
            self._watched = False


async def connect(address: Address, *, connect_timeout: float, network_timeout: float) -> Channel:
    """A channel to the first of the host's addresses that accepts; raises `TimeoutError` or `OSError`."""
    async with asyncio.timeout(connect_timeout):
        return Channel(await connected_socket(address), network_timeout)


def reason(error: OSError) -> str:
    """What the system says of an error, without the number."""
    return error.strerror or str(error) or type(error).__name__

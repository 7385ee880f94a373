"""Sending what lies in files past the transport, so that no byte of it is copied into this process."""

import asyncio
import os
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

from s3py_helper.application.ports.region import Region


class SocketSender:
    """Sends over one connection without TLS.

    Args:
        loop: The loop that the connection belongs to.
        transport: The connection.
        flow: Told by the transport's protocol whether its buffer is full.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, flow: FlowControl) -> None:
        self._loop: Final = loop
        self._transport: Final = transport
        self._flow: Final = flow
        self._sending: _Sending | None = None

    async def send(self, region: Region) -> bool:
        """Return when the system has all bytes, or the connection is closed; whether that took waiting.

        Raises:
            StorageException: The bytes are not there any more.
        """
        if self._transport.get_write_buffer_size():
            # What comes before must have left the transport.
            self._transport.set_write_buffer_limits(0)
            await self._flow.drain()
            self._transport.set_write_buffer_limits()
        if self._transport.is_closing():
            return True
        sending = _Sending(self._transport, region)
        if sending.go_on():
            return False
        # Loops do not let others watch the descriptor of a transport.
        descriptor = os.dup(sending.socket)
        self._sending = sending
        try:
            self._loop.add_writer(descriptor, sending.when_there_is_room)
            await sending.done
        finally:
            self._sending = None
            self._loop.remove_writer(descriptor)
            os.close(descriptor)
        return True

    def connection_lost(self) -> None:
        """Have `send` return."""
        if self._sending is not None:
            self._sending.end()


class _Sending:
    """One region on its way. It goes on in callbacks: waking all coroutines of a request takes longer than sending."""

    def __init__(self, transport: asyncio.Transport, region: Region) -> None:
        self.socket: Final[int] = transport.get_extra_info("socket").fileno()
        self.done: Final[asyncio.Future[None]] = asyncio.get_running_loop().create_future()
        self._transport = transport
        self._region = region
        self._sent = 0

    def go_on(self) -> bool:
        """Send what the system takes at once; whether nothing is left to do.

        Once: to a client that takes all at once it would go on for long, while others wait.

        Raises:
            StorageException: The bytes are not there any more.
        """
        try:
            self._sent += self._region.send(self.socket, self._sent)
        except BlockingIOError:
            return False
        except OSError:
            # The other end is gone; the transport tells its protocol.
            self._transport.abort()
            return True
        return self._sent >= self._region.size

    def when_there_is_room(self) -> None:
        """Go on."""
        if self.done.done():
            return
        try:
            if self._transport.is_closing() or self.go_on():
                self.end()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whom waits for the region
            self.done.set_exception(error)

    def end(self) -> None:
        """Have nobody wait any more."""
        if not self.done.done():
            self.done.set_result(None)

"""One connection to a tracker or storage server that cannot lose its place.

It is what aiofdfs' clients get instead of their own `AsyncConnection`: `send` and `receive` are all they call. The
rules: a connection goes back to its pool only between a whole reply and the next request; every wait has a deadline; a
reply that ends early is an error and never an empty chunk; a status other than 0 is raised as soon as it is there.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.fastdfs.faults import ConnectionFault, Fault, Peer, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.framing import HEADER, Framing, FramingError, Phase
from s3py_helper.adapters.fastdfs.sockets import connected_socket, is_quiet

_JOINED_BYTES: Final = 64 * 1024
"""Up to here it is cheaper to copy a header in front of its data than to send it in a segment of its own."""

_HELD_BYTES: Final = 512
"""So little of an unfinished request waits for what follows."""

_SENT_AT_ONCE: Final = 256 * 1024
"""A deadline holds for a piece of this size, so that a slow server is not taken for a dead one."""

_FIRST_READ: Final = 64 * 1024
_LAST_WORD_SECONDS: Final = 1.0


class FramedConnection:
    """A socket, and where it stands in the exchange.

    Attributes:
        peer: The server at the other end.
        reused: Whether an earlier exchange has already succeeded on it.
    """

    def __init__(
        self, sock: socket.socket, peer: Peer, timeout: float, give_back: Callable[["FramedConnection"], None]
    ) -> None:
        self.peer = peer
        self.reused = False
        self._socket = sock
        self._timeout = timeout
        self._give_back = give_back
        self._framing = Framing()
        self._held = b""
        self._read_ahead = b""
        self._broken = False
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls,
        peer: Peer,
        *,
        connect_timeout: float,
        network_timeout: float,
        give_back: Callable[["FramedConnection"], None],
    ) -> Self:
        """Connect; raises `ConnectionFault` when that fails or takes too long."""
        try:
            async with asyncio.timeout(connect_timeout):
                sock = await connected_socket(peer.address)
        except TimeoutError as error:
            raise ConnectionFault(peer, f"no connection within {connect_timeout:g} s") from error
        except OSError as error:
            raise ConnectionFault(peer, f"no connection: {_reason(error)}") from error
        return cls(sock, peer, network_timeout, give_back)

    @property
    def remaining(self) -> int:
        """Bytes of the reply that have not been taken."""
        return self._framing.remaining

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow."""
        return not self._broken and self._framing.phase is Phase.IDLE and not self._read_ahead and not self._held

    def is_alive(self) -> bool:
        """Whether an idle connection is still good, as far as that can be seen without sending."""
        return is_quiet(self._socket)

    async def send(self, data: bytes | memoryview) -> None:
        """Send bytes of a request. The beginning is held back until more of it comes: one segment instead of two."""
        self._account(data)
        if self._framing.phase is Phase.SENDING and len(self._held) + len(data) < _HELD_BYTES:
            self._held += data
            return
        held, self._held = self._held, b""
        if held and len(data) <= _JOINED_BYTES:
            data, held = held + data, b""
        if held:
            await self._send_now(memoryview(held))
        await self._send_now(memoryview(data))

    async def receive(self, size: int) -> bytes:
        """Take 1 to `size` bytes of the reply: its ten-byte header first, whole, then its body.

        Raises:
            ServerRefusal: The reply's status is not 0.
        """
        if self._framing.phase is Phase.WAITING:
            return await self._receive_header()
        wanted = min(size, self._framing.remaining)
        if not wanted:
            raise self._failed(ProtocolFault(self.peer, "the reply has no more bytes"))
        if self._read_ahead:
            data, self._read_ahead = self._read_ahead[:wanted], self._read_ahead[wanted:]
        else:
            data = await self._receive_some(wanted)
        self._framing.received(len(data))
        return data

    async def receive_exactly(self, size: int) -> bytes:
        """Take that many bytes of the reply's body."""
        pieces: list[bytes] = []
        while size:
            pieces.append(await self.receive(size))
            size -= len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def release(self) -> None:
        """Give it back to its pool, which keeps it or closes it."""
        self._give_back(self)

    def close(self) -> None:
        """Close it; for the pool, once nobody uses it."""
        self._broken = True
        self._socket.close()

    def abort(self) -> None:
        """Make whoever uses it fail now, and its pool close it then."""
        self._broken = True
        with contextlib.suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def _receive_header(self) -> bytes:
        data = self._read_ahead
        while len(data) < HEADER.size:
            data += await self._receive_some(_FIRST_READ)
        header, self._read_ahead = data[: HEADER.size], data[HEADER.size :]
        try:
            self._framing.reply_begins(header)
        except FramingError as error:
            raise self._failed(ProtocolFault(self.peer, str(error))) from error
        if len(self._read_ahead) > self._framing.remaining:
            raise self._failed(ProtocolFault(self.peer, "more bytes came than the reply's header announced"))
        self._broken = self._framing.lost_by_refusal
        if self._framing.status:
            raise ServerRefusal(self.peer, self._framing.status)
        return header

    def _account(self, data: bytes | memoryview) -> None:
        if self._broken:
            raise ConnectionFault(self.peer, "the connection is closed")
        try:
            self._framing.sending(data)
        except FramingError as error:
            raise self._failed(ProtocolFault(self.peer, str(error))) from error

    async def _send_now(self, data: memoryview) -> None:
        for start in range(0, len(data), _SENT_AT_ONCE):
            try:
                async with asyncio.timeout(self._timeout):
                    await self._loop.sock_sendall(self._socket, data[start : start + _SENT_AT_ONCE])
            except TimeoutError as error:
                raise self._failed(ConnectionFault(self.peer, f"took no byte within {self._timeout:g} s")) from error
            except OSError as error:
                await self._hear_last_word()
                raise self._failed(self._broken_off(_reason(error))) from error

    async def _receive_some(self, size: int) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                data = await self._loop.sock_recv(self._socket, size)
        except TimeoutError as error:
            raise self._failed(ConnectionFault(self.peer, f"sent no byte within {self._timeout:g} s")) from error
        except OSError as error:
            raise self._failed(self._broken_off(_reason(error))) from error
        if not data:
            raise self._failed(self._broken_off("it closed the connection"))
        return data

    async def _hear_last_word(self) -> None:
        """A server that rejects a request in the middle of its body says why before it resets the connection."""
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                answer = await self._loop.sock_recv(self._socket, HEADER.size)
        except (TimeoutError, OSError):
            return
        if len(answer) == HEADER.size and (status := answer[-1]):
            raise self._failed(ServerRefusal(self.peer, status))

    def _broken_off(self, reason: str) -> ConnectionFault:
        begun = self._framing.phase is Phase.RECEIVING or bool(self._read_ahead)
        left = f", {self._framing.remaining} bytes before the end of its reply" if begun else ""
        return ConnectionFault(self.peer, f"{reason}{left}", stale=self.reused and not begun)

    def _failed(self, fault: Fault) -> Fault:
        self._broken = True
        return fault


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__

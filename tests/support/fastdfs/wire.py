"""The server's end of one TCP connection."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final

from tests.support.fastdfs.exchange import Request
from tests.support.fastdfs.protocol import Header

_ESTABLISHED: Final = 1
_POLL_SECONDS: Final = 0.01
_LINGER_NOT_AT_ALL: Final = struct.pack("ii", 1, 0)


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_forgotten = False

    @property
    def is_open(self) -> bool:
        return not self._writer.transport.is_closing()

    async def next_request(self) -> Request | None:
        """None where the peer has left or speaks of a negative length."""
        try:
            header = Header.decode(await self._reader.readexactly(Header.FORMAT.size))
        except asyncio.IncompleteReadError:
            return None
        return Request(header, self._reader) if header.length >= 0 else None

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """Bytes of the peer that were not read turn this into a reset, as for every TCP server."""
        self._pause_reading()
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def reset(self) -> None:
        """Send what is still buffered, then RST."""
        await self._flushed()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self.abort()

    async def fall_silent(self) -> None:
        """Neither read nor write until the peer has left; then close."""
        self._pause_reading()
        while self._peer_is_there():
            await asyncio.sleep(_POLL_SECONDS)
        self.abort()

    def _pause_reading(self) -> None:
        transport = self._writer.transport
        if isinstance(transport, asyncio.ReadTransport) and transport.is_reading():
            transport.pause_reading()

    async def _flushed(self) -> None:
        transport = self._writer.transport
        while transport.get_write_buffer_size() and self._peer_is_there():
            await asyncio.sleep(_POLL_SECONDS)

    def _peer_is_there(self) -> bool:
        # The first byte of Linux' tcp_info is the state. It tells of a FIN or RST that nobody reads.
        return self.is_open and self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED

    @property
    def _socket(self) -> socket.socket:
        sock: socket.socket = self._writer.get_extra_info("socket")
        return sock

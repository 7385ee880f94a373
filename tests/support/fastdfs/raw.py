"""A client that speaks the bare protocol and hides nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from tests.support.fastdfs.protocol import Header

_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class RawReply:
    command: int
    status: int
    body: bytes


class RawConnection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(
        self, command: int, body: bytes = b"", *, flags: int = 0, length: int | None = None
    ) -> RawReply | None:
        """None where the server closes instead of answering. `length` announces another length than the body's."""
        await self.send(Header(len(body) if length is None else length, command, flags).encode() + body)
        return await self.reply()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        with suppress(ConnectionError):  # the reply that came before the reset is what counts
            await self._writer.drain()

    async def reply(self) -> RawReply | None:
        async with asyncio.timeout(_SECONDS):
            try:
                header = Header.decode(await self._reader.readexactly(Header.FORMAT.size))
                return RawReply(header.command, header.status, await self._reader.readexactly(header.length))
            except (asyncio.IncompleteReadError, ConnectionError):
                return None

    async def read_some(self) -> bytes:
        """Whatever comes next, in whatever pieces; nothing at the end of the connection."""
        return await self._reader.read(1 << 16)

    def close(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def raw_connection(address: str) -> AsyncIterator[RawConnection]:
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    connection = RawConnection(reader, writer)
    try:
        yield connection
    finally:
        connection.close()


def ask_blocking(address: str, command: int, body: bytes = b"") -> RawReply:
    """One request on a connection of its own, for code that waits for a server to come up."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=_SECONDS) as sock, sock.makefile("rb") as stream:
        sock.sendall(Header(len(body), command).encode() + body)
        data = stream.read(Header.FORMAT.size)
        if len(data) < Header.FORMAT.size:
            raise ConnectionResetError(f"{address} closed the connection instead of answering")
        header = Header.decode(data)
        return RawReply(header.command, header.status, stream.read(header.length))

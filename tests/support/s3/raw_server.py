"""A server that speaks bytes, for responses that no HTTP library would write."""

import asyncio
import select
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from tests.support.s3.server import S3Server

FINE: Final = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n'

type Behaviour = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def head(self) -> bytes:
        """The next request's head; empty when the client has left."""
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    async def answer(self, message: bytes) -> None:
        self.writer.write(message)
        await self.writer.drain()

    async def until_gone(self) -> None:
        """Take nothing more, and return when the client has left."""
        poll = select.poll()
        poll.register(self.writer.get_extra_info("socket").fileno(), select.POLLRDHUP)
        while not poll.poll(0):
            await asyncio.sleep(0.005)


@dataclass
class RawServer:
    """Attributes:
    accepted: Connections so far.
    open: Connections that are open.
    """

    port: int = 0
    accepted: int = 0
    open: int = 0
    scheme: str = "http"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def s3(self) -> S3Server:
        return S3Server("raw", self.origin, "ak", "the-secret")


@asynccontextmanager
async def raw_server(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Every connection is handled by `behave`, then closed."""
    state = RawServer(scheme="http" if tls is None else "https")
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.accepted += 1
        state.open += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await behave(Peer(reader, writer, state.accepted))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            state.open -= 1
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()


async def answer_everything(peer: Peer) -> None:
    while await peer.head():
        await peer.answer(FINE)

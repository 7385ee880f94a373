"""A server that speaks bytes, for responses that no HTTP library would write."""

import asyncio
import select
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
    host: str = "127.0.0.1"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def s3(self) -> S3Server:
        return S3Server("raw", self.origin, "ak", "the-secret")


@asynccontextmanager
async def raw_server(
    behave: Behaviour, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1", receive_buffer: int | None = None
) -> AsyncIterator[RawServer]:
    """Every connection is handled by `behave`, then closed.

    `receive_buffer` bounds what the system takes before `behave` does.
    """
    state = RawServer(scheme="http" if tls is None else "https", host=f"[{host}]" if ":" in host else host)
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

    listening = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    if receive_buffer is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    server = await asyncio.start_server(handle, sock=listening, ssl=tls)
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


@asynccontextmanager
async def raw_server_in_a_thread(behave: Behaviour) -> AsyncIterator[RawServer]:
    """As `raw_server`, in an event loop of its own: it goes on while the client's is kept busy."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="raw server", daemon=True)
    thread.start()

    async def in_there[Value](work: Coroutine[None, None, Value]) -> Value:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    server = raw_server(behave)
    try:
        yield await in_there(_entered(server))
    finally:
        await in_there(_left(server))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()


async def _entered(server: AbstractAsyncContextManager[RawServer]) -> RawServer:
    return await server.__aenter__()


async def _left(server: AbstractAsyncContextManager[RawServer]) -> None:
    await server.__aexit__(None, None, None)


async def answer_everything(peer: Peer) -> None:
    while await peer.head():
        await peer.answer(FINE)


async def tunnel(peer: Peer) -> None:
    """What a proxy does with CONNECT; gives up without a word when it is asked for anything else."""
    head = await peer.head()
    if not head.startswith(b"CONNECT "):
        return
    host, _, port = head.split()[1].decode().rpartition(":")
    there_reader, there_writer = await asyncio.open_connection(host, int(port))

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()

    pumps: list[asyncio.Future[None]] = []
    try:
        await peer.answer(b"HTTP/1.1 200 Connection established\r\n\r\n")
        pumps.append(asyncio.ensure_future(pump(peer.reader, there_writer)))
        pumps.append(asyncio.ensure_future(pump(there_reader, peer.writer)))
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        there_writer.transport.abort()

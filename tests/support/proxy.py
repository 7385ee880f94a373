"""A TCP proxy between client and server that fails on command.

It has a thread and an event loop of its own, so that its tasks are not mistaken for those of the code under test.
It understands just enough of HTTP to know where an exchange begins: with the first bytes from the client after bytes
from the server (nobody here pipelines requests).
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final
from urllib.parse import urlsplit

HOST: Final = "127.0.0.1"
_READ_SIZE: Final = 64 * 1024


class Act(Enum):
    """What the proxy does to an exchange."""

    CUT = auto()
    """End both connections in good order."""
    RESET = auto()
    """Reset the client's connection."""
    STALL = auto()
    """Hold everything back until the client leaves."""
    GARBAGE = auto()
    """Send bytes that are no HTTP, then cut."""
    SURPLUS = auto()
    """Send something more with the last bytes of the response."""
    DRIP = auto()
    """Go on, but a few bytes at a time."""


class Direction(Enum):
    REQUEST = auto()
    RESPONSE = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """`act` happens once `after` bytes of an exchange have passed in its direction, heads included."""

    act: Act
    direction: Direction = Direction.RESPONSE
    after: int = 0
    garbage: bytes = b"\x00\x16garbage, surely no status line\r\n\r\n"
    drip_bytes: int = 512
    drip_seconds: float = 0.001


@dataclass(slots=True)
class _Plan:
    fault: Fault
    request_starts: str
    contains: str
    left: int

    def applies(self, request_line: str) -> bool:
        return self.left > 0 and request_line.startswith(self.request_starts) and self.contains in request_line


@dataclass(eq=False, slots=True)
class _Connection:
    """A client's connection, its counterpart to the server, and what befalls the exchange under way."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    fault: Fault | None = None
    passed: dict[Direction, int] = field(default_factory=dict)
    answered: bool = True
    request_line: str = ""
    response_left: int | None = None


@dataclass(eq=False, slots=True)
class FaultProxy:
    """Listens on `port` and passes everything on to `target_port`, but for what is planned.

    Attributes:
        tls: The server's side of TLS, which clients then have to speak; towards the server it is never spoken.
        whim: Says what befalls a request, by its first line, for which nothing is planned.
        requests: The first line of every request that came by, in order.
        struck: The first line of every request to which something was done, in order.
        accepted: Connections so far.
        most_connections: The most that were open at once.
    """

    target_port: int
    tls: ssl.SSLContext | None = None
    port: int = 0
    whim: Callable[[str], Fault | None] | None = None
    requests: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    accepted: int = 0
    most_connections: int = 0
    _listener: asyncio.Server | None = None
    _plans: list[_Plan] = field(default_factory=list)
    _connections: set[_Connection] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _change: asyncio.Condition = field(default_factory=asyncio.Condition)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://{HOST}:{self.port}"

    def plan(self, fault: Fault, *, request_starts: str = "", contains: str = "", times: int = 1) -> None:
        """Let the next `times` requests fail whose first line starts with, and contains, what is given."""
        self._plans.append(_Plan(fault, request_starts, contains, times))

    def forget_plans(self) -> None:
        self._plans.clear()

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        await self._in_own_loop(self._accept())

    async def refuse(self) -> None:
        """Cut every connection and refuse new ones."""
        await self._in_own_loop(self._refuse())

    async def until_connections(self, count: int) -> None:
        """Wait until exactly so many clients are connected."""
        await self._in_own_loop(self._until_connections(count))

    async def aclose(self) -> None:
        """Cut everything and stop."""
        await self._in_own_loop(self._aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _in_own_loop(self, work: Coroutine[None, None, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _accept(self) -> None:
        self._listener = await asyncio.start_server(self._serve, HOST, self.port, ssl=self.tls)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in tuple(self._connections):
            connection.client.transport.abort()
        await self._until_connections(0)

    async def _until_connections(self, count: int) -> None:
        async with self._change:
            await self._change.wait_for(lambda: len(self._connections) == count)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            to_client.transport.abort()
            return
        connection = _Connection(to_client, to_server)
        await self._add(connection)
        try:
            await self._pump_both(connection, from_client, from_server)
        finally:
            to_server.transport.abort()
            to_client.close()
            self._connections.discard(connection)
            # Shielded: whoever waits for the number wants to hear of it also when the proxy is being closed.
            await asyncio.shield(self._tell_of_change())

    async def _pump_both(
        self, connection: _Connection, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader
    ) -> None:
        pumps = [
            asyncio.ensure_future(self._pump(connection, from_client, Direction.REQUEST)),
            asyncio.ensure_future(self._pump(connection, from_server, Direction.RESPONSE)),
        ]
        try:
            # Whichever side ends first ends the connection: HTTP has no use for half of one.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, connection: _Connection, source: asyncio.StreamReader, direction: Direction) -> None:
        target = connection.server if direction is Direction.REQUEST else connection.client
        with contextlib.suppress(OSError):
            while chunk := await source.read(_READ_SIZE):
                if direction is Direction.REQUEST and connection.answered:
                    self._begin_exchange(connection, chunk)
                connection.answered = direction is Direction.RESPONSE
                if not await self._forward(connection, chunk, direction, target):
                    return

    def _begin_exchange(self, connection: _Connection, chunk: bytes) -> None:
        line = chunk.partition(b"\r\n")[0].decode("latin-1")
        self.requests.append(line)
        connection.request_line, connection.response_left = line, None
        connection.passed = dict.fromkeys(Direction, 0)
        connection.fault = None
        for plan in self._plans:
            if plan.applies(line):
                plan.left -= 1
                connection.fault = plan.fault
                return
        if self.whim is not None:
            connection.fault = self.whim(line)

    async def _forward(
        self, connection: _Connection, chunk: bytes, direction: Direction, target: asyncio.StreamWriter
    ) -> bool:
        """Whether the exchange goes on."""
        fault = connection.fault
        if fault is None or fault.direction is not direction:
            target.write(chunk)
            await target.drain()
            return True
        room = max(0, fault.after - connection.passed[direction])
        connection.passed[direction] += len(chunk)
        if chunk[:room]:
            target.write(chunk[:room])
            await target.drain()
        rest = chunk[room:]
        return not rest or await self._strike(connection, fault, rest, target)

    async def _strike(self, connection: _Connection, fault: Fault, rest: bytes, target: asyncio.StreamWriter) -> bool:
        self.struck.append(connection.request_line)
        match fault.act:
            case Act.DRIP:
                for start in range(0, len(rest), fault.drip_bytes):
                    target.write(rest[start : start + fault.drip_bytes])
                    await target.drain()
                    await asyncio.sleep(fault.drip_seconds)
                return True
            case Act.STALL:
                await asyncio.get_running_loop().create_future()
            case Act.RESET:
                linger_not = struct.pack("ii", 1, 0)
                connection.client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
                connection.client.transport.abort()
            case Act.GARBAGE:
                connection.client.write(fault.garbage)
                await connection.client.drain()
            case Act.SURPLUS:
                target.write(rest + fault.garbage if _is_last(connection, rest) else rest)
                await target.drain()
                return True
            case Act.CUT:
                pass
        return False

    async def _add(self, connection: _Connection) -> None:
        self._connections.add(connection)
        self.accepted += 1
        self.most_connections = max(self.most_connections, len(self._connections))
        await self._tell_of_change()

    async def _tell_of_change(self) -> None:
        async with self._change:
            self._change.notify_all()

    async def _aclose(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _is_last(connection: _Connection, chunk: bytes) -> bool:
    """Whether the response ends with this chunk; to be asked for each."""
    if connection.response_left is None:
        head, _, body = chunk.lower().partition(b"\r\n\r\n")
        has_body = not connection.request_line.startswith("HEAD ")
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        connection.response_left = int(length or 0) if has_body else 0
        chunk = body
    connection.response_left -= len(chunk)
    return connection.response_left <= 0


@asynccontextmanager
async def fault_proxy(target: str | int, tls: ssl.SSLContext | None = None) -> AsyncIterator[FaultProxy]:
    """A proxy before the server at the URL, or on the port, on this machine; its clients speak TLS where told so."""
    port = target if isinstance(target, int) else urlsplit(target).port
    assert port is not None
    proxy = FaultProxy(port, tls)
    await proxy.accept()
    try:
        yield proxy
    finally:
        await proxy.aclose()

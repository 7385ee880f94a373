"""What trackers and storages share: a socket, connections served one request at a time, faults, statistics."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ClassVar

from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.misbehaviour import GOOD_BEHAVIOUR, Misbehaviour
from tests.support.fastdfs.protocol import Command, Status
from tests.support.fastdfs.wire import Wire

type Handler = Callable[[Request], Awaitable[Reply]]

_READ_AHEAD = 256 * 1024


@dataclass(slots=True)
class Statistics:
    accepted: int = 0
    """Connections since the server was made."""
    open: int = 0
    """Connections now."""
    commands: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class _Fault:
    misbehaviour: Misbehaviour
    command: Command | None
    times: int | None


class ProtocolServer(ABC):
    """Listens on its own loopback address. The port is chosen by the system at the first start and kept."""

    closing_statuses: ClassVar[frozenset[int]] = frozenset()
    """Answers after which this kind of server closes the connection."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.port = 0
        self.statistics = Statistics()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._faults: list[_Fault] = []

    @abstractmethod
    def handlers(self) -> dict[Command, Handler]: ...

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=_READ_AHEAD)
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections and drop the open ones in the middle of whatever they do."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    def misbehave(self, misbehaviour: Misbehaviour, *, command: Command | None = None, times: int | None = 1) -> None:
        """Meet the next `times` requests of this command (None: any) so. `times=None` means from now on."""
        self._faults.append(_Fault(misbehaviour, command, times))

    def behave(self) -> None:
        """Forget every misbehaviour that is still to come."""
        self._faults.clear()

    def forget_connections(self) -> None:
        """Never answer on those that are open now, as if a firewall had forgotten them; accept new ones."""
        for wire in self._wires:
            wire.is_forgotten = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        wire = Wire(reader, writer)
        if not self.is_running:  # accepted while stop() was waiting
            wire.abort()
            return
        self._connections.add(task)
        self._wires.add(wire)
        self.statistics.accepted += 1
        self.statistics.open += 1
        try:
            while wire.is_open and (request := await wire.next_request()):
                if wire.is_forgotten:
                    await wire.fall_silent()
                    break
                await self._exchange(request, wire)
            await wire.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client left, which is its right at any time.
        finally:
            wire.abort()
            self._connections.discard(task)
            self._wires.discard(wire)
            self.statistics.open -= 1

    async def _exchange(self, request: Request, wire: Wire) -> None:
        self.statistics.commands[request.command] += 1
        if request.command == Command.QUIT:
            await wire.close()
            return
        fault = self._next_fault(request.command)
        reply = await self._reply(request, wire, fault)
        await fault.send(reply, wire)
        if wire.is_open and (request.unread or reply.closes or reply.status in self.closing_statuses):
            await wire.close()

    async def _reply(self, request: Request, wire: Wire, fault: Misbehaviour) -> Reply:
        try:
            await fault.receive(request, wire)
        except Refusal as refusal:
            return Reply(refusal.status)
        handler = self.handlers().get(Command(request.command)) if request.command in Command else None
        try:
            if handler is None:
                raise Refusal(Status.INVALID)
            return await handler(request)
        except Refusal as refusal:
            if request.fits_buffer:
                await request.body()
            return Reply(refusal.status)

    def _next_fault(self, command: int) -> Misbehaviour:
        for fault in self._faults:
            if fault.command in {None, command}:
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                return fault.misbehaviour
        return GOOD_BEHAVIOUR

"""Connections that are kept for the next request."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.faults import ClientClosed
from s3py_helper.adapters.s3.http.places import Place

_IDLE_SECONDS: Final = 15.0
"""An idle connection is not used again after this time: servers, and whatever is in between, close them silently."""

_DRAIN_SECONDS: Final = 1.0
"""How long the rest of a response that nobody reads may take to arrive."""

type Replaced = Callable[[str, str], None]
"""Called with origin and reason when a kept connection is unusable and another one takes its place."""


@dataclass(frozen=True, slots=True)
class _Draining:
    """A connection that receives the rest of a response that nobody reads."""

    origin: str
    timer: asyncio.TimerHandle
    place: Place | None


class ConnectionPool:
    """Keeps connections by origin (scheme, host, port).

    It never has more open than `limit`, over all origins, as long as its users hold no more than that: when a new one
    is needed, one that nobody uses has to go.

    Args:
        dial: Makes a connection to an origin.
        limit: Most connections.
        on_replaced: Called for each kept connection that is unusable.
    """

    def __init__(self, dial: Callable[[str], Awaitable[HttpConnection]], limit: int, on_replaced: Replaced) -> None:
        self.closed = False
        self._dial = dial
        self._limit = limit
        self._on_replaced = on_replaced
        self._dialing = 0
        self._idle: dict[str, list[HttpConnection]] = {}
        self._draining: dict[HttpConnection, _Draining] = {}
        self._open: set[HttpConnection] = set()
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        """How many connections are open."""
        return sum(connection.is_alive for connection in self._open)

    @property
    def idle_ones(self) -> int:
        """How many of them nobody uses."""
        return sum(connection.is_alive for idle in self._idle.values() for connection in idle)

    def idle(self, origin: str) -> HttpConnection | None:
        """A kept connection to the origin, to be released; `None` when there is none."""
        idle = self._idle.get(origin)
        # The one used last is the least likely to have been closed meanwhile.
        while idle:
            connection = idle.pop()
            if connection.is_alive and monotonic() - connection.idle_since <= _IDLE_SECONDS:
                if not connection.has_input():
                    return connection
                self._on_replaced(origin, "something came in that nobody had asked for, or its end")
            connection.abort()
        return None

    async def connect(self, origin: str) -> HttpConnection:
        """A new connection to the origin, to be released.

        Raises:
            NotConnected: It could not be made.
            ssl.SSLError: TLS failed.
        """
        self._require_open()
        self._make_room()
        self._dialing += 1
        try:
            connection = await self._dial(origin)
        finally:
            self._dialing -= 1
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._forget(connection))
        try:
            self._require_open()
        except ClientClosed:
            connection.abort()
            raise
        return connection

    def release(self, origin: str, connection: HttpConnection, place: Place | None = None) -> None:
        """End its exchange. It is kept if it can carry another one, or will soon be able to; else it is closed.

        Args:
            origin: Where it leads.
            connection: The connection.
            place: Released as soon as the connection is not in use any more.
        """
        if connection.finish():
            self._keep(origin, connection)
        elif not self.closed and connection.drain(lambda: self._end_draining(connection)):
            timer = self._loop.call_later(_DRAIN_SECONDS, connection.abort)
            self._draining[connection] = _Draining(origin, timer, place)
            return
        else:
            connection.give_up()
        if place is not None:
            place.release()

    async def aclose(self) -> None:
        """Close all connections, those in use too, and wait until their sockets are gone."""
        self.closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._idle.clear()
        for connection in self._open:
            connection.abort()
        if self._open:
            await asyncio.wait([connection.lost for connection in self._open])

    def sever(self, *, abort: bool) -> None:
        """Close all sockets without the event loop, which is not running.

        Args:
            abort: Whether to tell it as well, in case it goes on.
        """
        self.closed = True
        self._idle.clear()
        for connection in self._open:
            if abort:
                connection.abort()
            connection.sever()
        self._open.clear()

    def _keep(self, origin: str, connection: HttpConnection) -> None:
        if self.closed:
            connection.abort()
            return
        idle = self._idle.get(origin)
        if idle is None:
            self._idle[origin] = [connection]
        else:
            idle.append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(_IDLE_SECONDS, self._sweep)

    def _require_open(self) -> None:
        if self.closed:
            raise ClientClosed

    def _forget(self, connection: HttpConnection) -> None:
        self._open.discard(connection)
        if connection in self._draining:
            self._end_draining(connection)

    def _end_draining(self, connection: HttpConnection) -> None:
        draining = self._draining.pop(connection)
        draining.timer.cancel()
        self.release(draining.origin, connection, draining.place)

    def _make_room(self) -> None:
        if len(self._open) + self._dialing < self._limit:
            return
        while self.open + self._dialing >= self._limit and (spare := self._spare()) is not None:
            spare.abort()

    def _spare(self) -> HttpConnection | None:
        """A connection that nobody uses: the one that has been idle for longest, if any."""
        # Within one origin they are in the order in which they became idle.
        longest = min((idle for idle in self._idle.values() if idle), key=lambda idle: idle[0].idle_since, default=None)
        if longest is not None:
            return longest.pop(0)
        return next((connection for connection in self._draining if connection.is_alive), None)

    def _sweep(self) -> None:
        """Close what nobody has used for long, so that no socket stays open for ever."""
        self._sweeping = None
        for origin, idle in list(self._idle.items()):
            kept = [connection for connection in idle if connection.is_alive and not self._is_stale(connection)]
            for connection in set(idle).difference(kept):
                connection.abort()
            self._idle[origin] = kept
            if not kept:
                del self._idle[origin]
        if self._idle:
            self._sweeping = self._loop.call_later(_IDLE_SECONDS, self._sweep)

    def _is_stale(self, connection: HttpConnection) -> bool:
        return monotonic() - connection.idle_since > _IDLE_SECONDS

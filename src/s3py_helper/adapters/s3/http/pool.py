"""Connections that are kept for the next request."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from s3py_helper.adapters.s3.http.connection import HttpConnection

_IDLE_SECONDS: Final = 15.0
"""An idle connection is not used again after so long: servers, and what is between, close them without notice."""


class ConnectionPool:
    """Lends connections by origin (scheme, host, port).

    Args:
        dial: Makes a connection to an origin.
    """

    def __init__(self, dial: Callable[[str], Awaitable[HttpConnection]]) -> None:
        self.closed = False
        self._dial = dial
        self._idle: defaultdict[str, list[HttpConnection]] = defaultdict(list)
        self._open: set[HttpConnection] = set()
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.TimerHandle | None = None

    def idle(self, origin: str) -> HttpConnection | None:
        """A kept connection to the origin, to be given back; `None` when there is none."""
        idle = self._idle[origin]
        # The last one used is the one least likely to have been closed meanwhile.
        while idle:
            connection = idle.pop()
            if connection.is_alive and not self._is_stale(connection):
                return connection
            connection.abort()
        return None

    async def connect(self, origin: str) -> HttpConnection:
        """A fresh connection to the origin, to be given back.

        Raises:
            NotConnected: None came about.
            ssl.SSLError: TLS failed.
        """
        connection = await self._dial(origin)
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        if self.closed:
            connection.abort()
        return connection

    def release(self, origin: str, connection: HttpConnection) -> None:
        """End its exchange; it is kept if it can carry another one, else closed."""
        if not connection.finish():
            return
        if self.closed:
            connection.abort()
            return
        self._idle[origin].append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(_IDLE_SECONDS, self._sweep)

    async def aclose(self) -> None:
        """Close all connections, those that are lent too, and wait until their sockets are gone."""
        self.closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._idle.clear()
        for connection in self._open:
            connection.abort()
        if self._open:
            await asyncio.wait([connection.lost for connection in self._open])

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
        return self._loop.time() - connection.idle_since > _IDLE_SECONDS

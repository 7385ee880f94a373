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
        limit: Most connections that are lent at once; who wants another one waits.
    """

    def __init__(self, dial: Callable[[str], Awaitable[HttpConnection]], limit: int) -> None:
        self.closed = False
        self._dial = dial
        self._slots = asyncio.Semaphore(limit)
        self._idle: defaultdict[str, list[HttpConnection]] = defaultdict(list)
        self._open: set[HttpConnection] = set()
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.TimerHandle | None = None

    async def acquire(self, origin: str, *, fresh: bool = False) -> HttpConnection:
        """A connection to the origin, to be given back; `fresh` asks for one that nobody has used.

        Raises:
            NotConnected: None came about.
            ssl.SSLError: TLS failed.
        """
        await self._slots.acquire()
        try:
            return (None if fresh else self._reusable(origin)) or await self._dialled(origin)
        except BaseException:  # whatever happened, the slot is not used
            self._slots.release()
            raise

    def release(self, origin: str, connection: HttpConnection) -> None:
        """End its exchange; it is kept if it can carry another one, else closed."""
        self._slots.release()
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

    def _reusable(self, origin: str) -> HttpConnection | None:
        idle = self._idle[origin]
        # The last one used is the one least likely to have been closed meanwhile.
        while idle:
            connection = idle.pop()
            if connection.is_alive and not self._is_stale(connection):
                return connection
            connection.abort()
        return None

    async def _dialled(self, origin: str) -> HttpConnection:
        connection = await self._dial(origin)
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        if self.closed:
            connection.abort()
        return connection

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

"""Connections to one server, shared by everybody who talks to it."""

import asyncio
from collections import deque
from time import monotonic
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.channel import Channel, connect, reason
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, PoolClosed, PoolExhausted

_IDLE_SECONDS: Final = 60.0
"""A server closes a connection that was never used after about a minute, one that was used after a longer time."""


class ConnectionPool:
    """At most `size` connections to a server; has the methods that aiofdfs' clients expect of a pool.

    Connecting happens outside any lock: a server that does not answer delays nobody but those who ask for it.
    """

    def __init__(
        self, peer: Peer, *, size: int, pool_timeout: float, connect_timeout: float, network_timeout: float
    ) -> None:
        self.peer = peer
        self._size = size
        self._pool_timeout = pool_timeout
        self._connect_timeout = connect_timeout
        self._network_timeout = network_timeout
        self._slots = asyncio.Semaphore(size)
        self._idle: deque[tuple[Channel, float]] = deque()
        self._in_use: set[FramedConnection] = set()
        self._closed = False

    async def get_connection(self) -> FramedConnection:
        """An idle connection, else a new one; whoever gets it must `release()` it, or use it as a context.

        Raises:
            ConnectionFault: The server is out of reach.
            PoolExhausted: None became free in time.
            PoolClosed: The pool was closed.
        """
        await self._take_slot()
        try:
            channel = self._take_idle()
            connection = FramedConnection(
                channel or await self._connect(),
                self.peer,
                reused=channel is not None,
                release_to_pool=self.release_to_pool,
            )
        except BaseException:  # whatever happened, the slot is not used
            self._slots.release()
            raise
        self._in_use.add(connection)
        if self._closed:
            connection.release()
            raise self._closed_fault()
        return connection

    def release_to_pool(self, connection: FramedConnection) -> None:
        """Keep a connection that stands between two exchanges, close any other."""
        if connection not in self._in_use:
            return
        self._in_use.remove(connection)
        if connection.is_reusable and not self._closed:
            self._keep(connection.channel)
        else:
            connection.channel.close()
        self._slots.release()

    def drop_idle(self) -> None:
        """Close what lies idle: one of them was found dead, the server may have been restarted."""
        while self._idle:
            self._idle.pop()[0].close()

    def close(self) -> None:
        """Close everything; whoever still uses a connection, or waits for one, fails now."""
        self._closed = True
        self.drop_idle()
        for connection in self._in_use:
            connection.abort()
        self._slots.release()

    async def _take_slot(self) -> None:
        if self._slots.locked():
            try:
                async with asyncio.timeout(self._pool_timeout):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise PoolExhausted(
                    self.peer,
                    f"all {self._size} connections stayed in use for {self._pool_timeout:g} s; "
                    "read downloads to their end, or raise connection_pool_size",
                ) from error
        else:
            await self._slots.acquire()
        if self._closed:
            self._slots.release()  # the next one who waits has to hear it too
            raise self._closed_fault()

    async def _connect(self) -> Channel:
        try:
            return await connect(
                self.peer.address, connect_timeout=self._connect_timeout, network_timeout=self._network_timeout
            )
        except TimeoutError as error:
            raise ConnectionFault(self.peer, f"no connection within {self._connect_timeout:g} s") from error
        except OSError as error:
            raise ConnectionFault(self.peer, f"no connection: {reason(error)}") from error
        except (UnicodeError, OverflowError) as error:  # a host or port that cannot be one
            raise ConnectionFault(self.peer, f"no connection: {error}") from error

    def _take_idle(self) -> Channel | None:
        # The one used last: what a rush left over stays at the other end, and is closed there after a while.
        while self._idle:
            channel, _ = self._idle.pop()
            if channel.is_quiet():
                return channel
            channel.close()
        return None

    def _keep(self, channel: Channel) -> None:
        now = monotonic()
        self._idle.append((channel, now))
        if self._idle[0][1] < now - _IDLE_SECONDS:
            self._idle.popleft()[0].close()

    def _closed_fault(self) -> PoolClosed:
        return PoolClosed(self.peer, "the connections have been closed")

"""Connections to one server, shared by all of its callers."""

import asyncio
from collections import deque
from time import monotonic
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.channel import Channel, reason
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Fault, Peer, PoolClosed, PoolExhausted
from s3py_helper.adapters.fastdfs.protocol.messages import ACTIVE_TEST, ask
from s3py_helper.adapters.fastdfs.protocol.slots import Slots
from s3py_helper.application.ports.observer import ConnectionReplaced, Observer, PoolWaited
from s3py_helper.domain.file_id import Backend

_TRUSTED_SECONDS: Final = 5.0
"""A connection that was idle for longer is tested before it is used, which takes a round trip."""

_TEST_TIMEOUT: Final = 1.0

_IDLE_SECONDS: Final = 50.0
"""A server closes a connection that was never used after about a minute, one that was used after a longer time."""

_STILL_SECONDS: Final = 1.0
"""While others wait, a reader that has taken nothing for this long is asked to release its connection."""

_DEMAND_INTERVAL: Final = 0.25


class ConnectionPool:
    """At most `size` connections to a server; has the methods that aiofdfs' clients expect of a pool.

    Connecting holds no lock: a server that does not respond delays only its own callers.
    """

    def __init__(
        self,
        peer: Peer,
        observer: Observer,
        dialer: Dialer,
        *,
        size: int,
        pool_timeout: float,
        connect_timeout: float,
        network_timeout: float,
    ) -> None:
        self.peer = peer
        self._observer = observer
        self._dialer = dialer
        self._size = size
        self._pool_timeout = pool_timeout
        self._connect_timeout = connect_timeout
        self._network_timeout = network_timeout
        self._slots = Slots(size)
        self._idle: deque[tuple[Channel, float]] = deque()
        self._in_use: dict[FramedConnection, bool] = {}
        self._demand: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def free_slots(self) -> int:
        """How many further connections may be used now."""
        return self._slots.free

    async def get_connection(self, *, long: bool = False) -> FramedConnection:
        """An idle connection, else a new one; the caller releases it (`release()`, or a `with` block).

        Args:
            long: The connection may be held for long. An eighth of the pool is reserved for short requests.

        Raises:
            ConnectionFault: The server is out of reach.
            PoolExhausted: No connection became free in time.
            PoolClosed: The pool was closed.
        """
        if not self._slots.try_acquire(long=long):
            await self._wait_for_slot(long=long)
        try:
            self._check_open()
            channel = await self._idle_channel() if self._idle else None
            connection = FramedConnection(
                channel or await self._connect(),
                self.peer,
                reused=channel is not None,
                release_to_pool=self.release_to_pool,
            )
        except BaseException:  # refused or cancelled: the slot is free again
            self._slots.release(long=long)
            raise
        self._in_use[connection] = long
        if self._closed:
            connection.release()
            self._check_open()
        return connection

    def release_to_pool(self, connection: FramedConnection) -> None:
        """Keep a connection that stands between two exchanges, close any other."""
        long = self._in_use.pop(connection, None)
        if long is None:
            return
        if connection.is_reusable and not self._closed:
            self._keep(connection.channel)
        else:
            connection.channel.close()
        if connection.was_dead:
            self._replace("the peer, or a firewall on the way, had dropped it")
        self._slots.release(long=long)

    def drop_idle(self) -> None:
        """Close all idle connections: one of them was found dead, and the server may have been restarted."""
        while self._idle:
            self._idle.pop()[0].close()

    def close(self, *, deserted: bool = False) -> None:
        """Close all connections; their users, and callers waiting for one, fail now.

        With `deserted` there are no users left: their event loop has ended, or belongs to the parent process.
        """
        if self._closed:
            return
        self._closed = True
        self.drop_idle()
        for connection in self._in_use:
            if deserted:
                connection.channel.close()
            else:
                connection.abort()
        if not deserted:
            self._slots.wake_all()

    async def _wait_for_slot(self, *, long: bool) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(self._pool_timeout):
                if self._demand is None:
                    self._demand = asyncio.get_running_loop().call_later(0, self._ask_for_slots)
                await self._slots.acquire(long=long)
        except TimeoutError as error:
            raise PoolExhausted(
                self.peer,
                f"all {self._size} connections stayed in use for {self._pool_timeout:g} s; "
                "read downloads to their end, or raise connection_pool_size",
            ) from error
        finally:
            self._observer.notify(PoolWaited(Backend.FASTDFS, str(self.peer.address), monotonic() - began))

    def _ask_for_slots(self) -> None:
        """Ask readers that stand still to release their connections, for as long as other callers wait."""
        self._demand = None
        if not self._slots.waiting or self._closed:
            return
        loop = asyncio.get_running_loop()
        since = loop.time() - _STILL_SECONDS
        still = [connection for connection in self._in_use if connection.stands_still_since <= since]
        still.sort(key=lambda connection: connection.stands_still_since)
        for connection in still[: self._slots.waiting]:
            connection.on_demand()
        self._demand = loop.call_later(_DEMAND_INTERVAL, self._ask_for_slots)

    async def _connect(self) -> Channel:
        try:
            async with asyncio.timeout(self._connect_timeout):
                sock = await self._dialer.connect(self.peer.address)
        except TimeoutError as error:
            raise ConnectionFault(self.peer, f"no connection within {self._connect_timeout:g} s") from error
        except OSError as error:
            raise ConnectionFault(self.peer, f"no connection: {reason(error)}") from error
        return Channel(sock, self._network_timeout)

    async def _idle_channel(self) -> Channel | None:
        # The one used last: what a rush left over stays at the other end of the queue and expires there.
        while self._idle:
            channel, since = self._idle.pop()
            idle_for = monotonic() - since
            if idle_for > _IDLE_SECONDS:
                channel.close()
            elif not channel.is_quiet():
                channel.close()
                self._notify_replaced("the peer had closed it, or sent unsolicited bytes")
            elif idle_for > _TRUSTED_SECONDS and not await self._responds(channel):
                self._replace("it did not answer")
            else:
                return channel
        return None

    def _keep(self, channel: Channel) -> None:
        now = monotonic()
        self._idle.append((channel, now))
        if self._idle[0][1] < now - _IDLE_SECONDS:
            self._idle.popleft()[0].close()

    async def _responds(self, channel: Channel) -> bool:
        """Whether the peer still responds: a firewall may have dropped the connection without notice."""
        tested = FramedConnection(channel, self.peer, reused=True, release_to_pool=_keep_apart)
        channel.timeout = min(self._network_timeout, _TEST_TIMEOUT)
        try:
            await ask(tested, ACTIVE_TEST)
        except Fault:
            channel.close()
            return False
        except BaseException:  # cancelled in the middle of an exchange
            channel.close()
            raise
        channel.timeout = self._network_timeout
        return True

    def _replace(self, why: str) -> None:
        """A connection was found dead. The idle ones may be as well: none of them is used again."""
        self.drop_idle()
        self._notify_replaced(why)

    def _notify_replaced(self, why: str) -> None:
        self._observer.notify(ConnectionReplaced(Backend.FASTDFS, str(self.peer.address), why))

    def _check_open(self) -> None:
        if self._closed:
            raise PoolClosed(self.peer, "the connections have been closed")


def _keep_apart(_: FramedConnection) -> None:
    """A connection under test has not been handed out: there is nothing to release."""

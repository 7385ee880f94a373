"""The connections to all servers of a cluster."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address, AddressMap
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, PoolClosed, Role
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.concurrency.deadlines import DeadlineWatch, Limit
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.pool_use import PoolUse


class FastdfsSession:
    """One pool for each server, made when it is first needed.

    It belongs to the event loop and the process that opened it: where two read from one socket, each would get replies
    to the other.

    Attributes:
        clean_up: The clean-up that goes on after an operation has failed.
        operation_timeout: Seconds for an operation that is not a transfer.
        opening_timeout: Seconds for what comes before the bytes of a transfer.
    """

    def __init__(self, config: FastdfsConfig, observer: Observer) -> None:
        self.observer = observer
        self.clean_up = BackgroundCleanUp(observer)
        self.operation_timeout = config.operation_timeout
        self.opening_timeout = config.operation_timeout + config.pool_timeout  # transfers may wait for their turn
        self._config = config
        self._map = AddressMap(config.address_map)
        self._dialer = Dialer()
        self._trackers: dict[Address, ConnectionPool] = {}
        self._storages: dict[Address, ConnectionPool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._watch: DeadlineWatch | None = None

    @property
    def pools(self) -> list[ConnectionPool]:
        """All of them, for whoever looks for leaks."""
        return [*self._trackers.values(), *self._storages.values()]

    def pool_use(self) -> PoolUse:
        """How many connections are in use, to trackers and storage servers."""
        size, pools = self._config.pool_size, self.pools
        return PoolUse(sum(size - pool.free_slots for pool in pools), size * len(pools))

    def tracker(self, address: Address) -> ConnectionPool:
        """Connections to a tracker."""
        pool = self._trackers.get(address)
        if pool is None or self._loop is not asyncio.get_running_loop():
            pool = self._trackers[address] = self._new_pool(Peer(Role.TRACKER, address))
        return pool

    def storage(self, address: Address) -> ConnectionPool:
        """Connections to a storage server, given by the address that trackers know it by."""
        pool = self._storages.get(address)
        if pool is None or self._loop is not asyncio.get_running_loop():
            peer = Peer(Role.STORAGE, self._map.reached_at(address))
            pool = self._storages[address] = self._new_pool(peer)
        return pool

    def limit(self, seconds: float) -> Limit:
        """A time limit for an operation.

        Raises:
            PoolClosed: The session is not open, or was opened elsewhere.
        """
        watch = self._watch
        if watch is None or self._loop is not asyncio.get_running_loop():
            self._check_open_here(self._anybody())
            raise AssertionError("a session that is open here has a watch")
        return watch.limit(seconds)

    async def talk[T](self, storage: Address, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
        """Do repeatable work over a connection; once more over a new one if a pooled one turns out to be dead."""
        pool = self.storage(storage)
        try:
            return await _talked(pool, work)
        except ConnectionFault as fault:
            if not fault.stale:
                raise
        return await _talked(pool, work)

    async def begin[T](self, storage: Address, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
        """The same for work that lasts: its result owns the connection."""
        pool = self.storage(storage)
        try:
            return await _begun(pool, work)
        except ConnectionFault as fault:
            if not fault.stale:
                raise
        return await _begun(pool, work)

    def open(self) -> None:
        """Permit connections, in the running event loop.

        Raises:
            PoolClosed: It is open already.
        """
        if self._is_deserted:
            self._release(deserted=True)
        if self._loop is not None:
            raise PoolClosed(self._anybody(), "the store is open already")
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._watch = DeadlineWatch(self.operation_timeout)
        self.clean_up = BackgroundCleanUp(self.observer)

    async def close(self) -> None:
        """Close all connections, also those in use, once clean-up is done or its time is up.

        Closing again does nothing. In a forked process, and after the event loop has ended, only this process' sockets
        are closed.

        Raises:
            PoolClosed: The session belongs to another event loop that still runs.
        """
        if self._loop is None:
            return
        if self._is_deserted:
            self._release(deserted=True)
            return
        if self._loop is not asyncio.get_running_loop():
            raise PoolClosed(self._anybody(), "the store was opened in another event loop: close it there")
        await self.clean_up.aclose()
        self._release(deserted=False)

    @property
    def _is_deserted(self) -> bool:
        """Whether nothing can be under way any more: the event loop has ended, or belongs to the parent process."""
        return self._loop is not None and (self._loop.is_closed() or self._process != os.getpid())

    def _release(self, *, deserted: bool) -> None:
        self._loop = None
        self._watch = None
        pools = self.pools
        self._trackers.clear()
        self._storages.clear()
        for pool in pools:
            pool.close(deserted=deserted)

    def _check_open_here(self, peer: Peer) -> None:
        if self._loop is None:
            raise PoolClosed(peer, "the store is not open")
        if self._process != os.getpid():
            raise PoolClosed(peer, "the store was opened before this process was forked: open one in each process")
        if self._loop is not asyncio.get_running_loop():
            raise PoolClosed(peer, "the store was opened in another event loop: open one in each")

    def _new_pool(self, peer: Peer) -> ConnectionPool:
        self._check_open_here(peer)
        return ConnectionPool(
            peer,
            self.observer,
            self._dialer,
            size=self._config.pool_size,
            pool_timeout=self._config.pool_timeout,
            connect_timeout=self._config.connect_timeout,
            network_timeout=self._config.network_timeout,
        )

    def _anybody(self) -> Peer:
        return Peer(Role.TRACKER, Address.parse(self._config.tracker_servers[0]))


async def _talked[T](pool: ConnectionPool, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
    connection = await pool.get_connection()
    try:
        return await work(connection)
    finally:
        connection.release()


async def _begun[T](pool: ConnectionPool, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
    connection = await pool.get_connection(long=True)
    try:
        return await work(connection)
    except BaseException:  # it has no owner yet; releasing closes it unless it is between exchanges
        connection.release()
        raise

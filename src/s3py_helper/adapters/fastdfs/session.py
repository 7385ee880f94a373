"""The connections to all servers of a cluster."""

from collections.abc import Awaitable, Callable

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address, AddressMap
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, PoolClosed, Role
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.application.ports.observer import Observer


class FastdfsSession:
    """One pool for each server, made when it is first needed."""

    def __init__(self, config: FastdfsConfig, observer: Observer) -> None:
        self.observer = observer
        self._config = config
        self._map = AddressMap(config.address_map)
        self._trackers: dict[Address, ConnectionPool] = {}
        self._storages: dict[Address, ConnectionPool] = {}
        self._is_open = False

    def tracker(self, address: Address) -> ConnectionPool:
        """Connections to a tracker."""
        pool = self._trackers.get(address)
        if pool is None:
            pool = self._trackers[address] = self._new_pool(Peer(Role.TRACKER, address))
        return pool

    def storage(self, address: Address) -> ConnectionPool:
        """Connections to a storage server, given by the address that trackers know it by."""
        pool = self._storages.get(address)
        if pool is None:
            peer = Peer(Role.STORAGE, self._map.reached_at(address))
            pool = self._storages[address] = self._new_pool(peer)
        return pool

    async def talk[T](self, storage: Address, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
        """Do repeatable work over one connection; once more over a new one if a pooled one turns out to be dead."""
        pool = self.storage(storage)

        async def once() -> T:
            connection = await pool.get_connection()
            try:
                return await work(connection)
            finally:
                connection.release()

        return await repeated_if_stale(pool, once)

    async def begin[T](self, storage: Address, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
        """The same, but what `work` returns owns the connection."""
        pool = self.storage(storage)

        async def once() -> T:
            connection = await pool.get_connection()
            try:
                return await work(connection)
            except BaseException:  # nobody owns it: it goes back, and is closed there unless it is between exchanges
                connection.release()
                raise

        return await repeated_if_stale(pool, once)

    def open(self) -> None:
        """Permit connections."""
        self._is_open = True

    def close(self) -> None:
        """Close all connections, those in use as well."""
        self._is_open = False
        pools = [*self._trackers.values(), *self._storages.values()]
        self._trackers.clear()
        self._storages.clear()
        for pool in pools:
            pool.close()

    def _new_pool(self, peer: Peer) -> ConnectionPool:
        if not self._is_open:
            raise PoolClosed(peer, "the store is not open")
        return ConnectionPool(
            peer,
            size=self._config.pool_size,
            pool_timeout=self._config.pool_timeout,
            connect_timeout=self._config.connect_timeout,
            network_timeout=self._config.network_timeout,
        )


async def repeated_if_stale[T](pool: ConnectionPool, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try again, once and over a new connection, when a pooled one had been closed by the server meanwhile."""
    try:
        return await attempt()
    except ConnectionFault as fault:
        if not fault.stale:
            raise
    pool.drop_idle()
    return await attempt()

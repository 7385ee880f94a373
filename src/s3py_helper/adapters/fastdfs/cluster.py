"""The connections to all servers of a cluster."""

from collections.abc import Awaitable, Callable

from s3py_helper.adapters.fastdfs.address import Address, AddressMap
from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.connection import FramedConnection
from s3py_helper.adapters.fastdfs.faults import ConnectionFault, Peer, PoolClosed, Role
from s3py_helper.adapters.fastdfs.pool import ConnectionPool


class Cluster:
    """One pool for each server, made when it is first needed."""

    def __init__(self, config: FastdfsConfig) -> None:
        self._config = config
        self._map = AddressMap(config.address_map)
        self._pools: dict[Peer, ConnectionPool] = {}
        self._is_open = False

    def tracker(self, address: Address) -> ConnectionPool:
        """Connections to a tracker."""
        return self._pool(Peer(Role.TRACKER, address))

    async def connect(self, storage: Address) -> FramedConnection:
        """A connection to a storage server, given by the address that trackers know it by."""
        return await self._storage(storage).get_connection()

    async def talk[T](self, storage: Address, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
        """Do repeatable work over one connection; once more over a new one if a pooled one turns out to be dead."""

        async def once() -> T:
            async with await self.connect(storage) as connection:
                return await work(connection)

        return await repeated_if_stale(self._storage(storage), once)

    async def begin[T](self, storage: Address, work: Callable[[FramedConnection], Awaitable[T]]) -> T:
        """The same, but what `work` returns owns the connection."""

        async def once() -> T:
            connection = await self.connect(storage)
            try:
                return await work(connection)
            except BaseException:  # nobody owns it: it goes back, and is closed there unless it is between exchanges
                connection.release()
                raise

        return await repeated_if_stale(self._storage(storage), once)

    def open(self) -> None:
        """Permit connections."""
        self._is_open = True

    def close(self) -> None:
        """Close all connections, those in use as well."""
        self._is_open = False
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _storage(self, address: Address) -> ConnectionPool:
        return self._pool(Peer(Role.STORAGE, self._map.reached_at(address)))

    def _pool(self, peer: Peer) -> ConnectionPool:
        if not self._is_open:
            raise PoolClosed(peer, "the store is not open")
        if peer not in self._pools:
            self._pools[peer] = ConnectionPool(
                peer,
                size=self._config.pool_size,
                pool_timeout=self._config.pool_timeout,
                connect_timeout=self._config.connect_timeout,
                network_timeout=self._config.network_timeout,
            )
        return self._pools[peer]


async def repeated_if_stale[T](pool: ConnectionPool, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try again, once and over a new connection, when a pooled one had been closed by the server meanwhile."""
    try:
        return await attempt()
    except ConnectionFault as fault:
        if not fault.stale:
            raise
    pool.drop_idle()
    return await attempt()

"""aiofdfs' tracker client over our connections, for trackers of all versions."""

from typing import TYPE_CHECKING, cast

from aiofdfs import Async_Tracker_Client
from aiofdfs.async_fdfs_protol import (
    TRACKER_PROTO_CMD_SERVICE_QUERY_STORE_WITH_GROUP_ONE,
    TRACKER_PROTO_CMD_SERVICE_QUERY_STORE_WITHOUT_GROUP_ONE,
    Storage_server,
)

from s3py_helper.adapters.fastdfs.protocol.group_listing import (
    LIST_GROUPS,
    LIST_STORAGES,
    GroupServer,
    read_group_names,
    read_group_servers,
)
from s3py_helper.adapters.fastdfs.protocol.messages import ask, group_field, read_storage
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool

if TYPE_CHECKING:
    from aiofdfs import AsyncConnectionPool


class TrackerClient(Async_Tracker_Client):
    """Its queries, with the parsing of replies replaced: aiofdfs knows addresses of 15 bytes only.

    aiofdfs has few annotations, hence what is ignored below.
    """

    def __init__(self, pool: ConnectionPool, store_path_index: int) -> None:
        super().__init__(cast("AsyncConnectionPool", pool), store_path_index)
        self._connections = pool

    async def tracker_query_storage_stor_without_group(self) -> Storage_server:
        """Where a new file may go."""
        return await self._query_store(TRACKER_PROTO_CMD_SERVICE_QUERY_STORE_WITHOUT_GROUP_ONE, b"")

    async def tracker_query_storage_stor_with_group(self, group_name: str) -> Storage_server:
        """Where a new file may go within a group."""
        return await self._query_store(TRACKER_PROTO_CMD_SERVICE_QUERY_STORE_WITH_GROUP_ONE, group_field(group_name))

    async def storage_to_read(self, group: str, name: str) -> Storage_server:
        """Where a file may be read."""
        server: Storage_server = await self.tracker_query_storage_fetch(group, name)  # type: ignore[no-untyped-call]
        return server

    async def storage_to_change(self, group: str, name: str) -> Storage_server:
        """Where a file may be changed or deleted."""
        server: Storage_server = await self.tracker_query_storage_update(group, name)  # type: ignore[no-untyped-call]
        return server

    async def group_names(self) -> list[str]:
        """All groups of the cluster."""
        async with await self._connections.get_connection() as connection:
            return read_group_names(await ask(connection, LIST_GROUPS), connection.peer)

    async def group_servers(self, group: str) -> list[GroupServer]:
        """All storage servers of a group, including those that are down."""
        async with await self._connections.get_connection() as connection:
            return read_group_servers(await ask(connection, LIST_STORAGES, group_field(group)), connection.peer)

    async def _tracker_do_query_storage(self, group_name: str, filename: str, cmd: int) -> Storage_server:
        # aiofdfs' queries for reading and for changing a file end up here.
        async with await self._connections.get_connection() as connection:
            reply = await ask(connection, cmd, group_field(group_name) + filename.encode())
            return read_storage(reply, connection.peer, with_path=False)

    async def _query_store(self, command: int, body: bytes) -> Storage_server:
        async with await self._connections.get_connection() as connection:
            server = read_storage(await ask(connection, command, body), connection.peer, with_path=True)
        if self.store_path_index >= 0:
            server.store_path_index = self.store_path_index
        return server

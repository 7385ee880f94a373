"""The source of a migration over a scripted cluster: what trackers tell of servers, and what is read of it."""

from dataclasses import replace
from typing import Any, cast

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer


def group_server(host: str, **facts: Any) -> GroupServer:
    """A storage server that is up and has everything, but for what is said otherwise."""
    plain = GroupServer(
        server_id=host,
        address=Address(host, 23000),
        is_active=True,
        version="6.16",
        store_paths=1,
        free_bytes=1 << 30,
        uploaded=9,
        deleted=2,
        last_change=100,
        synced_until=100,
        last_heartbeat=500,
    )
    return replace(plain, **facts)


def session_of(source: FastdfsMigrationSource) -> Any:
    """What it asks over."""
    return cast("Any", source)._session  # noqa: SLF001 - whether it has a connection is not seen from outside


async def opened(source: FastdfsMigrationSource, *arguments: Any, **more: Any) -> bytes:
    """The bytes that it gives."""
    async with source.open(*arguments, **more) as body:
        return b"".join([chunk async for chunk in body])

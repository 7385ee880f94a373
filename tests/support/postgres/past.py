"""Looking at a database past the ledger."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from s3py_helper.adapters.postgres.address import Address
from tests.support.postgres.server import PostgresServer

type Owner = asyncpg.Connection


@asynccontextmanager
async def past_the_ledger(server: PostgresServer) -> AsyncGenerator[Owner]:
    """The owner's own connection."""
    connection = await asyncpg.connect(server.url())
    try:
        yield connection
    finally:
        await connection.close()


async def sessions(owner: Owner) -> int:
    """How many connections ledgers have."""
    return int(await owner.fetchval("select count(*) from pg_stat_activity where application_name = 's3py-ledger'"))


async def end_leases(url: str) -> None:
    """As if the time had passed for which workers hold files of the ledger there."""
    address = Address.parse(url)
    connection = await asyncpg.connect(address.url, server_settings={"search_path": address.schema})
    try:
        await connection.execute("update file set lease_until = 1 where lease_until is not null")
        await connection.execute("update batch set until = 1")
    finally:
        await connection.close()

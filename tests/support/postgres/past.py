"""Looking at a database past the ledger."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

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

"""A ledger on PostgreSQL, to be copied to."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import Connection, Connections
from s3py_helper.adapters.postgres.errors import CONNECTION_LOST, translated
from s3py_helper.adapters.postgres.places import places_for
from s3py_helper.adapters.postgres.rows import storable
from s3py_helper.adapters.postgres.schema import prepare
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, STATES
from s3py_helper.application.ports.ledger_copy import COLUMNS, SETTINGS, LedgerDestination, Row
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, GateRefusedException

_CONNECT_SECONDS: Final = 10.0
_ROWS: Final = 5000
_NEXT_EVENT: Final = (
    "select setval(pg_get_serial_sequence('event', 'number'), max(number)) from event having count(*) > 0"
)
_STATE: Final = COLUMNS["file"].index("state")


class PostgresLedgerDestination:
    """Writes and reads within one transaction. Made by `postgres_destination`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, table: str, rows: Sequence[Row]) -> Sequence[Row]:
        """See `LedgerDestination.take`."""
        kept = [tuple(storable(value) if isinstance(value, str) else value for value in row) for row in rows]
        if table == "file":
            columns, records = (*COLUMNS[table], "place"), _as_files(kept)
            await self._connection.copy_records_to_table(table, columns=columns, records=records)
        else:
            await self._connection.copy_records_to_table(table, columns=COLUMNS[table], records=kept)
        return kept

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """See `LedgerDestination.rows`."""
        columns = COLUMNS[table]
        narrowed = f" where name in ({', '.join(repr(name) for name in SETTINGS)})" if table == "setting" else ""
        order = f'{columns[0]} collate "C"' if columns[0] != "number" else "number"
        query = f"select {', '.join(columns)} from {table}{narrowed} order by {order}"
        cursor = await self._connection.cursor(query)
        while found := await cursor.fetch(_ROWS):
            yield [_as_row(table, tuple(record)) for record in found]


@asynccontextmanager
async def postgres_destination(url: str, identity: str) -> AsyncGenerator[LedgerDestination]:
    """A ledger that is made, or empty; what the block writes is there as a whole at its end, or not at all.

    Raises:
        GateRefusedException: It holds something, or cannot be used; see `prepare`.
        StorageException: The database failed.
    """
    address = Address.parse(url)
    connections = Connections(address)
    try:
        connection = await connections.acquire(_CONNECT_SECONDS)
        try:
            async with connection.transaction():
                await prepare(connection, address, identity, makes=True)
                await connection.execute("lock table file, route, source, event, setting in exclusive mode")
                await _require_empty(connection, address)
                yield PostgresLedgerDestination(connection)
                await connection.execute(_NEXT_EVENT)
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)
    except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
        raise translated(error, address) from error


async def _require_empty(connection: Connection, address: Address) -> None:
    for table in ("file", "route", "source", "event"):
        if await connection.fetchval(f"select exists (select 1 from {table})"):
            raise GateRefusedException(
                f"the ledger {address} holds something (table {table}): "
                "name another schema with ?schema=..., or drop this one"
            )


def _as_files(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """With numbers for states and with places, in whose order they are written."""
    places = places_for(FileId.parse(str(row[0])) for row in rows)
    return [
        (*row[:_STATE], NUMBER_OF[FileState(str(row[_STATE]))], *row[_STATE + 1 :], place)
        for place, row in sorted(zip(places, rows, strict=True), key=lambda pair: pair[0])
    ]


def _as_row(table: str, record: Row) -> Row:
    if table != "file":
        return record
    return (*record[:_STATE], STATES[int(record[_STATE] or 0)].value, *record[_STATE + 1 :])

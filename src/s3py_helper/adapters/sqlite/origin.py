"""A ledger in a SQLite file, to be copied from."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from s3py_helper.adapters.sqlite.schema import MOVED, prepare_any
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, STATES
from s3py_helper.application.ports.ledger_copy import COLUMNS, SETTINGS, LedgerOrigin, Row
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.migration import FileState, GateRefusedException

_ROWS: Final = 5000
_TRUTHS: Final = frozenset({"accepted", "pending", "complete"})


class SqliteLedgerOrigin:
    """Reads everything, in one thread. Made by `sqlite_origin`."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    async def identity(self) -> str:
        """See `LedgerOrigin.identity`."""
        return str(await self._one("select value from setting where name = 'identity'"))

    async def held(self) -> int:
        """See `LedgerOrigin.held`."""
        copying = NUMBER_OF[FileState.COPYING]
        query = f"select count(*) from file where state = {copying} and lease_until >= ?"
        return int(await self._one(query, int(time.time())))

    async def count(self, table: str) -> int:
        """See `LedgerOrigin.count`."""
        return int(await self._one(f"select count(*) from {table}{_narrowed(table)}"))

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """See `LedgerOrigin.rows`."""
        columns = COLUMNS[table]
        query = f"select {', '.join(columns)} from {table}{_narrowed(table)} order by {columns[0]}"
        cursor = await self._in_thread(lambda: self._connection.execute(query))
        while rows := await self._in_thread(lambda: [_row(columns, row) for row in cursor.fetchmany(_ROWS)]):
            yield rows

    async def leave_behind(self, where: str) -> None:
        """See `LedgerOrigin.leave_behind`."""

        def note() -> None:
            self._connection.execute("insert or replace into setting values (?, ?)", (MOVED, where))
            self._connection.commit()

        await self._in_thread(note)

    async def _one(self, query: str, *values: object) -> Any:
        return await self._in_thread(lambda: self._connection.execute(query, values).fetchone()[0])

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        async def waited() -> T:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

        return await completed(waited())


@asynccontextmanager
async def sqlite_origin(path: Path) -> AsyncGenerator[LedgerOrigin]:
    """A ledger that nobody else has open, and nobody can open inside the block.

    Raises:
        GateRefusedException: Somebody has it open; it has moved already; it is no ledger.
        StorageOperationException: It cannot be read.
    """
    with ThreadPoolExecutor(1, "s3py-ledger-origin") as thread:

        async def in_thread[T](work: Callable[[], T]) -> T:
            return await asyncio.get_running_loop().run_in_executor(thread, work)

        connection = await completed(in_thread(lambda: _alone(path)))
        try:
            yield SqliteLedgerOrigin(connection, thread)
        except sqlite3.Error as error:
            raise StorageOperationException(f"the ledger {path} failed: {error}") from error
        finally:
            await completed(in_thread(connection.close))


def _alone(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path.resolve().as_uri() + "?mode=rw", uri=True, timeout=0, isolation_level=None)
    try:
        # In this mode a connection wants the file for itself alone, and gets it only when nobody has it open (SQLite,
        # "Write-Ahead Logging", 8): not even a service that only waits for deletions.
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("begin exclusive")
        prepare_any(connection)
    except sqlite3.Error as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise GateRefusedException(
                f"another program has the ledger {path} open: stop workers and services first, all of them"
            ) from error
        raise StorageOperationException(f"the ledger {path} failed: {error}") from error
    except BaseException:  # nobody owns it yet
        connection.close()
        raise
    return connection


def _narrowed(table: str) -> str:
    return f" where name in ({', '.join(repr(name) for name in SETTINGS)})" if table == "setting" else ""


def _row(columns: tuple[str, ...], row: tuple[Any, ...]) -> Row:
    return tuple(
        bool(value) if name in _TRUTHS else STATES[value].value if name == "state" else value
        for name, value in zip(columns, row, strict=True)
    )

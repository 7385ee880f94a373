"""An open ledger, as its parts share it."""

import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from s3py_helper.adapters.sqlite.database import Database
from s3py_helper.adapters.sqlite.schema import COLUMNS
from s3py_helper.application.migration.ledger_rows import file_of
from s3py_helper.application.ports.ledger import LedgerFile

_PAGE: Final = 1000


class LedgerFileOnDisk:
    """One SQLite file, which is open inside the block.

    Args:
        path: The file.
        identity: Which deployment it belongs to; another one's ledger is refused.
        clock: Gives Unix seconds.
        actor: Who works with it; stands in every event.
    """

    def __init__(
        self, path: Path, identity: str, *, clock: Callable[[], float] = time.time, actor: str | None = None
    ) -> None:
        self._path = path
        self._identity = identity
        self._clock = clock
        self._actor = actor
        self._database = Database(path, identity)

    async def __aenter__(self) -> Self:
        """Open the file; see `Database.open`."""
        await self._database.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; a ledger that was closed can be opened again."""
        database, self._database = self._database, Database(self._path, self._identity)
        await database.close()

    async def _files(
        self, group: str | None, states: Sequence[int], after: str, narrowed: str = ""
    ) -> AsyncGenerator[LedgerFile]:
        """Rows in the order of their ids, page by page; nothing is held between two pages."""
        wanted = f" and state in ({', '.join(map(str, states))})" if states else ""
        of_group = " and grp = ?" if group is not None else ""
        query = f"select {COLUMNS} from file where id > ?{of_group}{wanted}{narrowed} order by id limit {_PAGE}"
        while True:
            rows = await self._read(query, *((after,) if group is None else (after, group)))
            page = [file_of(row) for row in rows]
            for file in page:
                yield file
            if len(page) < _PAGE:
                return
            after = str(page[-1].file_id)

    def _note(self, connection: sqlite3.Connection, event: str, detail: Mapping[str, object]) -> None:
        if self._actor is not None:
            detail = {**detail, "by": self._actor}
        values = (self._now, event, json.dumps(detail, default=str))
        connection.execute("insert into event(at, name, detail) values (?, ?, ?)", values)

    async def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return await self._database.read(lambda connection: connection.execute(query, values).fetchall())

    async def _write(self, statement: str, *values: object) -> None:
        await self._database.write(lambda connection: connection.execute(statement, values).rowcount)

    @property
    def _now(self) -> int:
        return int(self._clock())

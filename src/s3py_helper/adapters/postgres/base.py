"""An open ledger, as its parts share it."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import Connection
from s3py_helper.adapters.postgres.database import SCAN_SECONDS, Database
from s3py_helper.adapters.postgres.rows import COLUMNS
from s3py_helper.adapters.postgres.schema import bring_up, is_ready
from s3py_helper.application.migration.ledger_rows import file_of
from s3py_helper.application.ports.ledger import LedgerFile

_PAGE: Final = 1000

EXACTLY: Final = "coalesce($1::float8, extract(epoch from statement_timestamp())::float8)"
"""Unix seconds. The first parameter of every statement that has it is a test's clock; else it is the database's own,
which all hosts share."""

NOW: Final = f"floor({EXACTLY})::bigint"
"""The same in whole seconds."""

NOTE: Final = f"insert into event(at, name, detail) values ({NOW}, $2, $3)"


class LedgerInDatabase:
    """One schema of a database, which is open inside the block.

    Args:
        url: Where it is; see `Address.parse`.
        identity: Which migration it belongs to; another one's ledger is refused.
        clock: Gives Unix seconds; by default the database's clock counts.
        actor: Who works with it; stands in every event.
        makes: Whether a ledger that is not there is made.
        waits: Whether it is waited for when it is opened while its database is being restarted.
    """

    def __init__(
        self,
        url: str,
        identity: str,
        *,
        clock: Callable[[], float] | None = None,
        actor: str | None = None,
        makes: bool = True,
        waits: bool = False,
    ) -> None:
        self._address = Address.parse(url)
        self._identity = identity
        self._clock = clock
        self._actor = actor
        self._makes = makes
        self._waits = waits
        self._database = Database(self._address)

    async def __aenter__(self) -> Self:
        """Open it; see `is_ready`, `bring_up` and `Database.open`."""

        async def looking(connection: Connection) -> bool:
            return await is_ready(connection, self._address, self._identity, makes=self._makes)

        async def bringing_up(connection: Connection) -> None:
            await bring_up(connection, self._address, self._identity)

        await self._database.open(looking, bringing_up, waits=self._waits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; a ledger that was closed can be opened again."""
        database, self._database = self._database, Database(self._address)
        await database.close()

    async def _files(
        self, group: str | None, states: Sequence[int], after: str, narrowed: str = ""
    ) -> AsyncGenerator[LedgerFile]:
        """Rows in the order of their ids, page by page; nothing is held between two pages."""
        wanted = f" and state in ({', '.join(map(str, states))})" if states else ""
        of_group = "" if group is None else " and grp = $2"
        query = f"select {COLUMNS} from file where id > $1{of_group}{wanted}{narrowed} order by id limit {_PAGE}"
        while True:
            values = (after,) if group is None else (after, group)
            page = [file_of(row) for row in await self._database.read(query, *values, seconds=SCAN_SECONDS)]
            for file in page:
                yield file
            if len(page) < _PAGE:
                return
            after = str(page[-1].file_id)

    def _noted(self, event: str, detail: Mapping[str, object]) -> tuple[float | None, str, str]:
        """The values of `NOTE`."""
        if self._actor is not None:
            detail = {**detail, "by": self._actor}
        return (self._given, event, json.dumps(detail, default=str))

    @property
    def _given(self) -> float | None:
        """What a test's clock says."""
        return None if self._clock is None else self._clock()

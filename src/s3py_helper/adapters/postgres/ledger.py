"""The port `Ledger` on PostgreSQL."""

import copy
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import asdict
from typing import Final, Literal, Self

from s3py_helper.adapters.postgres.base import EXACTLY, NOTE
from s3py_helper.adapters.postgres.connections import Connection
from s3py_helper.adapters.postgres.database import SCAN_SECONDS, changed_rows
from s3py_helper.adapters.postgres.deletions import DeletingLedger
from s3py_helper.adapters.postgres.rows import COLUMNS
from s3py_helper.adapters.postgres.work import texts
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, STATES, file_of
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits, Tally
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route

_SAMPLES: Final = 3
_MOST_AHEAD: Final = 600
"""Seconds. A clock that was set back must not stop everything for as long as it was set back."""

_PLANNED: Final = NUMBER_OF[FileState.PLANNED]
_QUARANTINED: Final = NUMBER_OF[FileState.QUARANTINED]
_TO_LOOK_AT: Final = f"shelf in ({NUMBER_OF[FileState.MISSING_AT_SOURCE]}, {_QUARANTINED})"
"""Leads to the index of these files."""

_PUT_SETTING: Final = "insert into setting values ($1, $2) on conflict (name) do update set value = excluded.value"
_PUT_ROUTE: Final = "insert into route values ($1, $2) on conflict (grp) do update set route = excluded.route"

_DRAW: Final = f"""
with rate as (
    select (value::json ->> ($2 || '_per_second'))::float8 as rate from setting where name = 'limits'
), cost as (
    select $3::float8 / rate as seconds, {EXACTLY} as now from rate where rate is not null
), turn as (
    insert into account as a select $2, now + seconds from cost
    on conflict (name) do update set free_at =
        least(greatest(a.free_at, {EXACTLY}), {EXACTLY} + {_MOST_AHEAD}) + excluded.free_at - {EXACTLY}
    returning free_at
)
select free_at - seconds - now from turn, cost
"""


class PostgresLedger(DeletingLedger):
    """A ledger in a schema of a database. Any number of processes of any number of hosts may use it."""

    def hurried(self) -> Self:
        """See `Ledger.hurried`. It has the connections in common with this one."""
        other = copy.copy(self)
        other._database = self._database.hurried()  # noqa: SLF001 - a copy of this one
        return other

    async def find(self, file_id: FileId) -> LedgerFile | None:
        """See `Ledger.find`."""
        rows = await self._database.read(f"select {COLUMNS} from file where id = $1", str(file_id))
        return file_of(rows[0]) if rows else None

    async def route_of(self, group: str) -> Route:
        """See `Ledger.route_of`."""
        return (await self.routes()).get(group, Route.FASTDFS)

    async def routes(self) -> Mapping[str, Route]:
        """See `Ledger.routes`."""
        return {group: Route(route) for group, route in await self._database.read("select grp, route from route")}

    async def set_route(self, group: str, route: Route, *, unless: Collection[FileState] = ()) -> bool:
        """See `Ledger.set_route`. Whoever writes waits meanwhile; seldom, and for as long as a count takes."""
        states = [NUMBER_OF[state] for state in unless]

        async def write(connection: Connection) -> bool:
            await connection.execute("lock table file in share mode")
            if await connection.fetchval(
                "select exists (select 1 from tally where grp = $1 and state = any($2::smallint[]) "
                f"and state <> {_QUARANTINED} group by state having sum(files) > 0) "
                f"or ({_QUARANTINED} = any($2::smallint[]) and exists (select 1 from file "
                f"where grp = $1 and {_TO_LOOK_AT} and state = {_QUARANTINED} and not accepted))",
                group,
                states,
            ):
                return False
            await connection.execute(_PUT_ROUTE, group, route)
            await connection.execute(NOTE, *self._noted("route", {"group": group, "route": route}))
            return True

        return await self._database.transaction(write)

    async def limits(self) -> Limits:
        """See `Ledger.limits`."""
        rows = await self._database.read("select value from setting where name = 'limits'")
        return Limits(**json.loads(rows[0][0])) if rows else Limits()

    async def set_limits(self, limits: Limits) -> None:
        """See `Ledger.set_limits`."""
        await self._database.transaction(lambda connection: self._put_limits(connection, limits))

    async def change_limits(self, change: Callable[[Limits], Limits]) -> Limits:
        """See `Ledger.change_limits`."""

        async def write(connection: Connection) -> Limits:
            # There is a row from now on, and it is this transaction's: the next change goes by what this one leaves.
            await connection.execute("insert into setting values ('limits', '{}') on conflict do nothing")
            text = await connection.fetchval("select value from setting where name = 'limits' for update")
            current = Limits(**json.loads(text))
            changed = change(current)
            if changed != current:
                await self._put_limits(connection, changed)
            return changed

        return await self._database.transaction(write)

    async def _put_limits(self, connection: Connection, limits: Limits) -> None:
        await connection.execute(_PUT_SETTING, "limits", json.dumps(asdict(limits)))
        await connection.execute("delete from account")  # what was drawn at another rate counts no more
        await connection.execute(NOTE, *self._noted("limits", asdict(limits)))

    async def draw(self, what: Literal["bytes", "files"], count: int) -> float:
        """See `Ledger.draw`."""
        rows = await self._database.write(_DRAW, self._given, what, count)
        return float(rows[0][0]) if rows else 0.0

    async def now(self) -> float:
        """See `Ledger.now`."""
        return float((await self._database.read(f"select {EXACTLY}", self._given))[0][0])

    async def room(self) -> int | None:
        """See `Ledger.room`. A database does not tell what its disks have left."""
        return None

    async def tallies(self) -> list[Tally]:
        """See `Ledger.tallies`. Kept up to date by the database with every change: the answer reads no file's row."""
        rows = await self._database.read(
            "select grp, state, sum(files)::bigint, sum(bytes)::bigint from tally group by grp, state "
            "having sum(files) > 0 order by grp, state"
        )
        return [Tally(group, STATES[state], files, size) for group, state, files, size in rows]

    async def reasons(self) -> list[tuple[str, int, list[FileId]]]:
        """See `Ledger.reasons`."""
        rows = await self._database.read(
            "select code, count(*), array_agg(id order by id) filter (where number <= $1) from ("
            "select id, code, row_number() over (partition by code order by id) as number from ("
            "select id, coalesce(split_part(reason, ':', 1), 'unknown') as code from file "
            f"where {_TO_LOOK_AT}) as coded) as numbered group by code order by count(*) desc, code",
            _SAMPLES,
            seconds=SCAN_SECONDS,
        )
        return [(code, count, [FileId.parse(text) for text in samples]) for code, count, samples in rows]

    def files(
        self, *, group: str | None = None, states: Sequence[FileState] = (), after: FileId | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """See `Ledger.files`."""
        return aclosing(self._files(group, [NUMBER_OF[state] for state in states], "" if after is None else str(after)))

    async def retry(self, file_ids: Sequence[FileId] | None = None) -> int:
        """See `Ledger.retry`."""
        return await self._change_quarantined(
            f"state = {_PLANNED}, attempts = 0, next_at = 0, reason = null, accepted = false, fence = fence + 1",
            file_ids,
        )

    async def accept(self, file_ids: Sequence[FileId]) -> int:
        """See `Ledger.accept`."""
        return await self._change_quarantined("accepted = true", file_ids)

    async def _change_quarantined(self, change: str, file_ids: Sequence[FileId] | None) -> int:
        statement = (
            f"update file set {change} where {_TO_LOOK_AT} and state = {_QUARANTINED} "
            "and ($1::text[] is null or id = any($1))"
        )

        async def write(connection: Connection) -> int:
            return changed_rows(await connection.execute(statement, None if file_ids is None else texts(file_ids)))

        return await self._database.transaction(write, SCAN_SECONDS)

    async def note(self, event: str, detail: Mapping[str, object]) -> None:
        """See `Ledger.note`."""
        await self._database.execute(NOTE, *self._noted(event, detail))

    async def events(
        self, *, name: str | None = None, limit: int = 1000
    ) -> list[tuple[int, str, Mapping[str, object]]]:
        """See `Ledger.events`."""
        rows = await self._database.read(
            "select at, name, detail from event where $1::text is null or name = $1 order by number desc limit $2",
            name,
            limit,
        )
        return [(at, name, json.loads(detail)) for at, name, detail in rows]


_: type[Ledger] = PostgresLedger

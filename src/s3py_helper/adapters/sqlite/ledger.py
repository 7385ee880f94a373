"""The port `Ledger` on SQLite."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import asdict
from typing import Final, Literal, Self

from s3py_helper.adapters.sqlite import limiting, work
from s3py_helper.adapters.sqlite.planning import PlanningLedger
from s3py_helper.adapters.sqlite.schema import COLUMNS
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, STATES, file_of
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits, Outcome, Tally
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route, shard_of

_SAMPLES: Final = 3
_PLANNED: Final = NUMBER_OF[FileState.PLANNED]
_DELETED: Final = NUMBER_OF[FileState.DELETED]
_GONE: Final = NUMBER_OF[FileState.GONE]
_DRAINED: Final = NUMBER_OF[FileState.DRAINED]
_QUARANTINED: Final = NUMBER_OF[FileState.QUARANTINED]


class SqliteLedger(PlanningLedger):
    """A ledger in one file. Several processes of one host may use it; the file must lie on a local disk."""

    def hurried(self) -> Self:
        """See `Ledger.hurried`. A file on this host is never away."""
        return self

    async def put(self, file: LedgerFile, state: FileState, reason: str | None = None) -> bool:
        """See `Ledger.put`."""
        changed = await self._database.write(
            lambda connection: (
                connection.execute(
                    "update file set state = ?, reason = ?, changed_at = ? where id = ? and fence = ? and state = ?",
                    (NUMBER_OF[state], reason, self._now, str(file.file_id), file.fence, NUMBER_OF[file.state]),
                ).rowcount
            )
        )
        return changed == 1

    async def begin_drain(self, file: LedgerFile) -> bool:
        """See `Ledger.begin_drain`."""
        statement = (
            f"update file set state = {_DRAINED}, pending = 1, reason = null, changed_at = ? "
            "where id = ? and fence = ? and state = ? "
            "and exists (select 1 from route where route.grp = file.grp and route.route = ?)"
        )
        values = (self._now, str(file.file_id), file.fence, NUMBER_OF[file.state], Route.S3_ONLY)
        return await self._database.write(lambda connection: connection.execute(statement, values).rowcount == 1)

    async def end_drain(self, file_id: FileId) -> None:
        """See `Ledger.end_drain`."""
        await self._write(f"update file set pending = 0 where id = ? and state = {_DRAINED}", str(file_id))

    def begun_drains(self, group: str) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """See `Ledger.begun_drains`."""
        return aclosing(self._files(group, [_DRAINED], "", " and pending = 1"))

    async def claim(
        self,
        worker: str,
        limit: int,
        lease_seconds: float,
        *,
        group: str | None = None,
        large: bool | None = None,
        shard: int | None = None,
    ) -> list[LedgerFile]:
        """See `Ledger.claim`."""
        now = self._now
        until = now + max(1, round(lease_seconds))
        return await self._database.write(
            lambda connection: work.claim(connection, worker, limit, until, now, group=group, large=large, shard=shard)
        )

    async def waiting_shards(self, group: str | None = None) -> list[int]:
        """See `Ledger.waiting_shards`."""
        now = self._now
        return await self._database.read(lambda connection: work.waiting_shards(connection, group, now))

    async def has_work(self, group: str | None = None) -> bool:
        """See `Ledger.has_work`."""
        narrowed = "" if group is None else " and grp = ?"
        # One query for each state: each has an index of its own.
        either = " union all ".join(
            f"select * from (select 1 from file where state = {state}{narrowed} limit 1)"
            for state in (_PLANNED, NUMBER_OF[FileState.COPYING])
        )
        return bool(await self._read(either, *(() if group is None else (group, group))))

    async def extend(self, claims: Sequence[LedgerFile], lease_seconds: float) -> list[bool]:
        """See `Ledger.extend`."""
        until = self._now + max(1, round(lease_seconds))
        return await self._database.write(lambda connection: work.extend(connection, claims, until))

    async def note_upload(self, claim: LedgerFile, upload_id: str | None) -> bool:
        """See `Ledger.note_upload`."""
        return await self._database.write(lambda connection: work.note_upload(connection, claim, upload_id))

    async def release(self, claims: Sequence[LedgerFile]) -> None:
        """See `Ledger.release`."""
        await self._database.write(lambda connection: work.release(connection, claims))

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """See `Ledger.record`."""
        return await self._database.write(lambda connection: work.record(connection, outcomes, self._now))

    async def tombstone(self, file_id: FileId) -> bool:
        """See `Ledger.tombstone`."""

        def mark(connection: sqlite3.Connection) -> bool:
            connection.execute(
                "insert or ignore into file(id, grp, shard, kind, changed_at) values (?, ?, ?, 'normal', ?)",
                (str(file_id), file_id.bucket, shard_of(file_id), self._now),
            )
            # Unconditional but for one that is there: whoever holds a claim loses it by the fence.
            marked = connection.execute(
                f"update file set state = {_DELETED}, fence = fence + 1, pending = 1, lease_owner = null, "
                f"reason = null, changed_at = ? where id = ? and state <> {_DELETED}",
                (self._now, str(file_id)),
            )
            return marked.rowcount == 1

        return await self._database.write(mark)

    async def forget(self, file_id: FileId) -> None:
        """See `Ledger.forget`."""
        # Made by `tombstone` alone: it was never planned, so nothing is known of it, and never claimed.
        await self._write(
            f"delete from file where id = ? and state = {_DELETED} and fence = 1 and size is null and mtime is null",
            str(file_id),
        )

    async def pending_deletions(self, limit: int, after: FileId | None = None) -> list[FileId]:
        """See `Ledger.pending_deletions`."""
        rows = await self._read(
            f"select id from file where pending = 1 and state in ({_DELETED}, {_GONE}) and id > ? order by id limit ?",
            str(after or ""),
            limit,
        )
        return [FileId.parse(text) for (text,) in rows]

    async def deletion_done(self, file_id: FileId) -> bool:
        """See `Ledger.deletion_done`."""
        statement = (
            f"update file set pending = 0 where id = ? and state in ({_DELETED}, {_GONE}) "
            "and ifnull(lease_until, 0) < ?"
        )
        values = (str(file_id), self._now)
        return await self._database.write(lambda connection: connection.execute(statement, values).rowcount == 1)

    async def changed(self, file_id: FileId) -> None:
        """See `Ledger.changed`."""
        await self._write(
            # The lease of a worker that loses its claim by this stays: until then it may store what it has read.
            f"update file set state = {_PLANNED}, fence = fence + 1, lease_owner = null, "
            "attempts = 0, next_at = 0, reason = null, level = null, proof = null, changed_at = ? "
            f"where id = ? and state <> {_DELETED}",
            self._now,
            str(file_id),
        )

    async def find(self, file_id: FileId) -> LedgerFile | None:
        """See `Ledger.find`."""
        rows = await self._read(f"select {COLUMNS} from file where id = ?", str(file_id))
        return file_of(rows[0]) if rows else None

    async def route_of(self, group: str) -> Route:
        """See `Ledger.route_of`."""
        return (await self.routes()).get(group, Route.FASTDFS)

    async def routes(self) -> Mapping[str, Route]:
        """See `Ledger.routes`."""
        return {group: Route(route) for group, route in await self._read("select grp, route from route")}

    async def set_route(self, group: str, route: Route, *, unless: Collection[FileState] = ()) -> bool:
        """See `Ledger.set_route`."""
        states = ", ".join(str(NUMBER_OF[state]) for state in unless)

        def write(connection: sqlite3.Connection) -> bool:
            open_files = f"select 1 from file where grp = ? and state in ({states}) and not accepted limit 1"
            if connection.execute(open_files, (group,)).fetchone() is not None:
                return False
            connection.execute("insert or replace into route values (?, ?)", (group, route))
            self._note(connection, "route", {"group": group, "route": route})
            return True

        return await self._database.write(write)

    async def limits(self) -> Limits:
        """See `Ledger.limits`."""
        return await self._database.read(limiting.limits)

    async def set_limits(self, limits: Limits) -> None:
        """See `Ledger.set_limits`."""
        await self._database.write(lambda connection: self._put_limits(connection, limits))

    async def change_limits(self, change: Callable[[Limits], Limits]) -> Limits:
        """See `Ledger.change_limits`."""

        def write(connection: sqlite3.Connection) -> Limits:
            current = limiting.limits(connection)
            changed = change(current)
            if changed != current:
                self._put_limits(connection, changed)
            return changed

        return await self._database.write(write)

    def _put_limits(self, connection: sqlite3.Connection, limits: Limits) -> None:
        connection.execute("insert or replace into setting values ('limits', ?)", (json.dumps(asdict(limits)),))
        limiting.forget_drawn(connection)
        self._note(connection, "limits", asdict(limits))

    async def draw(self, what: Literal["bytes", "files"], count: int) -> float:
        """See `Ledger.draw`."""
        return await self._database.write(lambda connection: limiting.draw(connection, what, count, self._clock()))

    async def now(self) -> float:
        """See `Ledger.now`."""
        return self._clock()

    async def workers(self) -> int:
        """See `Ledger.workers`."""
        copying = NUMBER_OF[FileState.COPYING]
        query = f"select count(distinct lease_owner) from file where state = {copying} and lease_until >= ?"
        return int((await self._read(query, self._now))[0][0])

    async def room(self) -> int | None:
        """See `Ledger.room`."""
        return (await asyncio.to_thread(shutil.disk_usage, self._path.resolve().parent)).free

    async def tallies(self) -> list[Tally]:
        """See `Ledger.tallies`."""
        rows = await self._read("select grp, state, count(*), ifnull(sum(size), 0) from file group by grp, state")
        return [Tally(group, STATES[state], files, size) for group, state, files, size in rows]

    async def reasons(self) -> list[tuple[str, int, list[FileId]]]:
        """See `Ledger.reasons`."""
        rows = await self._read(
            "select code, count(*), group_concat(case when number <= ? then id end, x'0a') from ("
            "select id, code, row_number() over (partition by code) as number from ("
            "select id, ifnull(substr(reason, 1, instr(reason || ':', ':') - 1), 'unknown') as code "
            "from file where state in (6, 8))) group by code order by count(*) desc, code",
            _SAMPLES,
        )
        return [(code, count, [FileId.parse(text) for text in samples.split("\n")]) for code, count, samples in rows]

    def files(
        self, *, group: str | None = None, states: Sequence[FileState] = (), after: FileId | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """See `Ledger.files`."""
        return aclosing(self._files(group, [NUMBER_OF[state] for state in states], "" if after is None else str(after)))

    async def retry(self, file_ids: Sequence[FileId] | None = None) -> int:
        """See `Ledger.retry`."""
        return await self._change_quarantined(
            f"state = {_PLANNED}, attempts = 0, next_at = 0, reason = null, accepted = 0, fence = fence + 1",
            file_ids,
        )

    async def accept(self, file_ids: Sequence[FileId]) -> int:
        """See `Ledger.accept`."""
        return await self._change_quarantined("accepted = 1", file_ids)

    async def _change_quarantined(self, change: str, file_ids: Sequence[FileId] | None) -> int:
        statement = f"update file set {change} where state = {_QUARANTINED}"

        def write(connection: sqlite3.Connection) -> int:
            if file_ids is None:
                return connection.execute(statement).rowcount
            before = connection.total_changes
            connection.executemany(f"{statement} and id = ?", [(str(file_id),) for file_id in file_ids])
            return connection.total_changes - before

        return await self._database.write(write)

    async def note(self, event: str, detail: Mapping[str, object]) -> None:
        """See `Ledger.note`."""
        await self._database.write(lambda connection: self._note(connection, event, detail))

    async def events(
        self, *, name: str | None = None, limit: int = 1000
    ) -> list[tuple[int, str, Mapping[str, object]]]:
        """See `Ledger.events`."""
        rows = await self._read(
            "select at, name, detail from event where ? is null or name = ? order by number desc limit ?",
            name,
            name,
            limit,
        )
        return [(at, name, json.loads(detail)) for at, name, detail in rows]


_: type[Ledger] = SqliteLedger

"""What a plan writes and asks."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final

from s3py_helper.adapters.postgres.base import NOW
from s3py_helper.adapters.postgres.connections import Connection
from s3py_helper.adapters.postgres.database import SCAN_SECONDS, changed_rows
from s3py_helper.adapters.postgres.places import places_for
from s3py_helper.adapters.postgres.rows import storable
from s3py_helper.adapters.postgres.work import WorkingLedger, texts
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, STATES
from s3py_helper.application.ports.ledger import Known, LedgerFile, Outlined, PlannedFile, ScannedSource
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import SIZE_CLASSES, FileKind, FileState

_PLANNED: Final = NUMBER_OF[FileState.PLANNED]

_INSERT: Final = f"""
insert into file(id, grp, place, kind, size, crc32, mtime, state, reason, seen, changed_at)
select p.*, $11::bigint, {NOW} from unnest(
    $2::text[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::smallint[],
    $10::text[]
) as p on conflict (id) do nothing
"""

_SEEN: Final = "update file set seen = $2 from unnest($1::text[]) as s(id) where file.id = s.id and file.seen <> $2"

_FOUND: Final = """
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) as p(id, kind, size, crc32, mtime)
where file.id = p.id
"""

_FOUND_AGAIN: Final = f"""
update file set state = {_PLANNED}, fence = fence + 1, kind = p.kind, size = p.size, crc32 = p.crc32, mtime = p.mtime,
    attempts = 0, next_at = 0, reason = null, level = null, proof = null, upload_id = null,
    changed_at = {NOW.replace("$1", "$6")}
{_FOUND} and (
    file.state in ({NUMBER_OF[FileState.GONE]}, {NUMBER_OF[FileState.MISSING_AT_SOURCE]})
    or (p.kind = '{FileKind.APPENDER}'
        and file.state in ({NUMBER_OF[FileState.COPIED]}, {NUMBER_OF[FileState.VERIFIED]})
        and (file.size is distinct from p.size or file.crc32 is distinct from p.crc32))
)
"""

_CONFIRMED: Final = f"""
update file set kind = p.kind, size = p.size, crc32 = p.crc32, mtime = p.mtime
{_FOUND} and file.state = {_PLANNED} and file.size is null and p.size is not null
"""

_SIZE_CLASS: Final = "when size is null then null " + " ".join(
    f"when size < {limit} then {number}" for number, limit in enumerate(SIZE_CLASSES)
)


class PlanningLedger(WorkingLedger):
    """The part of a ledger that plans work with."""

    async def plan(self, files: Sequence[PlannedFile], run: int = 0) -> int:
        """See `Ledger.plan`."""
        if not files:
            return 0
        placed = zip(places_for(file.file_id for file in files), files, strict=True)
        by_place = sorted(placed, key=lambda pair: (pair[0], str(pair[1].file_id)))
        rows = tuple(zip(*(_new(place, file) for place, file in by_place), strict=True))

        async def planning(connection: Connection) -> int:
            new = changed_rows(await connection.execute(_INSERT, self._given, *rows, run))
            if new < len(files):
                await connection.execute(_SEEN, sorted(rows[0]), run)
                # A file that is listed twice has the facts that were listed last.
                in_order = sorted(files, key=lambda file: str(file.file_id))
                there = {str(file.file_id): _facts(file) for file in in_order if file.state is FileState.PLANNED}
                if there:
                    facts = tuple(zip(*there.values(), strict=True))
                    await connection.execute(_FOUND_AGAIN, *facts, self._given)
                    await connection.execute(_CONFIRMED, *facts)
            return new

        return await self._database.transaction(planning)

    async def known(self, file_ids: Sequence[FileId], run: int) -> Mapping[FileId, Known]:
        """See `Ledger.known`."""
        rows = await self._database.read(
            "select id, state, seen = $2, size is not null from file where id = any($1::text[])", texts(file_ids), run
        )
        known = {text: Known(STATES[state], seen, sized) for text, state, seen, sized in rows}
        return {file_id: known[text] for file_id in file_ids if (text := str(file_id)) in known}

    async def seen(self, file_ids: Sequence[FileId], run: int) -> None:
        """See `Ledger.seen`."""
        await self._database.execute(_SEEN, texts(set(file_ids)), run)

    async def live(self, group: str, run: int) -> int:
        """See `Ledger.live`."""
        gone = ", ".join(str(NUMBER_OF[state]) for state in (FileState.GONE, FileState.DELETED))
        query = f"select count(*) from file where grp = $1 and seen = $2 and state not in ({gone})"
        return int((await self._database.read(query, group, run, seconds=SCAN_SECONDS))[0][0])

    async def deleted_since(self, group: str, moment: float) -> int:
        """See `Ledger.deleted_since`."""
        query = (
            f"select count(*) from file where grp = $1 and shelf = {NUMBER_OF[FileState.DELETED]} "
            "and changed_at >= $2::float8"
        )
        return int((await self._database.read(query, group, moment))[0][0])

    async def next_run(self) -> int:
        """See `Ledger.next_run`."""
        rows = await self._database.write(
            "insert into setting as s values ('run', '1') "
            "on conflict (name) do update set value = (s.value::bigint + 1)::text returning value"
        )
        return int(rows[0][0])

    def unseen(self, group: str, run: int) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """See `Ledger.unseen`."""
        states = [NUMBER_OF[state] for state in (FileState.COPIED, FileState.VERIFIED)]
        return aclosing(self._files(group, states, "", f" and seen < {run:d}"))

    async def outline(self) -> list[Outlined]:
        """See `Ledger.outline`."""
        rows = await self._database.read(
            f"select kind, state, case {_SIZE_CLASS} else {len(SIZE_CLASSES)} end as class, "
            "count(*), coalesce(sum(size), 0)::bigint from file group by 1, 2, 3 order by 1, 2, 3 nulls first",
            seconds=SCAN_SECONDS,
        )
        return [
            Outlined(FileKind(kind), STATES[state], number, files, size) for kind, state, number, files, size in rows
        ]

    async def note_source(self, source: ScannedSource) -> None:
        """See `Ledger.note_source`."""
        await self._database.execute(
            "insert into source values ($1, $2, $3, $4, $5) on conflict (name) do update set grp = excluded.grp, "
            "scanned_at = excluded.scanned_at, files = excluded.files, complete = excluded.complete",
            storable(source.name),
            source.group,
            source.scanned_at,
            source.files,
            source.complete,
        )

    async def sources(self) -> list[ScannedSource]:
        """See `Ledger.sources`."""
        rows = await self._database.read(
            'select name, grp, scanned_at, files, complete from source order by name collate "C"'
        )
        return [ScannedSource(*row) for row in rows]


def _new(place: int, file: PlannedFile) -> tuple[object, ...]:
    file_id = file.file_id
    facts = (file.kind, file.size, file.crc32, file.mtime)
    return (str(file_id), file_id.bucket, place, *facts, NUMBER_OF[file.state], storable(file.reason))


def _facts(file: PlannedFile) -> tuple[object, ...]:
    return (str(file.file_id), file.kind, file.size, file.crc32, file.mtime)

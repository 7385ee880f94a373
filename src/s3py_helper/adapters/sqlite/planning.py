"""What a plan writes and asks."""

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final

from s3py_helper.adapters.sqlite.base import LedgerFileOnDisk
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, STATES
from s3py_helper.application.ports.ledger import Known, LedgerFile, Outlined, PlannedFile, ScannedSource
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import SIZE_CLASSES, FileKind, FileState, shard_of

_PLANNED: Final = NUMBER_OF[FileState.PLANNED]

_INSERT: Final = """
insert or ignore into file(id, grp, shard, kind, size, crc32, mtime, state, reason, changed_at, seen)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_FOUND_AGAIN: Final = f"""
update file set state = {_PLANNED}, fence = fence + 1, kind = :kind, size = :size, crc32 = :crc32, mtime = :mtime,
    attempts = 0, next_at = 0, reason = null, level = null, proof = null, upload_id = null, changed_at = :now
where id = :id and (
    state in ({NUMBER_OF[FileState.GONE]}, {NUMBER_OF[FileState.MISSING_AT_SOURCE]})
    or (:appender and state in ({NUMBER_OF[FileState.COPIED]}, {NUMBER_OF[FileState.VERIFIED]})
        and (size is not :size or crc32 is not :crc32))
)
"""

_CONFIRMED: Final = f"""
update file set kind = :kind, size = :size, crc32 = :crc32, mtime = :mtime
where id = :id and state = {_PLANNED} and size is null
"""

_SIZE_CLASS: Final = "when size is null then null " + " ".join(
    f"when size < {limit} then {number}" for number, limit in enumerate(SIZE_CLASSES)
)


class PlanningLedger(LedgerFileOnDisk):
    """The part of a ledger that plans work with."""

    async def plan(self, files: Sequence[PlannedFile], run: int = 0) -> int:
        """See `Ledger.plan`."""
        return await self._database.write(lambda connection: _plan(connection, files, run, self._now))

    async def known(self, file_ids: Sequence[FileId], run: int) -> Mapping[FileId, Known]:
        """See `Ledger.known`."""
        rows = await self._read(
            "select id, state, seen, size is not null from file where id in (select value from json_each(?))",
            json.dumps([str(file_id) for file_id in file_ids]),
        )
        known = {text: Known(STATES[state], seen == run, bool(sized)) for text, state, seen, sized in rows}
        return {file_id: known[text] for file_id in file_ids if (text := str(file_id)) in known}

    async def seen(self, file_ids: Sequence[FileId], run: int) -> None:
        """See `Ledger.seen`."""
        ids = json.dumps([str(file_id) for file_id in file_ids])
        await self._write("update file set seen = ? where id in (select value from json_each(?))", run, ids)

    async def live(self, group: str, run: int) -> int:
        """See `Ledger.live`."""
        gone = ", ".join(str(NUMBER_OF[state]) for state in (FileState.GONE, FileState.DELETED))
        query = f"select count(*) from file where grp = ? and seen = ? and state not in ({gone})"
        return int((await self._read(query, group, run))[0][0])

    async def deleted_since(self, group: str, moment: float) -> int:
        """See `Ledger.deleted_since`."""
        query = "select count(*) from file where grp = ? and state = ? and changed_at >= ?"
        return int((await self._read(query, group, NUMBER_OF[FileState.DELETED], moment))[0][0])

    async def next_run(self) -> int:
        """See `Ledger.next_run`."""

        def count(connection: sqlite3.Connection) -> int:
            connection.execute("insert or ignore into setting values ('run', '0')")
            connection.execute("update setting set value = value + 1 where name = 'run'")
            return int(connection.execute("select value from setting where name = 'run'").fetchone()[0])

        return await self._database.write(count)

    def unseen(self, group: str, run: int) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """See `Ledger.unseen`."""
        states = [NUMBER_OF[state] for state in (FileState.COPIED, FileState.VERIFIED)]
        return aclosing(self._files(group, states, "", f" and seen < {run:d}"))

    async def outline(self) -> list[Outlined]:
        """See `Ledger.outline`."""
        rows = await self._read(
            f"select kind, state, case {_SIZE_CLASS} else {len(SIZE_CLASSES)} end as class, "
            "count(*), ifnull(sum(size), 0) from file group by kind, state, class order by kind, state, class"
        )
        return [
            Outlined(FileKind(kind), STATES[state], number, files, size) for kind, state, number, files, size in rows
        ]

    async def note_source(self, source: ScannedSource) -> None:
        """See `Ledger.note_source`."""
        await self._write(
            "insert or replace into source values (?, ?, ?, ?, ?)",
            source.name,
            source.group,
            source.scanned_at,
            source.files,
            source.complete,
        )

    async def sources(self) -> list[ScannedSource]:
        """See `Ledger.sources`."""
        rows = await self._read("select name, grp, scanned_at, files, complete from source order by name")
        return [ScannedSource(name, group, at, files, bool(complete)) for name, group, at, files, complete in rows]


def _plan(connection: sqlite3.Connection, files: Sequence[PlannedFile], run: int, now: int) -> int:
    before = connection.total_changes
    connection.executemany(_INSERT, [_new(f, run, now) for f in files])
    new = connection.total_changes - before
    if new < len(files):
        connection.executemany("update file set seen = ? where id = ?", [(run, str(f.file_id)) for f in files])
        there = [_found(f, now) for f in files if f.state is FileState.PLANNED]
        connection.executemany(_FOUND_AGAIN, there)
        connection.executemany(_CONFIRMED, [found for found in there if found["size"] is not None])
    return new


def _new(file: PlannedFile, run: int, now: int) -> tuple[Any, ...]:
    file_id, state = file.file_id, NUMBER_OF[file.state]
    facts = (file.kind, file.size, file.crc32, file.mtime)
    return (str(file_id), file_id.bucket, shard_of(file_id), *facts, state, file.reason, now, run)


def _found(file: PlannedFile, now: int) -> dict[str, Any]:
    return {
        "id": str(file.file_id),
        "kind": file.kind,
        "size": file.size,
        "crc32": file.crc32,
        "mtime": file.mtime,
        "appender": file.kind is FileKind.APPENDER,
        "now": now,
    }

"""What deletions and changes through the kit leave in the ledger, and what drains do."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final

from s3py_helper.adapters.postgres.base import NOW
from s3py_helper.adapters.postgres.places import places_for
from s3py_helper.adapters.postgres.planning import PlanningLedger
from s3py_helper.adapters.postgres.rows import storable
from s3py_helper.application.migration.ledger_rows import NUMBER_OF
from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route

_PLANNED: Final = NUMBER_OF[FileState.PLANNED]
_DELETED: Final = NUMBER_OF[FileState.DELETED]
_GONE: Final = NUMBER_OF[FileState.GONE]
_DRAINED: Final = NUMBER_OF[FileState.DRAINED]


class DeletingLedger(PlanningLedger):
    """The part of a ledger that keeps what is deleted from coming back."""

    async def put(self, file: LedgerFile, state: FileState, reason: str | None = None) -> bool:
        """See `Ledger.put`."""
        changed = await self._database.execute(
            f"update file set state = $2, reason = $3, changed_at = {NOW} where id = $4 and fence = $5 and state = $6",
            self._given,
            NUMBER_OF[state],
            storable(reason),
            str(file.file_id),
            file.fence,
            NUMBER_OF[file.state],
        )
        return changed == 1

    async def begin_drain(self, file: LedgerFile) -> bool:
        """See `Ledger.begin_drain`. `set_route` locks the table: the route cannot change in the middle."""
        changed = await self._database.execute(
            f"update file set state = {_DRAINED}, pending = true, reason = null, changed_at = {NOW} "
            "where id = $2 and fence = $3 and state = $4 "
            "and exists (select 1 from route where route.grp = file.grp and route.route = $5)",
            self._given,
            str(file.file_id),
            file.fence,
            NUMBER_OF[file.state],
            Route.S3_ONLY,
        )
        return changed == 1

    async def end_drain(self, file_id: FileId) -> None:
        """See `Ledger.end_drain`."""
        await self._database.execute(
            f"update file set pending = false where id = $1 and state = {_DRAINED}", str(file_id)
        )

    def begun_drains(self, group: str) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """See `Ledger.begun_drains`."""
        return aclosing(self._files(group, [_DRAINED], "", " and pending"))

    async def tombstone(self, file_id: FileId) -> bool:
        """See `Ledger.tombstone`."""
        # Unconditional but for one that is there: whoever holds a claim loses it by the fence.
        changed = await self._database.execute(
            "insert into file as f(id, grp, place, kind, state, fence, pending, changed_at) "
            f"values ($2, $3, $4, 'normal', {_DELETED}, 1, true, {NOW}) "
            f"on conflict (id) do update set state = {_DELETED}, fence = f.fence + 1, pending = true, "
            f"lease_owner = null, reason = null, changed_at = excluded.changed_at where f.state <> {_DELETED}",
            self._given,
            str(file_id),
            file_id.bucket,
            *places_for([file_id]),
        )
        return changed == 1

    async def forget(self, file_id: FileId) -> None:
        """See `Ledger.forget`."""
        # Made by `tombstone` alone: it was never planned, so nothing is known of it, and never claimed.
        await self._database.execute(
            f"delete from file where id = $1 and state = {_DELETED} and fence = 1 and size is null and mtime is null",
            str(file_id),
        )

    async def pending_deletions(self, limit: int, after: FileId | None = None) -> list[FileId]:
        """See `Ledger.pending_deletions`."""
        rows = await self._database.read(
            f"select id from file where pending and state in ({_DELETED}, {_GONE}) and id > $1 order by id limit $2",
            str(after or ""),
            limit,
        )
        return [FileId.parse(text) for (text,) in rows]

    async def deletion_done(self, file_id: FileId) -> bool:
        """See `Ledger.deletion_done`."""
        changed = await self._database.execute(
            f"update file set pending = false where id = $2 and state in ({_DELETED}, {_GONE}) "
            f"and coalesce(lease_until, 0) < {NOW}",
            self._given,
            str(file_id),
        )
        return changed == 1

    async def changed(self, file_id: FileId) -> None:
        """See `Ledger.changed`."""
        await self._database.execute(
            # The lease of a worker that loses its claim by this stays: until then it may store what it has read.
            f"update file set state = {_PLANNED}, fence = fence + 1, lease_owner = null, "
            "attempts = 0, next_at = 0, reason = null, level = null, proof = null, "
            f"changed_at = {NOW} where id = $2 and state <> {_DELETED}",
            self._given,
            str(file_id),
        )

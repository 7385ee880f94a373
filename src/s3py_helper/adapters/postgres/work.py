"""What workers do with what they have claimed: prolong, give back, record."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

from s3py_helper.adapters.postgres.base import NOW
from s3py_helper.adapters.postgres.claiming import COPYING, PLANNED, ClaimingLedger
from s3py_helper.adapters.postgres.rows import storable
from s3py_helper.application.migration.ledger_rows import NUMBER_OF
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState

_GONE: Final = NUMBER_OF[FileState.GONE]

# A batch whose last file is settled is of no use any more. Each file counts once, when it is no longer being copied.
# Two statements that meet on a batch may leave it: then whoever finds it due clears it away.
_SETTLED: Final = """
settled as (
    select batch as number, count(*) as files from changed where batch is not null group by batch
), fewer as (
    update batch set open = open - files from settled where batch.number = settled.number and open > files
), none as (
    delete from batch using settled where batch.number = settled.number and open <= files
)
"""

_RECORD: Final = f"""
with changed as (
update file set state = o.state, reason = o.reason, attempts = file.attempts + o.failed,
    next_at = coalesce(o.next_at, file.next_at), size = coalesce(o.size, file.size),
    crc32 = coalesce(o.crc32, file.crc32), mtime = coalesce(o.mtime, file.mtime), kind = coalesce(o.kind, file.kind),
    level = coalesce(o.level, file.level), proof = coalesce(o.proof, file.proof),
    object_key = coalesce(o.key, file.object_key), etag = coalesce(o.etag, file.etag),
    verified_at = coalesce(o.verified_at, file.verified_at),
    upload_id = case o.state when {PLANNED} then coalesce(file.upload_id, o.upload_id) else o.upload_id end,
    pending = o.state = {_GONE} or file.pending,
    lease_owner = null, lease_until = null, changed_at = {NOW},
    batch = case file.state when {COPYING} then batch end
from unnest(
    $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::integer[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bigint[]
) as o(
    id, fence, state, reason, failed, next_at, size, crc32, mtime, kind, level, proof, key, etag, upload_id, verified_at
)
where file.id = o.id and file.fence = o.fence returning file.id, batch
), {_SETTLED}
select id from changed
"""

_OF_CLAIMS: Final = f"where file.id = c.id and file.fence = c.fence and file.state = {COPYING}"


class WorkingLedger(ClaimingLedger):
    """The part of a ledger that workers use."""

    async def has_work(self, group: str | None = None) -> bool:
        """See `Ledger.has_work`."""
        rows = await self._database.read(
            f"select coalesce(sum(files), 0) > 0 from tally where state in ({PLANNED}, {COPYING}) "
            "and ($1::text is null or grp = $1)",
            group,
        )
        return bool(rows[0][0])

    async def extend(self, claims: Sequence[LedgerFile], lease_seconds: float) -> list[bool]:
        """See `Ledger.extend`."""
        rows = await self._database.write(
            f"update file set lease_until = {NOW} + $2 from unnest($3::text[], $4::bigint[]) as c(id, fence) "
            f"{_OF_CLAIMS} returning file.id",
            self._given,
            max(1, round(lease_seconds)),
            *_ids_and_fences(claims),
        )
        kept = {text for (text,) in rows}
        return [str(claim.file_id) in kept for claim in claims]

    async def note_upload(self, claim: LedgerFile, upload_id: str | None) -> bool:
        """See `Ledger.note_upload`."""
        changed = await self._database.execute(
            f"update file set upload_id = $3 where id = $1 and fence = $2 and state = {COPYING}",
            str(claim.file_id),
            claim.fence,
            storable(upload_id),
        )
        return changed == 1

    async def release(self, claims: Sequence[LedgerFile]) -> None:
        """See `Ledger.release`."""
        await self._database.execute(
            f"with changed as (update file set state = {PLANNED}, lease_owner = null, lease_until = null "
            f"from unnest($1::text[], $2::bigint[]) as c(id, fence) {_OF_CLAIMS} returning batch), {_SETTLED} "
            "select 1",
            *_ids_and_fences(claims),
        )

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """See `Ledger.record`."""
        if len({outcome.file_id for outcome in outcomes}) < len(outcomes):
            # A statement changes a row once: what comes later for the same file is another's.
            return [written for outcome in outcomes for written in await self.record([outcome])]
        # In the order of ids, as everywhere: statements that meet wait for each other, and for nobody in a circle.
        known = [(str(outcome.file_id), outcome) for outcome in outcomes]
        rows = [_recorded(text, outcome) for text, outcome in sorted(known, key=itemgetter(0))]
        if not rows:
            return []
        written = {text for (text,) in await self._database.write(_RECORD, self._given, *_columns(rows))}
        return [text in written for text, _ in known]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[Sequence[Any] | None]:
    """Arrays of a statement; one without a value is left out, which `unnest` fills up: half of them, as a rule."""
    return [None if all(value is None for value in column) else column for column in zip(*rows, strict=True)]


def _recorded(text: str, outcome: Outcome) -> tuple[Any, ...]:
    return (
        text,
        outcome.fence,
        NUMBER_OF[outcome.state],
        storable(outcome.reason),
        int(outcome.failed),
        outcome.next_at,
        outcome.size,
        outcome.crc32,
        outcome.mtime,
        outcome.kind,
        outcome.level,
        outcome.proof,
        storable(outcome.key),
        storable(outcome.etag),
        storable(outcome.upload_id),
        outcome.verified_at,
    )


def _ids_and_fences(claims: Sequence[LedgerFile]) -> tuple[list[str], list[int]]:
    in_order = sorted((str(claim.file_id), claim.fence) for claim in claims)
    return [text for text, _ in in_order], [fence for _, fence in in_order]


def texts(file_ids: Iterable[FileId]) -> list[str]:
    """Ids as the tables have them, in their order."""
    return sorted(map(str, file_ids))

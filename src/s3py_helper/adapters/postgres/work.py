"""What workers do: claim, prolong, give back, record."""

import random
from collections.abc import Iterable, Sequence
from typing import Any, Final

from s3py_helper.adapters.postgres.base import NOW, LedgerInDatabase
from s3py_helper.adapters.postgres.places import PLACES_OF_SHARD, places_of
from s3py_helper.adapters.postgres.rows import COLUMNS, storable
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, file_of
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import SHARDS, FileState

_PLANNED: Final = NUMBER_OF[FileState.PLANNED]
_COPYING: Final = NUMBER_OF[FileState.COPYING]
_GONE: Final = NUMBER_OF[FileState.GONE]

# Rows that somebody else is about to claim are passed over, not waited for (PostgreSQL manual, SELECT, "The Locking
# Clause"). A claim takes the locks and changes the rows in one statement: nobody sees the one without the other.
_TAKE: Final = f"""
with picked as materialized (
    select id from file where {{waiting}} limit $4 for update skip locked
)
update file set state = {_COPYING}, fence = fence + 1, lease_owner = $2, lease_until = {NOW} + $3
from picked where file.id = picked.id returning {COLUMNS}, place
"""

_RECORD: Final = f"""
update file set state = o.state, reason = o.reason, attempts = file.attempts + o.failed,
    next_at = coalesce(o.next_at, file.next_at), size = coalesce(o.size, file.size),
    crc32 = coalesce(o.crc32, file.crc32), mtime = coalesce(o.mtime, file.mtime), kind = coalesce(o.kind, file.kind),
    level = coalesce(o.level, file.level), proof = coalesce(o.proof, file.proof),
    object_key = coalesce(o.key, file.object_key), etag = coalesce(o.etag, file.etag),
    verified_at = coalesce(o.verified_at, file.verified_at),
    upload_id = case o.state when {_PLANNED} then coalesce(file.upload_id, o.upload_id) else o.upload_id end,
    pending = o.state = {_GONE} or file.pending,
    lease_owner = null, lease_until = null, changed_at = {NOW}
from unnest(
    $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::integer[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bigint[]
) as o(
    id, fence, state, reason, failed, next_at, size, crc32, mtime, kind, level, proof, key, etag, upload_id, verified_at
)
where file.id = o.id and file.fence = o.fence returning file.id
"""

_OF_CLAIMS: Final = f"where file.id = c.id and file.fence = c.fence and file.state = {_COPYING}"


class WorkingLedger(LedgerInDatabase):
    """The part of a ledger that workers use."""

    _cursor: int | None = None

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
        """See `Ledger.claim`. Leases that have ended come first: somebody waits for these files longest."""
        places = places_of(shard)
        lease = max(1, round(lease_seconds))
        narrowed = "place between $5 and $6"
        values: list[object] = [places.start, places.stop - 1]
        if group is not None:
            narrowed += " and grp = $7"
            values.append(group)
        sizes = (False, True) if large is None else (large,)
        of_size = "" if large is None else f" and large = {large}"
        expired = f"state = {_COPYING} and lease_until < {NOW} and {narrowed}{of_size}"
        claimed = await self._take(worker, lease, limit, expired, values)
        for size in sizes:
            waiting = f"state = {_PLANNED} and large = {size} and next_at <= {NOW} and {narrowed} order by place"
            for first, last in self._ways_round(places):
                if len(claimed) < limit:
                    there = [first, last, *values[2:]]
                    claimed += await self._take(worker, lease, limit - len(claimed), waiting, there)
        return claimed

    def _ways_round(self, places: range) -> list[tuple[int, int]]:
        """From where the last claim ended to the end, and from the beginning to there.

        What was claimed leaves dead entries in the index until they are cleared away. A claim that began at the
        beginning would walk over all of them.
        """
        if self._cursor is None:
            self._cursor = random.choice(places)  # noqa: S311 - no secret
        if self._cursor not in places or self._cursor == places.start:
            return [(places.start, places.stop - 1)]
        return [(self._cursor, places.stop - 1), (places.start, self._cursor - 1)]

    async def _take(
        self, worker: str, lease: int, limit: int, waiting: str, values: Sequence[object]
    ) -> list[LedgerFile]:
        rows = await self._database.write(_TAKE.format(waiting=waiting), self._given, worker, lease, limit, *values)
        if rows:
            self._cursor = max(row["place"] for row in rows)
        return [file_of(row) for row in rows]

    async def waiting_shards(self, group: str | None = None) -> list[int]:
        """See `Ledger.waiting_shards`."""
        of_group = "" if group is None else " and grp = $2"
        first, last = f"number * {PLACES_OF_SHARD}", f"number * {PLACES_OF_SHARD} + {PLACES_OF_SHARD - 1}"
        held = f"select place / {PLACES_OF_SHARD} from file where state = {_COPYING} and lease_until"
        rows = await self._database.read(
            # One look into the index for each shard and size, however many files are planned.
            f"select number from generate_series(0, {SHARDS - 1}) as number where (exists ("
            "select 1 from (values (false), (true)) as size(large) cross join lateral ("
            f"select 1 from file where state = {_PLANNED} and file.large = size.large and next_at <= {NOW} "
            f"and place between {first} and {last}{of_group} limit 1) as found) "
            f"or number in ({held} < {NOW}{of_group})) and number not in ({held} >= {NOW}) order by number",
            self._given,
            *(() if group is None else (group,)),
        )
        return [number for (number,) in rows]

    async def has_work(self, group: str | None = None) -> bool:
        """See `Ledger.has_work`."""
        rows = await self._database.read(
            f"select coalesce(sum(files), 0) > 0 from tally where state in ({_PLANNED}, {_COPYING}) "
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
            f"update file set upload_id = $3 where id = $1 and fence = $2 and state = {_COPYING}",
            str(claim.file_id),
            claim.fence,
            storable(upload_id),
        )
        return changed == 1

    async def release(self, claims: Sequence[LedgerFile]) -> None:
        """See `Ledger.release`."""
        await self._database.execute(
            f"update file set state = {_PLANNED}, lease_owner = null, lease_until = null "
            f"from unnest($1::text[], $2::bigint[]) as c(id, fence) {_OF_CLAIMS}",
            *_ids_and_fences(claims),
        )

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """See `Ledger.record`."""
        if len({outcome.file_id for outcome in outcomes}) < len(outcomes):
            # A statement changes a row once: what comes later for the same file is another's.
            return [written for outcome in outcomes for written in await self.record([outcome])]
        # In the order of ids, as everywhere: statements that meet wait for each other, and for nobody in a circle.
        in_order = sorted(outcomes, key=lambda outcome: str(outcome.file_id))
        columns = zip(*map(_recorded, in_order), strict=True) if in_order else ()
        rows = await self._database.write(_RECORD, self._given, *columns) if in_order else []
        written = {text for (text,) in rows}
        return [str(outcome.file_id) in written for outcome in outcomes]


def _recorded(outcome: Outcome) -> tuple[Any, ...]:
    return (
        str(outcome.file_id),
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

"""How workers come to files: what waits, and what a worker held whose lease has ended."""

import random
from collections.abc import Sequence
from typing import Final

from s3py_helper.adapters.postgres.base import NOW, LedgerInDatabase
from s3py_helper.adapters.postgres.connections import Connection
from s3py_helper.adapters.postgres.places import PLACES_OF_SHARD, places_of
from s3py_helper.adapters.postgres.rows import COLUMNS
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, file_of
from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.domain.migration import SHARDS, FileState

PLANNED: Final = NUMBER_OF[FileState.PLANNED]
COPYING: Final = NUMBER_OF[FileState.COPYING]

_BATCH_BITS: Final = 62
_DUE_BATCHES: Final = 16
"""Looked through in one claim."""

# Rows that somebody else is about to claim are passed over, not waited for (PostgreSQL manual, SELECT, "The Locking
# Clause"). A claim takes the locks and changes the rows in one statement: nobody sees the one without the other. The
# rows are found again by where they lie, which no one can change while they are locked.
_TAKE: Final = f"""
with picked as materialized (
    select ctid as tuple from file where {{waiting}} limit $4 for update skip locked
), taken as (
    update file set state = {COPYING}, fence = fence + 1, lease_owner = $2, lease_until = {NOW} + $3, batch = $5
    from picked where file.ctid = picked.tuple returning {COLUMNS}, place
), noted as (
    insert into batch select $5::bigint, {NOW} + $3, min(place), max(place), count(*), array_agg(id)
    from taken having count(*) > 0
)
select * from taken
"""

_DUE: Final = f"until < {NOW} and first <= $3 and last >= $2"

# One look by the key for each id, whatever the statistics say: a second read of the whole table is never worth it.
_LEASED: Final = f"""
batch cross join unnest(ids) as listed(id) cross join lateral (
    select place, grp, lease_owner, lease_until, batch from file
    where file.id = listed.id and state = {COPYING} offset 0
) as leased
"""

_TIDY: Final = f"""
with found as (
    select number, count(*)::integer as open, min(lease_until) as until from {_LEASED}
    where number = any($1::bigint[]) and coalesce(leased.batch, number) = number group by number
), kept as (
    update batch set open = found.open, until = found.until from found where batch.number = found.number
)
delete from batch where number = any($1::bigint[]) and number not in (select number from found)
"""


class ClaimingLedger(LedgerInDatabase):
    """The part of a ledger that hands out files."""

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
        narrowed = "place between $6 and $7"
        others: list[object] = []
        if group is not None:
            narrowed += " and grp = $8"
            others.append(group)
        sizes = (False, True) if large is None else (large,)
        of_size = "" if large is None else f" and large = {large}"
        claimed = await self._take_over(worker, lease, limit, f"{narrowed}{of_size}", places, others)
        for size in sizes:
            waiting = (
                f"shelf = {PLANNED} and large = {size} and state = {PLANNED} and next_at <= {NOW} and {narrowed} "
                "order by place"
            )
            for first, last in self._ways_round(places):
                if (left := limit - len(claimed)) > 0:
                    values = (worker, lease, left, _new_batch(), first, last, *others)
                    rows = await self._database.write(_TAKE.format(waiting=waiting), self._given, *values)
                    if rows:
                        self._cursor = max(row["place"] for row in rows)
                        claimed += map(file_of, rows)
        return claimed

    async def _take_over(
        self, worker: str, lease: int, limit: int, narrowed: str, places: range, others: Sequence[object]
    ) -> list[LedgerFile]:
        """Claim files whose leases have ended; seldom there are any."""
        where = (places.start, places.stop - 1)
        if not await self._database.read(f"select 1 from batch where {_DUE} limit 1", self._given, *where):
            return []
        ended = f"id = any(${8 + len(others)}::text[]) and state = {COPYING} and lease_until < {NOW} and {narrowed}"

        async def taking(connection: Connection) -> list[LedgerFile]:
            # In any order: those that are of no use to this worker must not hide the others from it for ever.
            due = await connection.fetch(
                f"select number, ids from batch where {_DUE} order by random() limit {_DUE_BATCHES} "
                "for update skip locked",
                self._given,
                *where,
            )
            ids = sorted({file_id for batch in due for file_id in batch["ids"]})
            values = (worker, lease, limit, _new_batch(), *where, *others, ids)
            rows = await connection.fetch(_TAKE.format(waiting=ended), self._given, *values)
            await connection.execute(_TIDY, [batch["number"] for batch in due])
            return [file_of(row) for row in rows]

        return await self._database.transaction(taking)

    def _ways_round(self, places: range) -> list[tuple[int, int]]:
        """From where the last claim ended to the end, and from the beginning to there.

        What was copied leaves dead entries in the index until they are cleared away. A claim that began at the
        beginning would walk over all of them, and over what others hold.
        """
        if self._cursor is None:
            self._cursor = random.choice(places)  # noqa: S311 - no secret
        if self._cursor not in places or self._cursor == places.start:
            return [(places.start, places.stop - 1)]
        return [(self._cursor, places.stop - 1), (places.start, self._cursor - 1)]

    async def waiting_shards(self, group: str | None = None) -> list[int]:
        """See `Ledger.waiting_shards`."""
        of_group = "" if group is None else " and grp = $2"
        first, last = f"number * {PLACES_OF_SHARD}", f"number * {PLACES_OF_SHARD} + {PLACES_OF_SHARD - 1}"
        held = f"select leased.place / {PLACES_OF_SHARD} from {_LEASED} where lease_until"
        rows = await self._database.read(
            # One look into the index for each shard and size, however many files are planned.
            f"select number from generate_series(0, {SHARDS - 1}) as number where (exists ("
            "select 1 from (values (false), (true)) as size(large) cross join lateral ("
            f"select 1 from file where shelf = {PLANNED} and file.large = size.large and state = {PLANNED} "
            f"and next_at <= {NOW} and place between {first} and {last}{of_group} limit 1) as found) "
            f"or number in ({held} < {NOW}{of_group})) and number not in ({held} >= {NOW}) order by number",
            self._given,
            *(() if group is None else (group,)),
        )
        return [number for (number,) in rows]

    async def workers(self) -> int:
        """See `Ledger.workers`."""
        query = f"select count(distinct lease_owner) from {_LEASED} where lease_until >= {NOW}"
        return int((await self._database.read(query, self._given))[0][0])


def _new_batch() -> int:
    """A number that no other batch has: it is drawn where no server has to be asked."""
    return random.getrandbits(_BATCH_BITS)

"""Claiming and recording. Everything here runs in the ledger's thread, inside a transaction."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from s3py_helper.adapters.sqlite.schema import COLUMNS
from s3py_helper.application.migration.ledger_rows import NUMBER_OF, file_of
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.domain.migration import SHARDS, FileState

_PLANNED: Final = NUMBER_OF[FileState.PLANNED]
_COPYING: Final = NUMBER_OF[FileState.COPYING]

_ANY_SHARD: Final = f"shard in ({', '.join(map(str, range(SHARDS)))})"
"""Says nothing, but leads through the index one shard after the other."""

_RECORD: Final = f"""
update file set state = :state, reason = :reason, attempts = attempts + :failed, next_at = ifnull(:next_at, next_at),
    size = ifnull(:size, size), crc32 = ifnull(:crc32, crc32), mtime = ifnull(:mtime, mtime),
    kind = ifnull(:kind, kind), level = ifnull(:level, level), proof = ifnull(:proof, proof),
    object_key = ifnull(:key, object_key),
    etag = ifnull(:etag, etag), verified_at = ifnull(:verified_at, verified_at),
    upload_id = case :state when {_PLANNED} then ifnull(upload_id, :upload_id) else :upload_id end,
    pending = case :state when {NUMBER_OF[FileState.GONE]} then 1 else pending end,
    lease_owner = null, lease_until = null, changed_at = :now
where id = :id and fence = :fence
"""


def claim(
    connection: sqlite3.Connection,
    worker: str,
    limit: int,
    lease_until: int,
    now: int,
    *,
    group: str | None,
    large: bool | None,
    shard: int | None,
) -> list[LedgerFile]:
    """See `Ledger.claim`. Leases that have ended come first: somebody waits for these files longest."""
    narrowed = f" and {_ANY_SHARD if shard is None else 'shard = :shard'}"
    values: dict[str, Any] = {"worker": worker, "until": lease_until, "now": now, "shard": shard}
    if large is None:
        narrowed += " and large in (0, 1)"
    else:
        narrowed += " and large = :large"
        values["large"] = large
    if group is not None:
        narrowed += " and grp = :grp"
        values["grp"] = group
    claimed: list[LedgerFile] = []
    for waiting in (f"state = {_COPYING} and lease_until < :now", f"state = {_PLANNED} and next_at <= :now"):
        if len(claimed) < limit:
            values["limit"] = limit - len(claimed)
            claimed += map(
                file_of,
                connection.execute(
                    f"update file set state = {_COPYING}, fence = fence + 1, lease_owner = :worker, "
                    f"lease_until = :until where id in (select id from file where {waiting}{narrowed} limit :limit) "
                    f"returning {COLUMNS}",
                    values,
                ),
            )
    return claimed


def waiting_shards(connection: sqlite3.Connection, group: str | None, now: int) -> list[int]:
    """See `Ledger.waiting_shards`."""
    of_group = "" if group is None else " and grp = :grp"
    rows = connection.execute(
        # One look into the index for each shard and size, however many files are planned.
        "with recursive shard(number) as (select 0 union all select number + 1 from shard where number < :last), "
        "size(large) as (values (0), (1)) "
        "select number from shard where (exists (select 1 from size cross join file on file.shard = number "
        f"and file.large = size.large and next_at <= :now where state = {_PLANNED}{of_group}) "
        f"or number in (select shard from file where state = {_COPYING} and lease_until < :now{of_group})) "
        f"and number not in (select shard from file where state = {_COPYING} and lease_until >= :now)",
        {"last": SHARDS - 1, "now": now, "grp": group},
    )
    return [number for (number,) in rows]


def extend(connection: sqlite3.Connection, claims: Sequence[LedgerFile], lease_until: int) -> list[bool]:
    """See `Ledger.extend`."""
    return [
        connection.execute(
            f"update file set lease_until = ? where id = ? and fence = ? and state = {_COPYING}",
            (lease_until, str(claim.file_id), claim.fence),
        ).rowcount
        == 1
        for claim in claims
    ]


def note_upload(connection: sqlite3.Connection, claim: LedgerFile, upload_id: str | None) -> bool:
    """See `Ledger.note_upload`."""
    noted = connection.execute(
        f"update file set upload_id = ? where id = ? and fence = ? and state = {_COPYING}",
        (upload_id, str(claim.file_id), claim.fence),
    )
    return noted.rowcount == 1


def release(connection: sqlite3.Connection, claims: Sequence[LedgerFile]) -> None:
    """See `Ledger.release`."""
    connection.executemany(
        f"update file set state = {_PLANNED}, lease_owner = null, lease_until = null "
        f"where id = ? and fence = ? and state = {_COPYING}",
        [(str(claim.file_id), claim.fence) for claim in claims],
    )


def record(connection: sqlite3.Connection, outcomes: Sequence[Outcome], now: int) -> list[bool]:
    """See `Ledger.record`."""
    return [connection.execute(_RECORD, _recorded(outcome, now)).rowcount == 1 for outcome in outcomes]


def _recorded(outcome: Outcome, now: int) -> dict[str, Any]:
    return {
        "id": str(outcome.file_id),
        "fence": outcome.fence,
        "state": NUMBER_OF[outcome.state],
        "reason": outcome.reason,
        "failed": outcome.failed,
        "next_at": outcome.next_at,
        "size": outcome.size,
        "crc32": outcome.crc32,
        "mtime": outcome.mtime,
        "kind": outcome.kind,
        "level": outcome.level,
        "proof": outcome.proof,
        "key": outcome.key,
        "etag": outcome.etag,
        "upload_id": outcome.upload_id,
        "verified_at": outcome.verified_at,
        "now": now,
    }

"""What makes claims cheap: the rows change where they lie. And ledgers from before that are brought up."""

import asyncio

import asyncpg
import pytest

from s3py_helper.adapters.postgres import schema
from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.postgres.places import places_for
from s3py_helper.application.migration.ledger_rows import NUMBER_OF
from s3py_helper.domain.migration import FileState
from s3py_helper.testing.contract.ledger import Clock, planned
from s3py_helper.testing.contract.ledger_harness import copied
from tests.support.postgres.past import past_the_ledger
from tests.support.postgres.server import PostgresServer


@pytest.mark.timeout(60)
async def test_a_claim_and_a_longer_lease_touch_no_index(postgres: PostgresServer, ledger_url: str) -> None:
    counted = "select {} from pg_stat_user_tables where schemaname = $1 and relname = 'file'"
    name = Address.parse(ledger_url).schema
    async with PostgresLedger(ledger_url, "one") as ledger, past_the_ledger(postgres) as owner:
        await ledger.plan([planned(number) for number in range(500)])
        claims = await ledger.claim("a", 500, 60)
        assert all(await ledger.extend(claims[:100], 60))
        await ledger.release(claims[100:200])
        async with asyncio.timeout(50):
            # A server counts what a connection has done when the connection is idle for a second, or ends.
            await ledger.__aexit__(None, None, None)
            while (await owner.fetchval(counted.format("n_tup_upd"), name)) < 700:
                await asyncio.sleep(0.05)
        # A page may be full of versions that somebody could still see.
        assert 650 < await owner.fetchval(counted.format("n_tup_hot_upd"), name) <= 700


async def test_batches_go_with_their_last_file(postgres: PostgresServer, ledger_url: str) -> None:
    batches = f"select open from {Address.parse(ledger_url).schema}.batch order by open"
    async with PostgresLedger(ledger_url, "one") as ledger, past_the_ledger(postgres) as owner:
        await ledger.plan([planned(number) for number in range(30)])
        first, second = await ledger.claim("a", 20, 60), await ledger.claim("a", 10, 60)
        assert [row["open"] for row in await owner.fetch(batches)] == [10, 20]
        await ledger.record([copied(claim) for claim in (*first[:5], *second)])
        assert [row["open"] for row in await owner.fetch(batches)] == [15]
        await ledger.record([copied(claim) for claim in first[:5]])
        assert [row["open"] for row in await owner.fetch(batches)] == [15], "these have been counted"
        await ledger.release(first[5:])
        assert await owner.fetch(batches) == []


async def test_a_batch_is_cleared_away_although_its_files_went_other_ways(
    postgres: PostgresServer, ledger_url: str, clock: Clock
) -> None:
    batches = f"select open from {Address.parse(ledger_url).schema}.batch"
    async with PostgresLedger(ledger_url, "one", clock=clock) as ledger, past_the_ledger(postgres) as owner:
        await ledger.plan([planned(number) for number in range(10)])
        for claim in await ledger.claim("a", 10, 60):
            await ledger.tombstone(claim.file_id)
        assert len(await owner.fetch(batches)) == 1
        clock.now += 62
        assert await ledger.claim("b", 10, 60) == []
        assert await owner.fetch(batches) == []


async def test_a_ledger_of_the_first_version_is_brought_up(
    ledger_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _make_first_version(ledger_url, monkeypatch, int(clock.now) + 60)
    async with PostgresLedger(ledger_url, "one", clock=clock) as ledger:
        assert await ledger.workers() == 1
        assert await ledger.deleted_since("group1", 0) == 1
        assert [code for code, _, _ in await ledger.reasons()] == ["unreadable"]
        assert [claim.file_id for claim in await ledger.claim("new", 9, 60)] == [planned(1).file_id]
        clock.now += 61
        [taken_over, _] = sorted(await ledger.claim("other", 9, 60), key=lambda claim: -claim.fence)
        assert await ledger.record([copied(taken_over)]) == [True]
        assert await ledger.retry() == 1
        assert len(await ledger.claim("other", 9, 60)) == 1


async def _make_first_version(url: str, monkeypatch: pytest.MonkeyPatch, leased_until: int) -> None:
    address = Address.parse(url)
    first = schema.steps()[:1]
    states = (FileState.PLANNED, FileState.COPYING, FileState.QUARANTINED, FileState.DELETED, FileState.COPIED)
    connection = await asyncpg.connect(address.url, server_settings={"search_path": address.schema})
    try:
        with monkeypatch.context() as patched:
            patched.setattr(schema, "steps", lambda: first)
            await schema.prepare(connection, address, "one", makes=True)
        for number, state in enumerate(states, 1):
            file_id = planned(number).file_id
            await connection.execute(
                "insert into file(id, grp, place, kind, state, size, changed_at) "
                "values ($1, $2, $3, 'normal', $4, 10, 1)",
                str(file_id), file_id.bucket, *places_for([file_id]), NUMBER_OF[state],
            )  # fmt: skip
        await connection.execute(
            "update file set lease_owner = 'old', lease_until = $1, fence = 7 where state = 1", leased_until
        )
        await connection.execute("update file set reason = 'unreadable: text' where state = 8")
    finally:
        await connection.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()

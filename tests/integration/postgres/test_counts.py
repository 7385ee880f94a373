"""Counts are kept by connection, and those of connections that are gone are added up."""

import asyncio

import pytest

from s3py_helper.adapters.postgres import schema
from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.application.ports.ledger import Tally
from s3py_helper.domain.migration import FileState
from s3py_helper.testing.contract.ledger import planned
from tests.support.postgres.past import past_the_ledger
from tests.support.postgres.server import PostgresServer


@pytest.mark.timeout(60)
async def test_counts_of_connections_that_are_gone_are_added_up_and_nothing_is_lost(
    postgres: PostgresServer, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_FOLD_FROM", 0)
    slots = f"select array_agg(distinct slot order by slot) from {Address.parse(ledger_url).schema}.tally"
    async with past_the_ledger(postgres) as owner:

        async def folded(files: int, still: int) -> None:
            """Open it until all counts but those of so many connections are in one place."""
            async with asyncio.timeout(20):
                while True:
                    async with PostgresLedger(ledger_url, "one") as opened:
                        assert await opened.tallies() == [Tally("group1", FileState.PLANNED, files, 10 * files)]
                        found = await owner.fetchval(slots)
                    if found[0] == 0 and len(found) == 1 + still:
                        return

        for number in (1, 2):
            async with PostgresLedger(ledger_url, "one") as ledger:
                await ledger.plan([planned(number)])
            await folded(number, still=0)
        async with PostgresLedger(ledger_url, "one") as ledger:
            await ledger.plan([planned(3)])
            await folded(3, still=1)
            await ledger.plan([planned(4)])
            await folded(4, still=1)

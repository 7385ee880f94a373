"""The ledger on PostgreSQL keeps the contract."""

import time
from pathlib import Path

import pytest

from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.testing.contract.ledger import Clock, LedgerContract, OpenLedger


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def open_ledger(self, clock: Clock, ledger_url: str) -> OpenLedger:
        return lambda identity: PostgresLedger(ledger_url, identity, clock=clock)


async def test_an_event_says_who_and_what_in_words_and_the_time_is_the_database_s(ledger_url: str) -> None:
    before = time.time()
    ledger = PostgresLedger(ledger_url, "one", actor="me")
    async with ledger:
        await ledger.note("plan", {"path": Path("a") / "b", "files": 3})
        [(at, _, detail)] = await ledger.events()
        assert detail == {"path": "a/b", "files": 3, "by": "me"}
        assert abs(at - before) < 60 > abs(await ledger.now() - before)
    async with ledger:
        assert len(await ledger.events()) == 1, "one that was closed can be opened again"

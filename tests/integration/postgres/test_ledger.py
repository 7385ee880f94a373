"""The ledger on PostgreSQL keeps the contract."""

import pytest

from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.testing.contract.ledger import Clock, LedgerContract, OpenLedger


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def open_ledger(self, clock: Clock, ledger_url: str) -> OpenLedger:
        return lambda identity: PostgresLedger(ledger_url, identity, clock=clock)

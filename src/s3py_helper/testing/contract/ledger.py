"""The promises of the port `Ledger`."""

from s3py_helper.testing.contract.ledger_deletions import DeletionsContract
from s3py_helper.testing.contract.ledger_harness import Clock, OpenLedger, planned
from s3py_helper.testing.contract.ledger_operating import OperatingContract
from s3py_helper.testing.contract.ledger_planning import PlanningContract
from s3py_helper.testing.contract.ledger_rows import RowsContract
from s3py_helper.testing.contract.ledger_work import WorkContract

__all__ = ["Clock", "LedgerContract", "OpenLedger", "planned"]


class LedgerContract(PlanningContract, WorkContract, DeletionsContract, RowsContract, OperatingContract):
    """Override the fixture `open_ledger`; use the fixture `clock` as the ledger's."""

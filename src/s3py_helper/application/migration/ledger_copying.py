"""Moving a ledger to another place, whole or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from s3py_helper.application.ports.ledger_copy import (
    COLUMNS,
    Contents,
    LedgerDestination,
    LedgerOrigin,
    OpenDestination,
)
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.migration import GateRefusedException


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """What was copied, and read again.

    Attributes:
        digest: SHA-256 of all rows.
    """

    rows: int
    digest: str


async def copy_ledger(
    origin: LedgerOrigin, open_destination: Callable[[str], OpenDestination], where: str
) -> Mapping[str, CopiedTable]:
    """Copy everything, read it again, and leave a note behind; returns what was copied, by table.

    Args:
        origin: Where it is; nobody else has it open.
        open_destination: Opens an empty ledger for a migration, which the copy becomes when the block ends.
        where: What the note says, without a password.

    Raises:
        GateRefusedException: A worker holds files, or the destination holds something.
        IntegrityException: What was read again is not what was written. The destination stays empty.
    """
    if held := await origin.held():
        raise GateRefusedException(
            f"workers hold {held} files of this ledger: stop them, and wait a minute where one was killed"
        )
    copied: dict[str, CopiedTable] = {}
    async with open_destination(await origin.identity()) as destination:
        for table in COLUMNS:
            copied[table] = await _copied(origin, destination, table)
    await origin.leave_behind(where)
    return copied


async def _copied(origin: LedgerOrigin, destination: LedgerDestination, table: str) -> CopiedTable:
    there, written, again = await origin.count(table), Contents(), Contents()
    async for rows in origin.rows(table):
        written.add(await destination.take(table, rows))
    async for rows in destination.rows(table):
        again.add(rows)
    if (there, written.digest) != (again.rows, again.digest):
        raise IntegrityException(
            f"the copy of the table {table} is not what it was copied from ({there} rows there, {again.rows} here): "
            "nothing was changed, try again"
        )
    return CopiedTable(again.rows, again.digest)

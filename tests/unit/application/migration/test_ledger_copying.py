"""A ledger is moved as a whole, or not at all."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from s3py_helper.application.migration.ledger_copying import CopiedTable, copy_ledger
from s3py_helper.application.ports.ledger_copy import COLUMNS, Contents, Row
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.migration import GateRefusedException

TABLES = list(COLUMNS)


def rows_of(table: str, count: int = 3) -> list[Row]:
    return [tuple(f"{table} {number} {column}" for column in COLUMNS[table]) for number in range(count)]


class Origin:
    """Every table has three rows; `counted` is what it says of their number."""

    def __init__(self, held: int = 0, counted: int = 3) -> None:
        self.left_behind: str | None = None
        self.destination: Destination | None = None
        self._held = held
        self._counted = counted

    async def identity(self) -> str:
        return "one"

    async def held(self) -> int:
        return self._held

    async def count(self, _table: str) -> int:
        return self._counted

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        rows = rows_of(table)
        yield rows[:2]
        yield rows[2:]

    async def leave_behind(self, where: str) -> None:
        assert self.destination is not None
        assert self.destination.kept, "the copy is not there yet"
        self.left_behind = where


class Destination:
    """Keeps what it takes when its block ends; may lose or spoil rows."""

    def __init__(self, *, loses: str = "", spoils: str = "") -> None:
        self.taken: dict[str, list[Row]] = {table: [] for table in TABLES}
        self.kept = False
        self.identity = ""
        self._loses = loses
        self._spoils = spoils

    async def take(self, table: str, rows: Sequence[Row]) -> Sequence[Row]:
        self.taken[table] += rows
        return rows

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        rows = self.taken[table]
        if table == self._loses:
            rows = rows[:-1]
        if table == self._spoils:
            rows = [*rows[:-1], ("another", *rows[-1][1:])]
        yield rows

    @asynccontextmanager
    async def opened(self, identity: str) -> AsyncGenerator["Destination"]:
        self.identity = identity
        yield self
        self.kept = True


async def moved(origin: Origin, destination: Destination) -> dict[str, CopiedTable]:
    origin.destination = destination
    return dict(await copy_ledger(origin, destination.opened, "postgresql://127.0.0.1/migration"))


async def test_every_table_is_copied_and_the_old_ledger_says_where_it_went() -> None:
    origin, destination = Origin(), Destination()
    copied = await moved(origin, destination)
    assert destination.taken == {table: rows_of(table) for table in TABLES}
    assert (destination.kept, destination.identity) == (True, "one")
    assert origin.left_behind == "postgresql://127.0.0.1/migration"
    for table in TABLES:
        contents = Contents()
        contents.add(rows_of(table))
        assert copied[table] == CopiedTable(3, contents.digest)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", ["loses", "spoils"])
async def test_what_is_read_again_otherwise_is_no_copy(table: str, how: str) -> None:
    origin, destination = Origin(), Destination(**{how: table})
    with pytest.raises(IntegrityException, match=f"the table {table} is not what it was copied from") as refused:
        await moved(origin, destination)
    assert f"3 rows there, {2 if how == 'loses' else 3} here" in str(refused.value)
    assert (destination.kept, origin.left_behind) == (False, None)


async def test_rows_that_were_counted_and_not_read_are_missed() -> None:
    origin, destination = Origin(counted=4), Destination()
    with pytest.raises(IntegrityException, match="4 rows there, 3 here"):
        await moved(origin, destination)
    assert (destination.kept, origin.left_behind) == (False, None)


async def test_a_ledger_that_is_in_use_is_not_moved() -> None:
    origin, destination = Origin(held=1), Destination()
    with pytest.raises(GateRefusedException, match="workers hold 1 files of this ledger"):
        await moved(origin, destination)
    assert (destination.identity, origin.left_behind) == ("", None)

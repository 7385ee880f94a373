"""`s3py migrate ledger copy`: a ledger goes from SQLite to PostgreSQL whole, or not at all."""

import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest

from s3py_helper.adapters.postgres import destination as destination_module
from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.ports.ledger import Ledger, Limits, Outcome, ScannedSource
from s3py_helper.application.ports.ledger_copy import COLUMNS
from s3py_helper.domain.errors import IntegrityException, InvalidArgumentException
from s3py_helper.domain.migration import FileKind, FileState, GateRefusedException, Level, Route
from s3py_helper.entrypoints.container.ledger_copies import copy_ledger_to
from s3py_helper.testing.contract.ledger import planned
from s3py_helper.testing.contract.ledger_harness import copied
from tests.support.postgres.past import past_the_ledger
from tests.support.postgres.server import PASSWORD, PostgresServer

_ROWS = 5500
"""More than are read at once."""


async def used(path: Path, rows: int = 600) -> None:
    """A ledger with something of everything."""
    async with SqliteLedger(path, "one", actor="me") as ledger:
        run_number = await ledger.next_run()
        files = [planned(number, size=None if number % 7 == 0 else number) for number in range(rows)]
        await ledger.plan([*files, planned(1, "group2", kind=FileKind.APPENDER)], run_number)
        claims = await ledger.claim("a", 500, 60)
        outcomes = [replace(copied(claim), level=Level.CHECKSUM, verified_at=7) for claim in claims[:400]]
        odd = 'conflict: "quoted", \N{SNOWMAN}\nsecond line, a\\b'
        outcomes += [Outcome(claim.file_id, claim.fence, FileState.QUARANTINED, odd) for claim in claims[400:]]
        await ledger.record(outcomes)
        await ledger.accept([claims[450].file_id])
        await ledger.tombstone(planned(rows + 1).file_id)
        await ledger.set_route("group1", Route.S3_FIRST)
        await ledger.set_limits(Limits(files_per_second=5, paused=True))
        await ledger.note_source(ScannedSource("10.0.0.1 M00", "group1", 5, 6000, complete=True))


async def everything(ledger: Ledger) -> tuple[object, ...]:
    """All that the port tells of a ledger."""
    async with ledger.files() as files:
        rows = [file async for file in files]
    tallies = sorted(await ledger.tallies(), key=lambda tally: (tally.group, tally.state))
    events, sources = await ledger.events(), await ledger.sources()
    pending, routes, limits = await ledger.pending_deletions(99), await ledger.routes(), await ledger.limits()
    return rows, tallies, events, sources, pending, routes, limits, await ledger.outline()


async def test_everything_is_there_and_the_old_one_is_refused(tmp_path: Path, ledger_url: str) -> None:
    path = tmp_path / "ledger.db"
    await used(path, _ROWS)
    async with SqliteLedger(path, "one") as ledger:
        before = await everything(ledger)
    tables = await copy_ledger_to(str(path), ledger_url)
    assert {name: table.rows for name, table in tables.items()} == {
        "file": _ROWS + 2, "route": 1, "source": 1, "event": 2, "setting": 2,
    }  # fmt: skip
    assert tables.keys() == COLUMNS.keys()
    async with PostgresLedger(ledger_url, "one") as ledger:
        assert await everything(ledger) == before
        assert await ledger.next_run() == 2
        await ledger.note("apply", {})
        assert [name for _, name, _ in await ledger.events()] == ["apply", "limits", "route"]
        assert len(await ledger.claim("b", _ROWS, 60)) == _ROWS + 1 - 500
    with pytest.raises(
        GateRefusedException, match=r"the ledger was moved to postgresql://owner@127\.0\.0\.1.*name that"
    ):
        await SqliteLedger(path, "one").__aenter__()
    with pytest.raises(GateRefusedException, match="was moved to"):
        await copy_ledger_to(str(path), ledger_url)


async def test_a_ledger_that_somebody_uses_is_not_copied(tmp_path: Path, ledger_url: str) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger(path, "one") as ledger:
        await ledger.plan([planned(1)])
        with pytest.raises(GateRefusedException, match=r"another program has the ledger .* open: stop workers"):
            await copy_ledger_to(str(path), ledger_url)
        await ledger.claim("a", 1, 60)
    with pytest.raises(GateRefusedException, match="workers hold 1 files"):
        await copy_ledger_to(str(path), ledger_url)
    async with SqliteLedger(path, "one") as ledger:
        assert await ledger.find(planned(1).file_id) is not None, "it is as it was"


async def test_a_target_that_holds_something_is_refused(tmp_path: Path, ledger_url: str) -> None:
    path = tmp_path / "ledger.db"
    await used(path)
    async with PostgresLedger(ledger_url, "two") as ledger:
        pass
    with pytest.raises(GateRefusedException, match="belongs to another migration"):
        await copy_ledger_to(str(path), ledger_url)
    other = ledger_url + "_other"
    async with PostgresLedger(other, "one") as ledger:
        await ledger.plan([planned(1)])
    with pytest.raises(GateRefusedException, match=r"holds something \(table file\)"):
        await copy_ledger_to(str(path), other)


async def test_a_copy_that_is_not_the_same_is_undone(
    tmp_path: Path, ledger_url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    await used(path)
    real = destination_module._as_files  # noqa: SLF001 - a database that keeps something else cannot be had
    monkeypatch.setattr(destination_module, "_as_files", lambda rows: real([(*row[:4], 99, *row[5:]) for row in rows]))
    with pytest.raises(IntegrityException, match="the copy of the table file is not what it was copied from"):
        await copy_ledger_to(str(path), ledger_url)
    monkeypatch.undo()
    async with past_the_ledger(postgres) as owner:
        schema = ledger_url.rpartition("=")[2]
        assert not await owner.fetchval("select to_regnamespace($1) is not null", schema)
    await copy_ledger_to(str(path), ledger_url)


async def test_what_the_tables_cannot_hold_is_replaced(tmp_path: Path, ledger_url: str) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger(path, "one") as ledger:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.record([Outcome(claim.file_id, claim.fence, FileState.QUARANTINED, "conflict: a\0b")])
    await copy_ledger_to(str(path), ledger_url)
    async with PostgresLedger(ledger_url, "one") as ledger:
        row = await ledger.find(planned(1).file_id)
    assert row is not None
    assert row.reason == "conflict: a\N{REPLACEMENT CHARACTER}b"


async def test_what_a_dead_worker_held_holds_up_nothing(tmp_path: Path, ledger_url: str) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger(path, "one", clock=lambda: time.time() - 120) as ledger:
        await ledger.plan([planned(1)])
        assert len(await ledger.claim("dead", 1, 60)) == 1
    await copy_ledger_to(str(path), ledger_url)
    async with PostgresLedger(ledger_url, "one") as ledger:
        assert len(await ledger.claim("b", 1, 60)) == 1


async def test_other_ways_and_what_is_not_there_are_refused(tmp_path: Path, ledger_url: str) -> None:
    with pytest.raises(InvalidArgumentException, match="copied from a SQLite file to a PostgreSQL database"):
        await copy_ledger_to(ledger_url, str(tmp_path / "ledger.db"))
    with pytest.raises(InvalidArgumentException, match="there is no ledger"):
        await copy_ledger_to(str(tmp_path / "ledger.db"), ledger_url)
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as theirs:
        theirs.execute("create table theirs(name)")
    with pytest.raises(GateRefusedException, match="not a migration's ledger"):
        await copy_ledger_to(str(tmp_path / "theirs.db"), ledger_url)


async def test_the_command_says_what_it_copied(tmp_path: Path, ledger_url: str) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger(path, "one") as ledger:
        await ledger.plan([planned(1)])
    done = command("migrate", "ledger", "copy", str(path), ledger_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split()[:3] == ["file", "1", "rows"]
    again = command("migrate", "ledger", "copy", str(path), ledger_url)
    assert again.returncode == 4
    assert "was moved to" in again.stderr
    assert PASSWORD not in done.stdout + again.stderr


def command(*arguments: str) -> CompletedProcess[str]:
    s3py = Path(sys.executable).with_name("s3py")
    return run([s3py, *arguments], capture_output=True, text=True, check=False)

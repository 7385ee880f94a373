"""The ledger on SQLite keeps the contract, and says what is wrong with a file."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from s3py_helper.adapters.sqlite import schema
from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from s3py_helper.domain.migration import shard_of
from s3py_helper.testing.contract.ledger import Clock, LedgerContract, OpenLedger, planned
from s3py_helper.testing.contract.ledger_harness import planned_in_folder


class TestSqliteLedger(LedgerContract):
    @pytest.fixture
    def open_ledger(self, clock: Clock, tmp_path: Path) -> OpenLedger:
        return lambda identity: SqliteLedger(tmp_path / "ledger.db", identity, clock=clock)


async def test_an_event_says_who_and_what_in_words(tmp_path: Path) -> None:
    async with SqliteLedger(tmp_path / "ledger.db", "one", actor="me") as ledger:
        await ledger.note("plan", {"path": Path("a") / "b", "files": 3})
        [(_, _, detail)] = await ledger.events()
    assert detail == {"path": "a/b", "files": 3, "by": "me"}


async def test_a_ledger_that_was_closed_can_be_opened_again(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db", "one")
    for number in (1, 2):
        async with ledger:
            assert await ledger.next_run() == number


async def test_the_room_is_what_is_free_where_the_file_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> tuple[int, int, int]:
        asked.append(path)
        return shutil._ntuple_diskusage(9, 4, 5)  # noqa: SLF001 - its type

    (tmp_path / "link.db").symlink_to(tmp_path / "there" / "ledger.db")
    (tmp_path / "there").mkdir()
    async with SqliteLedger(tmp_path / "link.db", "one") as ledger:
        monkeypatch.setattr(shutil, "disk_usage", usage)
        assert await ledger.room() == 5
    assert asked == [tmp_path / "there"]


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for the header of one" * 20)
    with pytest.raises(StorageOperationException, match=r"notes\.txt failed: file is not a database"):
        await SqliteLedger(path, "one").__aenter__()


async def test_somebody_else_s_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("create table theirs(name)")
    theirs.close()
    with pytest.raises(StorageOperationException, match="not a migration's ledger"):
        await SqliteLedger(path, "one").__aenter__()
    with sqlite3.connect(path) as theirs:
        assert theirs.execute("select name from sqlite_master").fetchall() == [("theirs",)]
    theirs.close()


async def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger(path, "one"):
        pass
    with sqlite3.connect(path) as newer:
        newer.execute("pragma user_version = 3")
    newer.close()
    with pytest.raises(StorageOperationException, match="version 3, this program knows up to 2"):
        await SqliteLedger(path, "one").__aenter__()


async def test_an_older_ledger_of_another_migration_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as older:
        older.executescript(schema._STEPS[0])  # noqa: SLF001 - what the first version made
        older.execute("insert into setting values ('identity', 'another')")
        older.executescript(f"pragma application_id = {schema._APPLICATION_ID}; pragma user_version = 1")  # noqa: SLF001
    older.close()
    with pytest.raises(StorageOperationException, match=r"belongs to another migration \(another\)"):
        await SqliteLedger(path, "one").__aenter__()
    with sqlite3.connect(path) as older:
        assert older.execute("pragma user_version").fetchone() == (1,)
    older.close()


async def test_a_ledger_of_the_first_version_gets_shards(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    files = [planned_in_folder(number) for number in range(50)]
    with sqlite3.connect(path) as older:
        older.executescript(schema._STEPS[0])  # noqa: SLF001 - what the first version made
        older.executemany(
            "insert into file(id, grp, kind, size) values (?, 'group1', 'normal', 10)",
            [(str(file.file_id),) for file in files],
        )
        older.executescript(f"pragma application_id = {schema._APPLICATION_ID}; pragma user_version = 1")  # noqa: SLF001
    older.close()
    async with SqliteLedger(path, "one") as ledger:
        assert await ledger.waiting_shards() == sorted({shard_of(file.file_id) for file in files})
        shard = shard_of(files[0].file_id)
        assert {shard_of(claim.file_id) for claim in await ledger.claim("a", 99, 60, shard=shard)} == {shard}


async def test_a_folder_that_is_not_there_is_temporary(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableException, match="unable to open"):
        await SqliteLedger(tmp_path / "none" / "ledger.db", "one").__aenter__()


async def test_a_full_disk_is_temporary_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger(path, "one") as ledger:
        await ledger.plan([planned(1)])
        # A limit of pages is what SQLite makes of a disk that is full.
        await ledger._database.read(  # noqa: SLF001 - there is no other way to a full disk without root
            lambda connection: connection.execute("pragma max_page_count = 1").fetchall()
        )
        with pytest.raises(StorageUnavailableException, match="full"):
            await ledger.plan([planned(number) for number in range(2, 5000)])
        assert await ledger.find(planned(1).file_id) is not None
        assert await ledger.find(planned(2).file_id) is None
    assert list(tmp_path.iterdir()) == [path], "write-ahead log and index are gone with the last connection"

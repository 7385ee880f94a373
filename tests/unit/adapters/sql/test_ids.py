"""Ids from databases of applications."""

import asyncio
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from s3py_helper.adapters.sql import ids
from s3py_helper.adapters.sql.ids import first_column
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException
from s3py_helper.testing import leak_guard
from tests.support.cancelling import CleaningUpInThread, cancelled_twice


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app of ours.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table files(id text, kind int)")
        connection.executemany("insert into files values (?, ?)", ((f"id {n}", n % 2) for n in range(5000)))
        connection.execute("insert into files values (null, 0)")
        connection.commit()
    return path


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"], ids=["the standard library", "SQLAlchemy"])
async def test_the_first_column_is_read_in_the_order_of_the_query(database: Path, scheme: str) -> None:
    query = "select id, kind from files where kind = 0 order by id desc"
    found = [text async for text in first_column(f"{scheme}:///{database}", query)]
    assert found == sorted((f"id {n}" for n in range(0, 5000, 2)), reverse=True)


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
async def test_who_stops_early_leaves_nothing_open(database: Path, scheme: str) -> None:
    async with leak_guard():
        ids = first_column(f"{scheme}:///{database}", "select id from files")
        assert await anext(ids) == "id 0"
        await ids.aclose()
    database.unlink()


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
@pytest.mark.parametrize(
    ("query", "told"), [("select missing from files", "no such column: missing"), ("choose", "syntax error")]
)
async def test_a_query_that_is_refused_is_told(database: Path, scheme: str, query: str, told: str) -> None:
    with pytest.raises(StorageOperationException, match=f"the query of {re.escape(scheme)}:///.* failed: .*{told}"):
        await anext(first_column(f"{scheme}:///{database}", query))


async def test_a_path_that_is_mistyped_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageOperationException, match="unable to open"):
        await anext(first_column(f"sqlite:///{tmp_path}/none.db", "select 1"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("app.db", "is given by a URL"),
        ("nonsense://127.0.0.9/x", "knows no database 'nonsense'"),
        ("postgresql+pg8000://ada:secret@127.0.0.9/x", r"driver of postgresql\+pg8000 is not installed"),
        ("sqlite+pysqlite://ada:secret@x:y/z", r"the URL of the sqlite\+pysqlite database is not valid"),
    ],
)
async def test_what_cannot_be_read_is_named_without_its_password(url: str, told: str) -> None:
    with pytest.raises(InvalidArgumentException, match=told) as refused:
        await anext(first_column(url, "select 1"))
    assert "secret" not in str(refused.value)


async def test_without_sqlalchemy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(InvalidArgumentException, match=r"pip install 's3py-helper\[sql\]'"):
        await anext(first_column("postgresql://127.0.0.9/x", "select 1"))


async def test_a_query_changes_nothing(database: Path) -> None:
    with pytest.raises(StorageOperationException, match="readonly"):
        await anext(first_column(f"sqlite:///{database}", "delete from files returning id"))
    assert len([text async for text in first_column(f"sqlite:///{database}", "select id from files")]) == 5000


async def test_a_path_may_have_characters_that_mean_something_in_a_url(database: Path) -> None:
    moved = database.rename(database.with_name("what? 50%25 #1.db"))
    assert await anext(first_column(f"sqlite:///{moved}", "select id from files")) == "id 0"


async def test_rows_are_streamed_and_a_failure_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Engine:
        """One whose server is out of reach."""

        url = make_url("postgresql://ada:secret@127.0.0.9/x")

        def connect(self) -> Self:
            return self

        def execution_options(self, **options: object) -> None:
            asked.append(options)
            raise OperationalError("select 1", {}, ValueError("no route"))

        def dispose(self) -> None:
            asked.append("disposed")

    monkeypatch.setattr(ids, "_engine", lambda _url: Engine())
    with pytest.raises(
        StorageOperationException, match=r"the query of postgresql://ada:\*\*\*@127.* failed: no route$"
    ):
        await anext(first_column("postgresql://ada:secret@127.0.0.9/x", "select 1"))
    assert asked == [{"stream_results": True, "max_row_buffer": 2000}, "disposed"]


@pytest.mark.timeout(30)
async def test_a_query_that_is_under_way_is_waited_for_however_often_its_reader_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under_way, cleaning_up, closed = asyncio.Event(), CleaningUpInThread(), list[str]()
    loop = asyncio.get_running_loop()

    def rows() -> ids.Rows:
        try:
            loop.call_soon_threadsafe(under_way.set)
            cleaning_up.before(lambda: None)()
            yield [("id 0",)]
        finally:
            closed.append("closed")

    monkeypatch.setattr(ids, "_batches", lambda _url, _query: rows())
    await cancelled_twice(anext(first_column("scripted://127.0.0.9/x", "select 1")), under_way, cleaning_up)
    assert closed == ["closed"]

"""Writers that wait for the disk together, and readers that wait for the thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import pytest

from s3py_helper.adapters.sqlite.database import Database
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from s3py_helper.domain.migration import GateRefusedException
from tests.support.cancelling import CleaningUp, cancelled_twice
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

type Work = Callable[[sqlite3.Connection], object]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "ledger.db", "test")
    await database.open()
    yield database
    await database.close()


async def _together(database: Database, *works: Work) -> list[object]:
    """Let all of them wait while the connection is busy; gives results and errors."""
    go_on = threading.Event()
    busy = asyncio.ensure_future(database.read(lambda _: go_on.wait(20)))
    writing = [asyncio.ensure_future(database.write(work)) for work in works]
    await asyncio.sleep(0)
    go_on.set()
    assert await busy
    return await asyncio.gather(*writing, return_exceptions=True)


def _note(name: str) -> Work:
    def write(connection: sqlite3.Connection) -> str:
        connection.execute("insert into setting values (?, '')", (name,))
        return name

    return write


async def _noted(database: Database) -> set[str]:
    rows = await database.read(lambda connection: connection.execute("select name from setting").fetchall())
    return {name for (name,) in rows} - {"identity"}


async def test_writers_that_wait_share_a_transaction(database: Database) -> None:
    statements: list[str] = []
    await database.read(lambda connection: connection.set_trace_callback(statements.append))
    names = [f"piece {number}" for number in range(20)]
    assert await _together(database, *map(_note, names)) == names
    assert await _noted(database) == set(names)
    assert [statement for statement in statements if statement.lower() == "commit"] == ["COMMIT"]


@pytest.mark.parametrize("error", [sqlite3.IntegrityError("no"), ValueError("no")], ids=lambda error: str(type(error)))
async def test_a_writer_that_fails_leaves_nothing_and_its_neighbours_alone(
    database: Database, error: Exception
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        _note("half")(connection)
        raise error

    first, failed, last = await _together(database, _note("first"), fail, _note("last"))
    assert (first, last) == ("first", "last")
    assert failed is error if isinstance(error, ValueError) else isinstance(failed, StorageOperationException)
    assert await _noted(database) == {"first", "last"}


async def test_a_transaction_that_is_lost_fails_for_everybody(database: Database) -> None:
    def lose(connection: sqlite3.Connection) -> None:
        connection.rollback()  # as SQLite does by itself when the disk is full
        lost = sqlite3.OperationalError("database or disk is full")
        lost.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise lost

    outcomes = await _together(database, _note("first"), lose, _note("last"))
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailableException] * 3
    assert await _noted(database) == set()
    assert await database.write(_note("again")) == "again"


async def test_a_transaction_that_cannot_be_committed_is_over(database: Database) -> None:
    def violate(connection: sqlite3.Connection) -> None:
        connection.execute("insert into child values (7)")

    await database.read(
        lambda connection: connection.executescript(
            "pragma foreign_keys = on; create table child(of references setting deferrable initially deferred)"
        )
    )
    outcomes = await _together(database, _note("first"), violate)
    assert [type(outcome) for outcome in outcomes] == [StorageOperationException] * 2, "it fails at its very end"
    assert await database.write(_note("again")) == "again"
    assert await _noted(database) == {"again"}


async def test_a_database_whose_opening_is_cancelled_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, under_way, go_on = len(_threads()), threading.Event(), threading.Event()
    database = Database(tmp_path / "ledger.db", "test")

    def slowly(_connection: sqlite3.Connection, _identity: str) -> None:
        under_way.set()
        assert go_on.wait(20)

    monkeypatch.setattr("s3py_helper.adapters.sqlite.database.prepare", slowly)
    opening = asyncio.ensure_future(database.open())
    await until(under_way.is_set)
    opening.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: len(_threads()) <= before)


@pytest.mark.parametrize("others", [["stays"], []], ids=["with another", "alone"])
async def test_a_writer_whose_caller_left_is_heard_all_the_same(database: Database, others: list[str]) -> None:
    go_on = threading.Event()
    busy = asyncio.ensure_future(database.read(lambda _: go_on.wait(20)))
    left = asyncio.ensure_future(database.write(_note("left")))
    staying = [asyncio.ensure_future(database.write(_note(name))) for name in others]
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    go_on.set()
    await busy
    assert await asyncio.gather(*staying) == others
    assert await _noted(database) == {"left", *others}


async def test_readers_that_come_meanwhile_are_read_for_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, trips, go_on = asyncio.get_running_loop(), [0], threading.Event()
    submit = loop.run_in_executor

    def counted(executor: Executor | None, work: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
        trips[0] += 1
        return submit(executor, work, *arguments)

    monkeypatch.setattr(loop, "run_in_executor", counted)
    busy = asyncio.ensure_future(database.read(lambda _: go_on.wait(20)))
    reading = [asyncio.ensure_future(database.read(partial(_same, number))) for number in range(20)]
    await asyncio.sleep(0)
    go_on.set()
    assert await busy
    assert await asyncio.gather(*reading) == list(range(20))
    assert trips == [2]
    assert await database.read(partial(_same, 20)) == 20
    assert trips == [3]


def _same(number: int, _connection: sqlite3.Connection) -> int:
    return number


async def test_a_reader_that_fails_or_leaves_harms_no_other(database: Database) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("no such table")

    go_on = threading.Event()
    busy = asyncio.ensure_future(database.read(lambda _: go_on.wait(20)))
    failing, leaving, staying = (asyncio.ensure_future(database.read(work)) for work in (fail, str, lambda _: 3))
    await asyncio.sleep(0)
    leaving.cancel()
    go_on.set()
    assert await busy
    assert await staying == 3
    with pytest.raises(StorageOperationException, match="no such table"):
        await failing
    assert leaving.cancelled()


async def test_readers_do_not_wait_for_ever_for_what_is_closed(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db", "test")
    await database.open()
    go_on = threading.Event()
    busy = asyncio.ensure_future(database.read(lambda _: go_on.wait(20)))
    waiting = asyncio.ensure_future(database.read(lambda _: 3))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(database.close())
    await asyncio.sleep(0)
    late = asyncio.ensure_future(database.read(lambda _: 3))
    go_on.set()
    await closing
    assert await busy
    outcomes = await asyncio.gather(waiting, late, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageOperationException] * 2


async def test_what_is_written_survives_a_power_failure_and_waits_for_other_processes(database: Database) -> None:
    def pragma(name: str) -> Work:
        return lambda connection: connection.execute(f"pragma {name}").fetchone()[0]

    assert await database.read(pragma("journal_mode")) == "wal"
    assert await database.read(pragma("synchronous")) == 2, "full"
    assert await database.read(pragma("busy_timeout")) == 10_000


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *[(code, StorageUnavailableException) for code in (
            sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
        )],
        (sqlite3.SQLITE_CORRUPT, StorageOperationException),
        (sqlite3.SQLITE_NOTADB, StorageOperationException),
    ],
)  # fmt: skip
@pytest.mark.parametrize("writes", [True, False])
async def test_an_error_is_temporary_or_not_and_keeps_its_cause(
    database: Database, code: int, kind: type[Exception], writes: bool
) -> None:
    error = sqlite3.OperationalError("it fails")
    error.sqlite_errorcode = code

    def fail(_connection: sqlite3.Connection) -> None:
        raise error

    with pytest.raises(kind, match=r"the ledger .*ledger\.db failed: it fails") as raised:
        await (database.write(fail) if writes else database.read(fail))
    assert type(raised.value) is kind
    assert raised.value.__cause__ is error


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("s3py-ledger")]


async def test_no_thread_stays_behind(tmp_path: Path) -> None:
    before = len(_threads())
    database = Database(tmp_path / "ledger.db", "test")
    await database.open()
    assert _threads()
    await database.close()
    await until(lambda: len(_threads()) <= before)
    with pytest.raises(StorageOperationException, match="not open"):
        await database.read(lambda _: 3)
    with pytest.raises(StorageUnavailableException):
        await Database(tmp_path / "none" / "ledger.db", "test").open()
    await until(lambda: len(_threads()) <= before)
    with pytest.raises(GateRefusedException):
        await Database(tmp_path / "ledger.db", "another").open()
    await until(lambda: len(_threads()) <= before)


async def test_a_file_that_is_refused_is_closed(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db", "test")
    await database.open()
    await database.close()
    with pytest.raises(GateRefusedException):
        await Database(tmp_path / "ledger.db", "another").open()
    open_files = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert [path for path in open_files if path.parent == tmp_path] == []


async def test_closing_ends_what_is_under_way_although_it_is_cancelled_twice(tmp_path: Path) -> None:
    before = len(_threads())
    database, cleaning_up, under_way = Database(tmp_path / "ledger.db", "test"), CleaningUp(), asyncio.Event()
    await database.open()
    call = database._call  # noqa: SLF001 - how closing waits is not seen from outside

    async def slowly(work: Callable[[], object]) -> object:
        await cleaning_up.passed()
        return await call(work)

    database._call = slowly  # type: ignore[method-assign,assignment]  # noqa: SLF001 - see above

    async def close() -> None:
        under_way.set()
        await database.close()

    await cancelled_twice(close(), under_way, cleaning_up)
    await until(lambda: len(_threads()) <= before)

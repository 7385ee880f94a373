"""What becomes of a call whose connection fails, whose server is slow, or whose caller leaves, by the test's clock."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import CONNECTIONS, Connection
from s3py_helper.adapters.postgres.database import Database, changed_rows
from s3py_helper.domain.errors import (
    FileNotFoundException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from tests.support.cancelling import CleaningUp, cancelled_again
from tests.support.postgres.driver import ScriptedDriver

pytestmark = pytest.mark.timeout(30)

_LOST = asyncpg.InterfaceError("connection is closed")
_REFUSED = ConnectionRefusedError(111, "Connect call failed")


class Time:
    """Time that passes where a call pauses, and where the test says so.

    Attributes:
        pauses: How long calls have paused.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        self._ahead = 0.0
        loop = asyncio.get_running_loop()
        real, self._sleep = loop.time, asyncio.sleep
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)
        monkeypatch.setattr(asyncio, "sleep", self._pause)
        monkeypatch.setattr(random, "uniform", lambda _least, most: most)

    async def _pause(self, seconds: float) -> None:
        if seconds:
            self.pauses.append(seconds)
        await self.passes(seconds)

    async def passes(self, seconds: float) -> None:
        """Let everybody get to where it waits, and then so much time pass."""
        for ahead in (0, seconds):
            self._ahead += ahead
            for _ in range(5):
                await self._sleep(0)


@pytest.fixture
async def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    return ScriptedDriver(monkeypatch)


@pytest.fixture
async def database(driver: ScriptedDriver, time: Time) -> AsyncIterator[Database]:
    """An open one, over one connection that is idle."""
    database = Database(Address.parse("postgresql://owner:secret@127.0.0.9/db"))
    await database.open(_is(ready=True), _never)
    yield database
    assert not database._running, "it does not grow with the calls"  # noqa: SLF001 - what stays is not seen from outside
    await database.close()
    assert all(connection.ended for connection in driver.made), "none is left open"


def _is(*, ready: bool) -> Callable[[Connection], Awaitable[bool]]:
    async def look(_: Connection) -> bool:
        return ready

    return look


async def _never(_: Connection) -> None:
    pytest.fail("there is nothing to be done")


def _answering(driver: ScriptedDriver, *outcomes: object) -> None:
    """Let statements over all connections have these outcomes, one after the other."""
    left = list(outcomes)

    async def answer(_query: str, _values: tuple[object, ...]) -> object:
        outcome = left.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    driver.answer = answer
    for connection in driver.made:
        connection.answer = answer


async def _for_ever(*_: object) -> None:
    await asyncio.Event().wait()


async def test_a_statement_goes_with_its_values_and_its_connection_is_used_again(
    database: Database, driver: ScriptedDriver
) -> None:
    _answering(driver, [(7,)], [(8,)], "UPDATE 3")
    found: list[Any] = [await database.read("select $1", 7), await database.write("insert $1 returning $1", 8)]
    assert found == [[(7,)], [(8,)]]
    assert await database.execute("update $1", 9) == 3
    [connection] = driver.made
    assert connection.asked == [("select $1", 7), ("insert $1 returning $1", 8), ("update $1", 9)]


async def test_several_statements_are_one_transaction(database: Database, driver: ScriptedDriver) -> None:
    async def work(connection: Connection) -> str:
        await connection.fetch("one")
        return "done"

    async def fails(connection: Connection) -> None:
        raise FileNotFoundException("theirs")

    assert await database.transaction(work) == "done"
    with pytest.raises(FileNotFoundException, match="theirs"):
        await database.transaction(fails)
    [connection] = driver.made
    assert connection.asked == ["begin", ("one",), "commit", "begin", "rollback"]
    assert connection.ended == [], "the server knows where it is"


@pytest.mark.parametrize(
    ("how", "failure", "tries", "kind", "kept"),
    [
        ("read", _LOST, 2, None, False),
        ("write", _LOST, 1, StorageUnavailableException, False),
        ("execute", _LOST, 1, StorageUnavailableException, False),
        ("transaction", _LOST, 1, StorageUnavailableException, False),
        ("write", ConnectionResetError(104, "reset"), 1, StorageUnavailableException, False),
        ("read", asyncpg.AdminShutdownError("terminating connection"), 2, None, True),
        ("write", asyncpg.AdminShutdownError("terminating connection"), 1, StorageUnavailableException, True),
        ("transaction", asyncpg.DeadlockDetectedError("deadlock detected"), 2, None, True),
        ("write", asyncpg.SerializationError("could not serialize"), 2, None, True),
        ("read", asyncpg.UndefinedTableError("no such table"), 1, StorageOperationException, True),
        ("read", FileNotFoundException("theirs"), 1, FileNotFoundException, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_a_statement_that_fails_is_sent_again_only_where_it_cannot_have_taken_effect(
    database: Database,
    driver: ScriptedDriver,
    time: Time,
    *,
    how: str,
    failure: Exception,
    tries: int,
    kind: type[StorageException] | None,
    kept: bool,
) -> None:
    _answering(driver, failure, "UPDATE 7")
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "read": lambda: database.read("statement"),
        "write": lambda: database.write("statement"),
        "execute": lambda: database.execute("statement"),
        "transaction": lambda: database.transaction(lambda connection: connection.fetch("statement")),
    }
    call = calls[how]()
    if kind is None:
        assert await call == "UPDATE 7"
    else:
        with pytest.raises(kind) as raised:
            await call
        assert type(raised.value) is kind
        assert raised.value is failure or raised.value.__cause__ is failure
        assert "secret" not in str(raised.value)
    assert sum(connection.asked.count(("statement",)) for connection in driver.made) == tries
    assert time.pauses == [0.05] * (tries - 1)
    assert driver.made[0].ended == ([] if kept else ["terminated"])


async def test_what_was_never_sent_is_sent_later(database: Database, driver: ScriptedDriver, time: Time) -> None:
    driver.made[0].lost = True
    driver.failures = [_REFUSED, TimeoutError(), asyncpg.CannotConnectNowError("starting up"), None]
    _answering(driver, [("written",)])
    written: Any = await database.write("statement")
    assert written == [("written",)]
    assert time.pauses == [0.05, 0.1, 0.2]
    assert [settings["timeout"] for _, settings in driver.asked[1:]] == [5.0] * 4


async def test_a_database_that_stays_away_is_waited_for_with_patience(
    database: Database, driver: ScriptedDriver, time: Time
) -> None:
    driver.made[0].lost = True
    driver.failures = [_REFUSED] * 99
    with pytest.raises(StorageUnavailableException, match=r"the ledger postgresql://owner@127\.0\.0\.9/db failed: "):
        await database.read("statement")
    assert time.pauses[:6] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]
    assert set(time.pauses[6:]) == {1.0}
    assert 8.9 < sum(time.pauses) < 10, "and no longer"


async def test_a_failure_that_waiting_does_not_mend_is_told_at_once(
    database: Database, driver: ScriptedDriver, time: Time
) -> None:
    driver.made[0].lost = True
    driver.failures = [asyncpg.InvalidPasswordError("wrong")]
    with pytest.raises(StorageOperationException) as raised:
        await database.read("statement")
    assert not isinstance(raised.value, StorageUnavailableException)
    assert time.pauses == []


async def test_patience_begins_with_the_first_failure(database: Database, driver: ScriptedDriver, time: Time) -> None:
    async def slow_then_lost(_query: str, _values: tuple[object, ...]) -> object:
        if len(driver.made) > 1:
            return [("well",)]
        await time.passes(20)
        raise _LOST

    driver.made[0].answer = driver.answer = slow_then_lost
    found: Any = await database.read("statement")
    assert found == [("well",)]


async def test_a_server_that_does_not_answer_has_so_much_time(
    database: Database, driver: ScriptedDriver, time: Time
) -> None:
    driver.made[0].answer = driver.answer = _for_ever
    calls = [asyncio.ensure_future(call) for call in (database.read("a"), database.hurried().read("b", seconds=600.0))]
    await time.passes(1.4)
    assert not any(call.done() for call in calls)
    await time.passes(0.2)
    with pytest.raises(StorageUnavailableException, match=r"did not answer within 1\.5 s"):
        await calls[1]
    await time.passes(28)
    assert not calls[0].done()
    await time.passes(1)
    with pytest.raises(StorageUnavailableException, match="did not answer within 30 s"):
        await calls[0]
    assert [connection.ended for connection in driver.made] == [["terminated"]] * 2, "who knows what they are doing"


async def test_hurried_calls_have_little_patience(database: Database, driver: ScriptedDriver, time: Time) -> None:
    driver.made[0].lost = True
    driver.failures = [_REFUSED] * 99
    with pytest.raises(StorageUnavailableException):
        await database.hurried().read("statement")
    assert time.pauses == [0.05, 0.1, 0.2]


async def test_callers_take_turns_and_wait_no_longer_than_a_call_may_take(
    database: Database, driver: ScriptedDriver, time: Time
) -> None:
    free = asyncio.Event()

    async def held(*_: object) -> object:
        await free.wait()
        return [("well",)]

    driver.made[0].answer = driver.answer = held
    running = [asyncio.ensure_future(database.read(str(number), seconds=99)) for number in range(CONNECTIONS)]
    waiting = [asyncio.ensure_future(database.read("late")), asyncio.ensure_future(database.read("next", seconds=99))]
    await time.passes(31)
    assert len(driver.made) == CONNECTIONS
    with pytest.raises(StorageUnavailableException, match="did not answer within 30 s"):
        await waiting[0]
    free.set()
    found: Any = await asyncio.gather(*running, waiting[1])
    assert found == [[("well",)]] * 5
    assert len(driver.made) == CONNECTIONS
    assert [len(connection.asked) for connection in driver.made].count(2) == 1, "one was used twice"


async def test_what_was_begun_ends_although_its_caller_leaves_and_closing_waits_for_it(
    driver: ScriptedDriver, time: Time
) -> None:
    database, working = Database(Address.parse("postgresql://127.0.0.9/db")), CleaningUp()
    await database.open(_is(ready=True), _never)
    connection = driver.made[0]

    async def work(_: Connection) -> None:
        await working.passed()
        connection.asked.append("ended")

    call = asyncio.ensure_future(database.transaction(work))
    await working.gate.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    closing = asyncio.ensure_future(database.close())
    await time.passes(0)
    await cancelled_again(closing, working)
    assert connection.asked == ["begin", "ended", "commit"]
    assert connection.ended == [("closed", 5.0)]
    with pytest.raises(StorageOperationException, match="not open"):
        await database.read("statement")


async def test_a_ledger_is_brought_up_where_it_is_not_ready(driver: ScriptedDriver, time: Time) -> None:
    brought_up: list[Any] = []

    async def bring_up(connection: Connection) -> None:
        brought_up.append(connection)

    database = Database(Address.parse("postgresql://127.0.0.9/db"))
    await database.open(_is(ready=False), bring_up)
    assert brought_up == driver.made
    await database.close()


@pytest.mark.parametrize(
    ("failures", "waits", "opens"),
    [([], False, True), ([_REFUSED], False, False), ([_REFUSED] * 5, True, True)],
    ids=["there", "away", "restarted"],
)
async def test_opening_waits_for_a_database_only_where_that_is_wished(
    driver: ScriptedDriver, time: Time, *, failures: list[Exception | None], waits: bool, opens: bool
) -> None:
    driver.failures = list(failures)
    database = Database(Address.parse("postgresql://127.0.0.9/db"))
    if opens:
        await database.open(_is(ready=True), _never, waits=waits)
        assert len(time.pauses) == len(failures)
        await database.close()
    else:
        with pytest.raises(StorageUnavailableException):
            await database.open(_is(ready=True), _never, waits=waits)
        assert time.pauses == []
    with pytest.raises(StorageOperationException, match="not open"):
        await database.read("statement")


@pytest.mark.parametrize("failure", [StorageOperationException("another's"), asyncio.CancelledError()], ids=type)
async def test_one_that_cannot_be_used_is_closed(driver: ScriptedDriver, time: Time, failure: BaseException) -> None:
    async def refuse(_: Connection) -> bool:
        raise failure

    database = Database(Address.parse("postgresql://127.0.0.9/db"))
    with pytest.raises(type(failure)):
        await database.open(refuse, _never)
    assert [bool(connection.ended) for connection in driver.made] == [True]
    with pytest.raises(StorageOperationException, match="not open"):
        await database.read("statement")


@pytest.mark.parametrize(("tag", "rows"), [("UPDATE 3", 3), ("INSERT 0 12", 12), ("DELETE 0", 0)])
def test_a_tag_says_how_many_rows_were_changed(tag: str, rows: int) -> None:
    assert changed_rows(tag) == rows

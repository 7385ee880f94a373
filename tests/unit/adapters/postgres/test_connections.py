"""Which connection is used again, which is not, and how each ends."""

import time
from typing import Any

import asyncpg
import pytest

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import Connections
from s3py_helper.domain.errors import InvalidArgumentException
from tests.support.postgres.driver import ScriptedDriver

_URL = "postgresql://owner:secret@127.0.0.9/db"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    return ScriptedDriver(monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def connections(driver: ScriptedDriver, clock: list[float]) -> Connections:
    return Connections(Address.parse(f"{_URL}?schema=mine"))


async def _acquired(connections: Connections, count: int) -> list[Any]:
    return [await connections.acquire(5) for _ in range(count)]


async def test_a_new_one_has_the_schema_and_an_end_for_whatever_its_caller_gave_up(
    connections: Connections, driver: ScriptedDriver
) -> None:
    await connections.acquire(5)
    [(url, arguments)] = driver.asked
    assert url == _URL
    assert arguments == {
        "timeout": 5,
        "server_settings": {
            "application_name": "s3py-ledger",
            "lock_timeout": "10s",
            "statement_timeout": "600s",
            "idle_in_transaction_session_timeout": "60s",
            "client_connection_check_interval": "10s",
            "search_path": "mine",
        },
    }


async def test_a_file_that_the_url_names_and_nobody_can_read_is_told_before_anything_is_tried(
    driver: ScriptedDriver,
) -> None:
    connections = Connections(Address.parse(f"{_URL}?sslrootcert=%2Fnone%2Fca.pem"))
    with pytest.raises(InvalidArgumentException, match=r"^sslrootcert=/none/ca\.pem in the URL"):
        await connections.acquire(5)
    assert driver.asked == []


async def test_the_one_used_last_is_used_next(connections: Connections, driver: ScriptedDriver) -> None:
    first, second = await _acquired(connections, 2)
    connections.release(first)
    connections.release(second)
    assert connections.idle == 2
    assert await _acquired(connections, 2) == [second, first]
    assert (connections.idle, len(driver.made)) == (0, 2)


@pytest.mark.parametrize(("seconds", "again"), [(59.9, True), (60.0, False)])
async def test_one_that_was_idle_for_too_long_is_not_used_again(
    connections: Connections, driver: ScriptedDriver, clock: list[float], *, seconds: float, again: bool
) -> None:
    [connection] = await _acquired(connections, 1)
    connections.release(connection)
    clock[0] += seconds
    assert (await _acquired(connections, 1) == [connection]) is again
    assert connection.ended == ([] if again else ["terminated"])
    assert len(driver.made) == (1 if again else 2)


async def test_nor_is_one_that_the_server_has_closed(connections: Connections, driver: ScriptedDriver) -> None:
    good, lost = await _acquired(connections, 2)
    connections.release(good)
    connections.release(lost)
    lost.lost = True
    assert await _acquired(connections, 1) == [good]
    assert (lost.ended, good.ended) == (["terminated"], [])


@pytest.mark.parametrize("state", ["lost", "in_transaction"])
async def test_one_in_an_unknown_state_does_not_come_back(connections: Connections, state: str) -> None:
    [connection] = await _acquired(connections, 1)
    setattr(connection, state, True)
    connections.release(connection)
    assert (connections.idle, connection.ended) == (0, ["terminated"])


async def test_what_a_rush_left_over_ends_after_a_while(connections: Connections, clock: list[float]) -> None:
    first, second, third = await _acquired(connections, 3)
    for connection in (first, second):
        connections.release(connection)
        clock[0] += 30
    connections.release(third)
    assert (first.ended, connections.idle) == ([], 3), "a minute is not too long"
    clock[0] += 1
    connections.release(await connections.acquire(5))
    assert [connection.ended for connection in (first, second, third)] == [["terminated"], [], []]
    assert connections.idle == 2


async def test_all_of_a_rush_that_have_become_too_old_end_together(
    connections: Connections, clock: list[float]
) -> None:
    *rush, last = await _acquired(connections, 4)
    for connection in rush:
        connections.release(connection)
    clock[0] += 61
    connections.release(last)
    assert [connection.ended for connection in (*rush, last)] == [["terminated"]] * 3 + [[]]
    assert connections.idle == 1


async def test_all_that_are_idle_are_closed_whatever_one_of_them_says(connections: Connections) -> None:
    made = await _acquired(connections, 4)
    errors = [OSError("reset"), asyncpg.PostgresError("no"), asyncpg.InterfaceError("closed"), None]
    for connection, error in zip(made, errors, strict=True):
        connection.error = error
        connections.release(connection)
    await connections.close()
    assert [connection.ended for connection in made] == [[("closed", 5.0)]] * 4
    assert connections.idle == 0

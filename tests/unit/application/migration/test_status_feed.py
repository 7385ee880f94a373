"""One reading of the ledger for all who watch."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast, override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import status_feed
from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.speedometer import Speed, Speeds
from s3py_helper.application.migration.status_feed import FailedReading, Reading, StatusFeed
from s3py_helper.application.ports.ledger import Limits, Tally
from s3py_helper.application.ports.migration_target import MigrationTarget
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)


class SlowLedger(SqliteLedger):
    """Counts as slowly as one with very many files."""

    seconds = 0.0
    reads = 0
    fails = False

    @override
    async def tallies(self) -> list[Tally]:
        self.reads += 1
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise StorageUnavailableException("the ledger is locked")
        return await super().tallies()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SlowLedger]:
    async with SlowLedger(tmp_path / "ledger.db", "one") as ledger:
        yield ledger


@pytest.fixture
def feed(ledger: SlowLedger, monkeypatch: pytest.MonkeyPatch) -> StatusFeed:
    monkeypatch.setattr(status_feed, "FRESH_SECONDS", 0.0)
    # Nothing here asks the target.
    return StatusFeed(Migration(None, cast("MigrationTarget", None), ledger, ""))


async def _limits(feed: StatusFeed) -> Limits:
    reading = await feed.after()
    assert isinstance(reading, Reading)
    return reading.status.limits


async def test_a_ledger_that_counts_slowly_is_read_seldom(feed: StatusFeed, ledger: SlowLedger) -> None:
    ledger.seconds = 0.1
    first = await feed.within(5, 0)
    assert await feed.within(5, 0) is first
    assert await feed.after() is first
    assert ledger.reads == 1


async def test_who_has_seen_the_latest_waits_for_the_next(feed: StatusFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_feed, "FRESH_SECONDS", 3600.0)
    reading = await feed.after()
    assert await feed.after(reading.number - 1) is reading
    waiting = asyncio.ensure_future(feed.after(reading.number))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_the_time_that_is_left_is_known_once_there_are_speeds(feed: StatusFeed) -> None:
    reading = await feed.after()
    assert isinstance(reading, Reading)
    assert reading.seconds_left is None
    assert replace(reading, speeds=Speeds(Speed(1, 1), Speed(1, 1), Speed(1, 1))).seconds_left == 0


async def test_what_was_changed_shows_at_once(feed: StatusFeed, ledger: SlowLedger) -> None:
    ledger.seconds = 0.02
    assert await _limits(feed) == Limits()
    await feed.migration.change_limits(LimitsChange(paused=True))
    feed.changed()
    assert await _limits(feed) == Limits(paused=True)


async def test_a_reading_that_began_before_a_change_is_not_taken_for_the_state_behind_it(
    feed: StatusFeed, ledger: SlowLedger
) -> None:
    ledger.seconds = 0.02
    reading = asyncio.ensure_future(feed.after())
    await until(lambda: ledger.reads)
    feed.changed()
    await reading
    assert ledger.reads == 2


async def test_who_cannot_wait_gets_what_was_read_last(feed: StatusFeed, ledger: SlowLedger) -> None:
    assert await feed.within(0, 0) is None
    first = await feed.after()
    ledger.seconds = 0.05
    feed.changed()
    assert await feed.within(0, 0) is first
    second = await feed.after()
    assert second.number == first.number + 1


async def test_watchers_that_leave_do_not_keep_others_from_the_reading(feed: StatusFeed, ledger: SlowLedger) -> None:
    ledger.seconds = 0.02
    first, second = asyncio.ensure_future(feed.after()), asyncio.ensure_future(feed.after())
    await until(lambda: ledger.reads)
    first.cancel()
    assert isinstance(await second, Reading)
    assert ledger.reads == 1


async def test_a_reading_is_as_old_as_it_may_be_and_no_older(
    feed: StatusFeed, ledger: SlowLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr(status_feed, "monotonic", lambda: clock)
    monkeypatch.setattr(status_feed, "FRESH_SECONDS", 2.0)
    first = await feed.within(5, 0)
    ages = [(1.9, 0, False), (2.0, 5, False), (4.9, 5, False), (5.0, 5, True), (6.9, 0, False), (7.0, 0, True)]
    for age, max_age, is_new in ages:
        clock = 1000.0 + age
        reading = await feed.within(5, max_age)
        assert (reading is not first) == is_new, age
        first = reading
    assert ledger.reads == 3


async def test_reading_takes_a_twentieth_of_the_time(
    feed: StatusFeed, ledger: SlowLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    real = ledger.tallies

    async def tallies() -> list[Tally]:
        nonlocal clock
        clock += 1.0
        return await real()

    monkeypatch.setattr(status_feed, "monotonic", lambda: clock)
    monkeypatch.setattr(ledger, "tallies", tallies)
    first = await feed.within(5, 0)
    clock += 18.9
    assert await feed.within(5, 0) is first
    assert await feed.after() is first
    clock += 0.1
    assert await feed.within(5, 0) is not first


async def test_a_failure_is_a_reading_too(feed: StatusFeed, ledger: SlowLedger) -> None:
    ledger.fails = True
    failed = await feed.after()
    assert isinstance(failed, FailedReading)
    assert str(failed.error) == "the ledger is locked"
    ledger.fails = False
    assert isinstance(await feed.after(failed.number), Reading)


async def test_a_fault_of_ours_is_raised_to_who_asked_and_the_next_reading_is_taken(
    feed: StatusFeed, ledger: SlowLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> list[Tally]:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(ledger, "tallies", fail)
    async with asyncio.timeout(10):
        for asking in (feed.after(), feed.within(5, 0)):
            with pytest.raises(ValueError, match="a fault of ours"):
                await asking
    monkeypatch.undo()
    assert isinstance(await feed.after(), Reading)


@pytest.mark.parametrize("changes", [{"bytes_per_second": -1}, {"files_per_second": 1.5}, {"concurrency": True}])
def test_limits_that_are_none_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentException, match=next(iter(changes))):
        LimitsChange(**changes)  # type: ignore[arg-type]  # that is the point


def test_a_change_leaves_what_it_does_not_name() -> None:
    current = Limits(1, 2, 3, paused=True)
    assert LimitsChange(bytes_per_second=0, files_per_second=9).of(current) == Limits(None, 9, 3, paused=True)
    assert LimitsChange(paused=False).of(current) == Limits(1, 2, 3)

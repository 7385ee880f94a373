"""What is noted of files that clients of FastDFS alone change while their group moves."""

import asyncio
from typing import override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.changing import MigrationNotice
from s3py_helper.application.migration.moved_files import moved_place
from s3py_helper.application.ports.ledger import LedgerFile, PlannedFile
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileKind, FileState, Route
from tests.support.cancelling import CleaningUp, cancelled_twice
from tests.support.migration.in_memory import appender_id
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(30)

APPENDER, SUCCESSOR = appender_id(1), appender_id(2)
DOWN = StorageUnavailableException("the store is down")


class Moved:
    """The copies; deletes what it has."""

    def __init__(self, *there: FileId, error: Exception | None = None) -> None:
        self.there = set(there)
        self.deleted: list[FileId] = []
        self._error = error

    async def delete(self, place: FileId) -> None:
        self.deleted.append(place)
        if self._error is not None:
            raise self._error
        if place not in self.there:
            raise FileNotFoundException("there is no copy")


def notice_of(ledger: SqliteLedger, observer: Recorder, moved: Moved | None = None) -> MigrationNotice:
    return MigrationNotice(ledger, moved or Moved(), observer)  # type: ignore[arg-type]  # a store that only deletes


async def copied(ledger: SqliteLedger, file_id: FileId = APPENDER) -> LedgerFile:
    await ledger.plan([PlannedFile(file_id, FileKind.APPENDER, 4)])
    row = await ledger.find(file_id)
    assert row is not None
    assert await ledger.put(row, FileState.COPIED)
    return await found(ledger, file_id)


async def found(ledger: SqliteLedger, file_id: FileId = APPENDER) -> LedgerFile:
    row = await ledger.find(file_id)
    assert row is not None
    return row


@pytest.mark.parametrize("route", Route)
async def test_only_a_group_that_is_read_from_s3_alone_is_closed(
    ledger: SqliteLedger, observer: Recorder, route: Route
) -> None:
    before = await copied(ledger)
    await ledger.set_route("group1", route)
    notice = notice_of(ledger, observer)
    if route is not Route.S3_ONLY:
        await notice.require_open("group1")
        return
    with pytest.raises(RouteNotSupportedException, match="group1 are read from S3 alone") as refused:
        await notice.require_open("group1")
    assert refused.value.backend == Backend.FASTDFS
    with pytest.raises(RouteNotSupportedException):
        async with notice.writing(APPENDER):
            pytest.fail("it must not be written")
    assert await found(ledger) == before


@pytest.mark.parametrize("fails", [False, True])
async def test_a_write_is_noted_before_and_afterwards_whatever_becomes_of_it(
    ledger: SqliteLedger, observer: Recorder, fails: bool
) -> None:
    before = during = await copied(ledger)
    try:
        async with notice_of(ledger, observer).writing(APPENDER):
            during = await found(ledger)
            assert (during.state, during.fence) == (FileState.PLANNED, before.fence + 1)
            assert await ledger.put(during, FileState.COPIED), "a worker is faster than the write"
            if fails:
                raise DOWN
    except StorageUnavailableException:
        assert fails
    after = await found(ledger)
    assert (after.state, after.fence) == (FileState.PLANNED, during.fence + 1)
    assert observer.events == []


async def test_a_file_that_nobody_has_planned_can_be_written(ledger: SqliteLedger, observer: Recorder) -> None:
    async with notice_of(ledger, observer).writing(APPENDER):
        pass
    assert await ledger.find(APPENDER) is None


async def test_a_deleted_file_is_neither_written_nor_made_anew(ledger: SqliteLedger, observer: Recorder) -> None:
    await ledger.tombstone(APPENDER)
    await copied(ledger, SUCCESSOR)
    notice = notice_of(ledger, observer)
    with pytest.raises(FileNotFoundException, match="has been deleted") as missing:
        async with notice.writing(APPENDER):
            pytest.fail("it must not be written")
    assert (missing.value.file_id, missing.value.backend) == (str(APPENDER), Backend.FASTDFS)
    with pytest.raises(InvalidArgumentException, match="stays deleted: choose another prefix") as refused:
        await notice.require_new(APPENDER)
    assert (refused.value.file_id, refused.value.backend) == (str(APPENDER), Backend.FASTDFS)
    await notice.require_new(SUCCESSOR)
    await notice.require_new(appender_id(3))


class Failing(SqliteLedger):
    """A ledger that notes so many changes, and then no more."""

    notes = 1
    cleaning_up: CleaningUp | None = None

    @override
    async def changed(self, file_id: FileId) -> None:
        self.notes -= 1
        if self.notes < 0:
            raise DOWN
        if self.cleaning_up is not None and self.notes == 0:
            await self.cleaning_up.passed()
        await super().changed(file_id)


@pytest.fixture
async def failing(ledger: SqliteLedger) -> Failing:
    ledger.__class__ = Failing
    return ledger  # type: ignore[return-value]  # it is one now


async def test_a_change_that_could_not_be_noted_before_is_not_made(failing: Failing, observer: Recorder) -> None:
    failing.notes = 0
    with pytest.raises(StorageUnavailableException):
        async with notice_of(failing, observer).writing(APPENDER):
            pytest.fail("a crash would lose it")
    assert observer.events == []


async def test_a_change_that_was_made_and_could_not_be_noted_is_reported(failing: Failing, observer: Recorder) -> None:
    async with notice_of(failing, observer).writing(APPENDER):
        pass
    assert observer.events == [RollbackFailed(Backend.FASTDFS, f"the copy of {APPENDER}", "the store is down")]


async def test_a_change_is_noted_although_its_caller_is_cancelled_twice(failing: Failing, observer: Recorder) -> None:
    before = await copied(failing)
    failing.notes, failing.cleaning_up = 2, CleaningUp()
    under_way = asyncio.Event()

    async def write() -> None:
        async with notice_of(failing, observer).writing(APPENDER):
            under_way.set()
            await asyncio.Event().wait()

    await cancelled_twice(write(), under_way, failing.cleaning_up)
    assert (await found(failing)).fence == before.fence + 2


@pytest.mark.parametrize("moved", [Moved(moved_place(APPENDER)), Moved()], ids=["moved", "not moved"])
async def test_a_file_that_got_another_id_is_deleted_under_its_old_one(
    ledger: SqliteLedger, observer: Recorder, moved: Moved
) -> None:
    await copied(ledger)
    await notice_of(ledger, observer, moved).replaced(APPENDER, SUCCESSOR)
    assert (await found(ledger)).state is FileState.DELETED
    assert (await found(ledger, SUCCESSOR)).state is FileState.PLANNED
    assert (await found(ledger, SUCCESSOR)).kind is FileKind.APPENDER
    assert moved.deleted == [moved_place(APPENDER)]
    assert await ledger.pending_deletions(9) == []
    assert observer.events == []


async def test_an_old_copy_that_could_not_be_deleted_is_reported_and_pending(
    ledger: SqliteLedger, observer: Recorder
) -> None:
    await copied(ledger)
    await notice_of(ledger, observer, Moved(error=DOWN)).replaced(APPENDER, SUCCESSOR)
    assert observer.events == [
        RollbackFailed(Backend.FASTDFS, f"the copy of {APPENDER}, now {SUCCESSOR}", "the store is down")
    ]
    assert await ledger.pending_deletions(9) == [APPENDER]
    assert (await found(ledger, SUCCESSOR)).state is FileState.PLANNED


async def test_the_old_file_stays_where_its_successor_cannot_be_noted(
    ledger: SqliteLedger, observer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copied(ledger)
    moved = Moved()

    async def down(*_: object) -> int:
        raise DOWN

    monkeypatch.setattr(ledger, "plan", down)
    await notice_of(ledger, observer, moved).replaced(APPENDER, SUCCESSOR)
    assert len(observer.of(RollbackFailed)) == 1
    assert (await found(ledger)).state is FileState.COPIED
    assert moved.deleted == []

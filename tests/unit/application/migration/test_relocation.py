"""Where old ids lead while their files move, and what a deletion leaves for later."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Self, override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import relocation
from s3py_helper.application.migration.moved_files import moved_place
from s3py_helper.application.migration.relocation import MigrationRelocation
from s3py_helper.application.ports.ledger import LedgerFile, Outcome, PlannedFile
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileKind, FileState, Route, moved_key
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(30)

FILE_ID = FileId.parse("group1/M00/00/00/made_up_by_hand.txt")
MOVED = moved_place(FILE_ID)


class Stores:
    """Both backends: what they have, what they cannot be asked for, and what was asked of them."""

    def __init__(self, *there: FileId, down: Iterable[FileId] = ()) -> None:
        self.there = set(there)
        self.down = set(down)
        self.asked: list[FileId] = []

    async def delete(self, place: FileId) -> None:
        self.asked.append(place)
        if place in self.down:
            raise StorageUnavailableException(f"{place.backend} is down")
        if place not in self.there:
            raise FileNotFoundException("it is not there")
        self.there.remove(place)


class Clocked:
    """A monotonic clock that tests move on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clocked:
    clock = Clocked()
    monkeypatch.setattr(relocation, "monotonic", clock)
    return clock


@pytest.fixture
def places(ledger: SqliteLedger, observer: Recorder) -> MigrationRelocation:
    return MigrationRelocation(ledger, "my-bucket", "moved/", observer)


@pytest.fixture
def without_fastdfs(ledger: SqliteLedger, observer: Recorder) -> MigrationRelocation:
    return MigrationRelocation(ledger, "my-bucket", "moved/", observer, reaches_fastdfs=False)


async def put(
    ledger: SqliteLedger, state: FileState, file_id: FileId = FILE_ID, kind: FileKind = FileKind.SLAVE
) -> None:
    await ledger.plan([PlannedFile(file_id, kind, 4)])
    row = await ledger.find(file_id)
    assert row is not None
    assert await ledger.put(row, state)


@pytest.mark.parametrize(
    ("route", "state", "kind", "expected"),
    [
        (None, FileState.COPIED, FileKind.SLAVE, [FILE_ID]),
        (Route.FASTDFS, FileState.DRAINED, FileKind.SLAVE, [FILE_ID]),
        *[(Route.S3_FIRST, state, FileKind.SLAVE, [MOVED, FILE_ID]) for state in (
            None, FileState.PLANNED, FileState.COPYING, FileState.COPIED, FileState.VERIFIED, FileState.DRAINED,
            FileState.MISSING_AT_SOURCE,
        )],
        (Route.S3_FIRST, FileState.QUARANTINED, FileKind.SLAVE, [FILE_ID]),
        (Route.S3_FIRST, FileState.GONE, FileKind.SLAVE, [FILE_ID]),
        (Route.S3_FIRST, FileState.COPIED, FileKind.APPENDER, [FILE_ID]),
        *[(Route.S3_ONLY, state, kind, [MOVED]) for state, kind in (
            (None, FileKind.SLAVE), (FileState.DRAINED, FileKind.SLAVE), (FileState.QUARANTINED, FileKind.SLAVE),
            (FileState.VERIFIED, FileKind.APPENDER),
        )],
    ],
)  # fmt: skip
async def test_route_and_entry_tell_the_places(
    places: MigrationRelocation,
    ledger: SqliteLedger,
    route: Route | None,
    state: FileState | None,
    kind: FileKind,
    expected: list[FileId],
) -> None:
    if state is not None:
        await put(ledger, state, kind=kind)
    if route is not None:
        await ledger.set_route("group1", route)
    assert list(await places.places(FILE_ID)) == expected


@pytest.mark.parametrize("route", Route)
async def test_a_deleted_file_is_nowhere(places: MigrationRelocation, ledger: SqliteLedger, route: Route) -> None:
    await ledger.set_route("group1", route)
    await ledger.tombstone(FILE_ID)
    with pytest.raises(FileNotFoundException, match="has been deleted") as missing:
        await places.places(FILE_ID)
    assert (missing.value.file_id, missing.value.backend) == (str(FILE_ID), Backend.FASTDFS)


@pytest.mark.parametrize("route", [Route.FASTDFS, Route.S3_FIRST])
async def test_without_fastdfs_a_group_that_is_not_moved_is_not_served(
    without_fastdfs: MigrationRelocation, ledger: SqliteLedger, route: Route
) -> None:
    await ledger.set_route("group1", route)
    with pytest.raises(RouteNotSupportedException, match="group1 is not 's3-only' yet") as refused:
        await without_fastdfs.places(FILE_ID)
    assert (refused.value.file_id, refused.value.backend) == (str(FILE_ID), Backend.FASTDFS)


async def test_without_fastdfs_a_moved_group_is_served(
    without_fastdfs: MigrationRelocation, ledger: SqliteLedger
) -> None:
    await ledger.set_route("group1", Route.S3_ONLY)
    assert list(await without_fastdfs.places(FILE_ID)) == [MOVED]


@pytest.mark.parametrize(
    ("key", "bucket", "known"),
    [
        (moved_key("moved/", FILE_ID), "my-bucket", FILE_ID),
        ("moved/fastdfs/nonsense", "my-bucket", None),
        (moved_key("moved/", FILE_ID) + ".meta.json", "my-bucket", None),
    ],
)
async def test_a_moved_file_has_one_id(
    places: MigrationRelocation, key: str, bucket: str, known: FileId | None
) -> None:
    object_id, stores = FileId(Backend.S3, bucket, key), Stores()
    assert places.known_as(object_id) == known
    says = f"use its id {known}" if known else "is no file of its own"
    for step in (places.places(object_id), places.delete(object_id, stores.delete)):
        with pytest.raises(InvalidArgumentException, match=says) as refused:
            await step
        assert (refused.value.file_id, refused.value.backend) == (str(object_id), Backend.S3)
    assert stores.asked == []


@pytest.mark.parametrize(
    "object_id",
    [
        FileId(Backend.S3, "another-bucket", moved_key("moved/", FILE_ID)),
        FileId(Backend.S3, "my-bucket", "moved/other/file.txt"),
        FileId(Backend.S3, "my-bucket", "fastdfs/group1/a.txt"),
        FileId(Backend.FILESYSTEM, "my-bucket", moved_key("moved/", FILE_ID)),
    ],
)
async def test_other_objects_are_what_they_were(places: MigrationRelocation, object_id: FileId) -> None:
    assert list(await places.places(object_id)) == [object_id]
    assert places.known_as(object_id) == object_id
    stores = Stores(object_id)
    await places.delete(object_id, stores.delete)
    assert stores.asked == [object_id]


class Away(SqliteLedger):
    """A ledger that cannot be read at times, and counts how often it was asked."""

    error: StorageOperationException | StorageUnavailableException | None = None
    asked = 0
    in_a_hurry = False

    @override
    def hurried(self) -> Self:
        self.in_a_hurry = True
        return self

    @override
    async def routes(self):  # type: ignore[no-untyped-def]  # as the ledger's
        self.asked += 1
        if self.error is not None:
            raise self.error
        return await super().routes()

    @override
    async def find(self, file_id: FileId) -> LedgerFile | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return await super().find(file_id)


DOWN = StorageUnavailableException("the ledger is down")


async def test_a_route_is_asked_for_every_two_seconds(tmp_path: Path, observer: Recorder, clock: Clocked) -> None:
    async with Away(tmp_path / "away.db", "one") as ledger:
        places = MigrationRelocation(ledger, "my-bucket", "moved/", observer)
        assert ledger.in_a_hurry, "somebody waits for a read"
        await places.places(FILE_ID)
        assert ledger.asked == 2
        clock.now += 1.99
        await ledger.set_route("group1", Route.S3_FIRST)
        assert list(await places.places(FILE_ID)) == [FILE_ID]
        assert ledger.asked == 3
        clock.now += 0.02
        assert list(await places.places(FILE_ID)) == [MOVED, FILE_ID]
        assert ledger.asked == 5


async def test_what_is_read_from_fastdfs_needs_no_ledger(tmp_path: Path, observer: Recorder, clock: Clocked) -> None:
    async with Away(tmp_path / "away.db", "one") as ledger:
        places = MigrationRelocation(ledger, "my-bucket", "moved/", observer)
        await places.places(FILE_ID)
        ledger.error, ledger.asked = DOWN, 0
        for _ in range(3):
            assert list(await places.places(FILE_ID)) == [FILE_ID]
        assert ledger.asked == 1, "it was away a moment ago"
        clock.now += 1.01
        assert list(await places.places(FILE_ID)) == [FILE_ID]
        assert ledger.asked == 2
        clock.now += 5
        assert list(await places.places(FILE_ID)) == [FILE_ID]
        assert ledger.asked == 3, "the routes as they were known last serve"


async def test_what_is_read_from_s3_needs_the_ledger(tmp_path: Path, observer: Recorder, clock: Clocked) -> None:
    async with Away(tmp_path / "away.db", "one") as ledger:
        places = MigrationRelocation(ledger, "my-bucket", "moved/", observer)
        await ledger.set_route("group1", Route.S3_FIRST)
        await places.places(FILE_ID)
        ledger.error, ledger.asked = DOWN, 0
        for _ in range(3):
            with pytest.raises(StorageUnavailableException, match="the ledger is down"):
                await places.places(FILE_ID)
        assert ledger.asked == 1
        ledger.error = None
        clock.now += 1.01
        assert list(await places.places(FILE_ID)) == [MOVED, FILE_ID]


@pytest.mark.parametrize("error", [DOWN, StorageOperationException("the ledger is damaged")])
async def test_a_process_that_never_knew_a_route_does_not_guess(
    tmp_path: Path,
    observer: Recorder,
    clock: Clocked,
    error: StorageOperationException | StorageUnavailableException,
) -> None:
    async with Away(tmp_path / "away.db", "one") as ledger:
        places = MigrationRelocation(ledger, "my-bucket", "moved/", observer)
        ledger.error = error
        with pytest.raises(type(error), match=error.message):
            await places.places(FILE_ID)
        clock.now += 1.01
        ledger.error = None
        assert list(await places.places(FILE_ID)) == [FILE_ID]


@pytest.mark.parametrize("there", [[FILE_ID, MOVED], [FILE_ID], [MOVED]])
async def test_a_file_is_deleted_in_both_places_fastdfs_first(
    places: MigrationRelocation, ledger: SqliteLedger, observer: Recorder, there: list[FileId]
) -> None:
    await put(ledger, FileState.COPIED)
    stores = Stores(*there)
    await places.delete(FILE_ID, stores.delete)
    assert stores.asked == [FILE_ID, MOVED]
    assert stores.there == set()
    assert await ledger.pending_deletions(9) == []
    assert observer.events == []
    with pytest.raises(FileNotFoundException, match="has been deleted"):
        await places.delete(FILE_ID, stores.delete)
    assert len(stores.asked) == 2


async def test_a_file_that_never_was_leaves_no_tombstone(
    places: MigrationRelocation, ledger: SqliteLedger, observer: Recorder
) -> None:
    with pytest.raises(FileNotFoundException, match="no such file") as missing:
        await places.delete(FILE_ID, Stores().delete)
    assert (missing.value.file_id, missing.value.backend) == (str(FILE_ID), Backend.FASTDFS)
    assert await ledger.find(FILE_ID) is None
    assert observer.events == []


@pytest.mark.parametrize("down", [[FILE_ID], [MOVED], [FILE_ID, MOVED]])
async def test_what_could_not_be_deleted_is_pending_and_swept(
    places: MigrationRelocation, ledger: SqliteLedger, observer: Recorder, down: list[FileId]
) -> None:
    stores = Stores(FILE_ID, MOVED, down=down)
    await places.delete(FILE_ID, stores.delete)
    assert stores.asked == [FILE_ID, MOVED], "what can be deleted is"
    assert observer.events == [
        RollbackFailed(
            Backend.FASTDFS,
            f"the deleted file {FILE_ID}",
            "; ".join(f"{place.backend} is down" for place in down),
        )
    ]
    assert await ledger.pending_deletions(9) == [FILE_ID]
    assert await places.sweep(stores.delete) == 0
    assert await ledger.pending_deletions(9) == [FILE_ID]
    stores.down = set()
    assert await places.sweep(stores.delete) == 1
    assert stores.there == set()
    assert await ledger.pending_deletions(9) == []


async def test_a_sweep_passes_over_what_it_cannot_do(places: MigrationRelocation, ledger: SqliteLedger) -> None:
    ids = [FileId.parse(f"group1/M00/00/00/{number}.txt") for number in range(5)]
    for file_id in ids:
        await ledger.tombstone(file_id)
    stores = Stores(*ids, down=ids[:2])
    assert await places.sweep(stores.delete, limit=2) == 3
    assert await ledger.pending_deletions(9) == ids[:2]
    assert [place for place in stores.asked if place.backend == Backend.FASTDFS] == ids, "each once"


async def test_what_is_gone_is_swept_from_s3_alone(places: MigrationRelocation, ledger: SqliteLedger) -> None:
    await ledger.plan([PlannedFile(FILE_ID, FileKind.SLAVE, 4)])
    [claim] = await ledger.claim("a", 1, 60)
    await ledger.record([Outcome(FILE_ID, claim.fence, FileState.GONE)])
    stores = Stores(FILE_ID, MOVED)
    assert await places.sweep(stores.delete) == 1
    assert stores.asked == [MOVED], "it may be there again"
    assert await ledger.pending_deletions(9) == []


async def test_without_fastdfs_only_s3_is_asked_to_delete(
    without_fastdfs: MigrationRelocation, ledger: SqliteLedger
) -> None:
    stores = Stores(MOVED)
    await without_fastdfs.delete(FILE_ID, stores.delete)
    assert stores.asked == [MOVED]


async def test_the_tombstone_comes_before_any_deletion(places: MigrationRelocation, ledger: SqliteLedger) -> None:
    async def cut_off(place: FileId) -> None:
        raise asyncio.CancelledError(place)

    with pytest.raises(asyncio.CancelledError):
        await places.delete(FILE_ID, cut_off)
    assert await ledger.pending_deletions(9) == [FILE_ID]

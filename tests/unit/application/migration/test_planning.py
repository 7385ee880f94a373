"""What a plan writes down of listings and lists, and what it says of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import override

import pytest
from isal import isal_zlib

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import planning
from s3py_helper.application.migration.planning import Planner, PlanOptions, PlanResult
from s3py_helper.application.ports.ledger import Known, LedgerFile, ScannedSource
from s3py_helper.application.ports.migration_source import SourceFacts, SourceGroup
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState
from tests.support.migration.in_memory import CREATED, FIRST, SECOND, Listing, MemorySource, appender_id, id_of

pytestmark = pytest.mark.timeout(30)

GROUP1 = PlanOptions(groups=frozenset({"group1"}))
BROKEN = StorageUnavailableException("the connection broke")


async def planned(
    source: MemorySource, ledger: SqliteLedger, options: PlanOptions = GROUP1, settle_seconds: float = 0
) -> PlanResult:
    return await Planner(source, ledger, settle_seconds=settle_seconds).plan(options)


async def lines(*texts: object) -> AsyncIterator[str]:
    for text in texts:
        yield str(text)


def of_ids(*texts: object, where: str = "ids.txt", default_group: str | None = None) -> PlanOptions:
    return PlanOptions(cluster=False, ids=[(where, lines(*texts))], default_group=default_group)


async def rows(ledger: SqliteLedger) -> dict[FileId, FileState]:
    async with ledger.files() as files:
        return {file.file_id: file.state async for file in files}


async def put(ledger: SqliteLedger, file_id: FileId, state: FileState) -> LedgerFile:
    """Bring a planned file into a state."""
    row = await ledger.find(file_id)
    assert row is not None
    assert await ledger.put(row, state)
    found = await ledger.find(file_id)
    assert found is not None
    return found


def listings(source: MemorySource) -> list[str]:
    return [question for question in source.asked if question.startswith("listing")]


async def test_a_plan_of_everything_finds_each_file_once(source: MemorySource, ledger: SqliteLedger) -> None:
    ids = [source.add(b"some", number) for number in range(5)]
    other = source.add(b"other", file_id=id_of(b"other", group="group2"))
    result = await planned(source, ledger, PlanOptions())
    assert result == PlanResult(found=6, new=6)
    assert result.complete
    assert await rows(ledger) == dict.fromkeys([*ids, other], FileState.PLANNED)
    row = await ledger.find(ids[0])
    assert row is not None
    assert (row.kind, row.size, row.crc32, row.mtime) == (FileKind.NORMAL, 4, isal_zlib.crc32(b"some"), CREATED)
    assert await planned(source, ledger, PlanOptions()) == PlanResult(found=6)
    assert source.asked.count(f"facts of {ids[0].key}") == 1, "a file that cannot change is asked for once"


async def test_every_store_path_of_every_server_is_listed_and_noted(source: MemorySource, ledger: SqliteLedger) -> None:
    source.store_paths = 2
    source.add(b"some")
    source.broken[SECOND] = BROKEN
    result = await planned(source, ledger)
    assert result == PlanResult(
        found=1,
        new=1,
        incomplete=[f"{SECOND}/M00: the connection broke", f"{SECOND}/M01: the connection broke"],
        restricted=True,
    )
    assert not result.complete
    scans = {scan.name: (scan.group, scan.files, scan.complete) for scan in await ledger.sources()}
    assert scans == {
        f"{FIRST}/M00": ("group1", 1, True),
        f"{FIRST}/M01": ("group1", 0, True),
        f"{SECOND}/M00": ("group1", 1, False),
        f"{SECOND}/M01": ("group1", 0, False),
    }


@pytest.mark.parametrize("broken", [False, True])
async def test_a_listing_is_noted_with_what_it_proves(source: MemorySource, ledger: SqliteLedger, broken: bool) -> None:
    source.add(b"some")
    if broken:
        source.broken[FIRST] = BROKEN
    await planned(source, ledger)
    [(_, _, detail)] = await ledger.events(name="listing")
    assert detail == {"group": "group1", "files": 1, "counted": 1, "complete": not broken}


async def test_names_that_can_be_no_ids_are_told_and_the_others_are_planned(ledger: SqliteLedger) -> None:
    class Odd(MemorySource):
        @override
        @asynccontextmanager
        async def listing(self, group: str, server: str, store_path: int) -> AsyncGenerator[Listing]:
            yield Listing(["M00/00/00/\x01", *(file_id.key for file_id in self.files)], None)

    source = Odd(servers={"group1": (FIRST,)})
    file_id = source.add(b"some")
    result = await planned(source, ledger)
    [(where, number, text)] = result.unplannable
    assert (where, number, result.unplannable_count) == ("listing", 0, 1)
    assert text.startswith("M00/00/00/\x01: ")
    assert await rows(ledger) == {file_id: FileState.PLANNED}


async def test_a_server_may_have_what_another_lacks(source: MemorySource, ledger: SqliteLedger) -> None:
    ids = {source.add(b"some", number) for number in range(3)}
    first, second, third = ids
    source.unlisted = {FIRST: {first}, SECOND: {second}}
    assert await planned(source, ledger) == PlanResult(found=3, new=3, restricted=True)
    assert set(await rows(ledger)) == {first, second, third}


@pytest.mark.parametrize(
    ("options", "restricted"),
    [
        (PlanOptions(), False),
        (PlanOptions(accept_difference=7), False),
        (PlanOptions(limit=9), True),
        (PlanOptions(limit=0), True),
        (GROUP1, True),
        (PlanOptions(cluster=False), True),
    ],
)
async def test_a_plan_that_was_narrowed_says_so(
    source: MemorySource, ledger: SqliteLedger, options: PlanOptions, restricted: bool
) -> None:
    assert await planned(source, ledger, options) == PlanResult(restricted=restricted)
    assert bool(listings(source)) is options.cluster


async def test_only_the_groups_that_are_named_are_planned(source: MemorySource, ledger: SqliteLedger) -> None:
    source.add(b"some")
    other = source.add(b"other", file_id=id_of(b"other", group="group2"))
    await planned(source, ledger, PlanOptions(groups=frozenset({"group2"})))
    assert set(await rows(ledger)) == {other}
    with pytest.raises(InvalidArgumentException, match=r"no group group3, group4; there are: group1, group2"):
        await planned(source, ledger, PlanOptions(groups=frozenset({"group1", "group4", "group3"})))


@pytest.mark.parametrize(
    ("counted", "accepted", "shortages", "surpluses"),
    [
        (3, 0, {}, {}),
        (4, 0, {"group1": 1}, {}),
        (5, 0, {"group1": 2}, {}),
        (5, 1, {"group1": 1}, {}),
        (5, 2, {}, {}),
        (2, 0, {}, {"group1": 1}),
    ],
)
async def test_what_is_listed_is_compared_with_what_servers_count(
    source: MemorySource,
    ledger: SqliteLedger,
    counted: int,
    accepted: int,
    shortages: dict[str, int],
    surpluses: dict[str, int],
) -> None:
    for number in range(3):
        source.add(b"some", number)
    source.counted["group1"] = counted
    options = PlanOptions(groups=frozenset({"group1"}), accept_difference=accepted)
    result = await planned(source, ledger, options)
    assert result == PlanResult(found=3, new=3, restricted=True, shortages=shortages, surpluses=surpluses)
    assert result.complete is not bool(shortages)
    [(_, _, detail)] = await ledger.events(name="listing")
    assert (detail["counted"], detail["complete"]) == (counted, not shortages)
    assert len(listings(source)) == (4 if counted > 3 + accepted else 2), "a shortage is looked at again"


async def test_a_listing_that_catches_up_is_no_shortage(source: MemorySource, ledger: SqliteLedger) -> None:
    class Late(MemorySource):
        @override
        async def facts(self, file_id: FileId) -> SourceFacts:
            self.unlisted.clear()  # the second listing has everything
            return await super().facts(file_id)

    late = Late()
    first, second = late.add(b"some", 1), late.add(b"some", 2)
    late.unlisted = {FIRST: {second}, SECOND: {second}}
    late.broken = {}
    assert await planned(late, ledger) == PlanResult(found=2, new=2, restricted=True)
    assert set(await rows(ledger)) == {first, second}


async def test_a_counter_that_catches_up_is_no_shortage_and_ends_the_waiting(
    source: MemorySource, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_LOOK_AGAIN_SECONDS", 0.001)
    source.add(b"some")
    source.counted = {"group1": 2, "group2": 0}
    planning_it = asyncio.ensure_future(planned(source, ledger, settle_seconds=3600))
    while len(listings(source)) < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    source.counted["group1"] = 1
    async with asyncio.timeout(10):
        assert await planning_it == PlanResult(found=1, new=1, restricted=True)


async def test_what_was_deleted_lately_may_still_be_counted(source: MemorySource, ledger: SqliteLedger) -> None:
    source.add(b"some")
    deleted = source.add(b"deleted")
    await planned(source, ledger)
    await ledger.tombstone(deleted)
    del source.files[deleted]
    source.counted["group1"] = 2
    assert (await planned(source, ledger, settle_seconds=65)).shortages == {}


@pytest.mark.parametrize(("seconds", "settles", "shortages"), [(30, 65, {}), (5, 0, {"group1": 1})])
async def test_only_what_was_deleted_while_counters_lag_is_excused(
    source: MemorySource,
    ledger: SqliteLedger,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    settles: float,
    shortages: dict[str, int],
) -> None:
    source.add(b"some")
    await ledger.tombstone(id_of(b"deleted"))
    source.counted["group1"] = 2
    later = await ledger.now() + seconds
    monkeypatch.setattr(ledger, "_clock", lambda: later)
    assert (await planned(source, ledger, settle_seconds=settles)).shortages == shortages


async def test_counters_that_go_down_meanwhile_show_no_surplus(ledger: SqliteLedger) -> None:
    class Falling(MemorySource):
        looks = 0

        @override
        async def groups(self) -> Sequence[SourceGroup]:
            self.looks += 1
            self.counted["group1"] = 5 if self.looks == 1 else 3
            return await super().groups()

    source = Falling()
    for number in range(4):
        source.add(b"some", number)
    assert await planned(source, ledger) == PlanResult(found=4, new=4, restricted=True)


async def test_each_group_is_compared_with_its_own_counters(source: MemorySource, ledger: SqliteLedger) -> None:
    file_id = source.add(b"other", file_id=id_of(b"other", group="group2"))
    source.counted["group2"] = 2
    result = await planned(source, ledger, PlanOptions(groups=frozenset({"group2"})))
    assert result == PlanResult(found=1, new=1, restricted=True, shortages={"group2": 1})
    assert set(await rows(ledger)) == {file_id}


async def test_a_limit_counts_new_files_alone(source: MemorySource, ledger: SqliteLedger) -> None:
    for number in range(5):
        source.add(b"some", number)
    source.broken[SECOND] = BROKEN
    limited = PlanOptions(groups=frozenset({"group1"}), limit=2)
    expected = PlanResult(found=2, new=2, restricted=True, incomplete=[f"{SECOND}/M00: the connection broke"])
    assert await planned(source, ledger, limited) == expected
    again = await planned(source, ledger, limited)
    assert (again.found, again.new, again.shortages) == (4, 2, {})
    assert await ledger.events(name="listing") == [], "a part of the files says nothing about their number"


async def test_batches_are_planned_to_the_last_one(
    source: MemorySource, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_BATCH", 2)
    known, sizes = ledger.known, list[int]()

    async def noting(asked: Sequence[FileId], run: int) -> Mapping[FileId, Known]:
        sizes.append(len(asked))
        return await known(asked, run)

    monkeypatch.setattr(ledger, "known", noting)
    ids = [source.add(b"some", number) for number in range(5)]
    assert (await planned(source, ledger)).new == 5
    others = [source.add(b"other", number) for number in range(5)]
    result = await planned(source, ledger, of_ids(*ids, *others, others[0]))
    assert (result.new, result.found) == (5, 10)
    assert set(await rows(ledger)) == {*ids, *others}
    assert max(sizes) == 2, "no more is held in memory"
    assert all(source.asked.count(f"facts of {file_id.key}") == 1 for file_id in (*ids, *others))


async def test_a_file_that_is_deleted_stays_so_and_is_not_found(source: MemorySource, ledger: SqliteLedger) -> None:
    deleted = source.add(b"some")
    await ledger.tombstone(deleted)
    assert await planned(source, ledger) == PlanResult(restricted=True)
    assert await rows(ledger) == {deleted: FileState.DELETED}
    assert "facts" not in " ".join(source.asked)


@pytest.mark.parametrize("state", [FileState.COPIED, FileState.VERIFIED])
async def test_a_copy_is_asked_for_again_only_where_it_may_have_changed(
    source: MemorySource, ledger: SqliteLedger, state: FileState
) -> None:
    normal = source.add(b"some")
    appender = source.add(b"more", file_id=appender_id())
    await planned(source, ledger)
    for file_id in (normal, appender):
        await put(ledger, file_id, state)
    source.asked.clear()
    source.files[appender].content = b"more and more"
    assert await planned(source, ledger) == PlanResult(found=2, restricted=True)
    assert [question for question in source.asked if "facts" in question] == [f"facts of {appender.key}"]
    assert await rows(ledger) == {normal: state, appender: FileState.PLANNED}
    row = await ledger.find(appender)
    assert row is not None
    assert row.size == 13


@pytest.mark.parametrize("state", [FileState.PLANNED, FileState.QUARANTINED, FileState.DRAINED])
async def test_what_has_no_copy_that_may_be_outdated_is_not_asked_for_again(
    source: MemorySource, ledger: SqliteLedger, state: FileState
) -> None:
    for file_id in (source.add(b"some"), source.add(b"more", file_id=appender_id())):
        await planned(source, ledger)
        await put(ledger, file_id, state)
    source.asked.clear()
    assert await planned(source, ledger) == PlanResult(found=2, restricted=True)
    assert [question for question in source.asked if "facts" in question] == []
    assert set((await rows(ledger)).values()) == {state}


@pytest.mark.parametrize("state", [FileState.GONE, FileState.MISSING_AT_SOURCE])
async def test_what_is_there_after_all_is_planned(source: MemorySource, ledger: SqliteLedger, state: FileState) -> None:
    file_id = source.add(b"some")
    await planned(source, ledger)
    await put(ledger, file_id, state)
    assert await planned(source, ledger) == PlanResult(found=1, restricted=True)
    assert await rows(ledger) == {file_id: FileState.PLANNED}


async def test_what_nobody_could_be_asked_for_is_planned_and_asked_for_again(
    source: MemorySource, ledger: SqliteLedger
) -> None:
    file_id = source.add(b"some")
    source.silent = {file_id}
    assert await planned(source, ledger) == PlanResult(found=1, new=1, unconfirmed=1, restricted=True)
    source.silent = set()
    assert await planned(source, ledger) == PlanResult(found=1, restricted=True)
    row = await ledger.find(file_id)
    assert row is not None
    assert row.size == 4


async def test_ids_of_which_no_server_knows_are_gone(source: MemorySource, ledger: SqliteLedger) -> None:
    there, gone, away = source.add(b"some"), id_of(b"gone"), id_of(b"away")
    source.down = {away}
    result = await planned(source, ledger, of_ids(there, gone, away))
    assert result == PlanResult(found=2, new=3, gone=1, restricted=True)
    expected = {there: FileState.PLANNED, gone: FileState.GONE, away: FileState.PLANNED}
    assert await rows(ledger) == expected


@pytest.mark.parametrize("state", [FileState.COPIED, FileState.VERIFIED])
async def test_a_copy_whose_source_has_lost_the_file_is_missing(
    source: MemorySource, ledger: SqliteLedger, state: FileState
) -> None:
    lost, silent, kept, away, unlisted, waits, last = (source.add(b"some", number) for number in range(7))
    await planned(source, ledger)
    for file_id in (lost, kept, away, silent, unlisted, last):
        await put(ledger, file_id, state)
    for file_id in (lost, away, silent, waits, last):
        del source.files[file_id]
    source.down, source.silent = {away}, {silent}
    source.unlisted = {FIRST: {unlisted}, SECOND: {unlisted}}
    source.counted["group1"] = 1
    assert await planned(source, ledger) == PlanResult(found=1, missing=2, restricted=True)
    found = await rows(ledger)
    for file_id in (lost, last):
        assert found.pop(file_id) is FileState.MISSING_AT_SOURCE
    assert found.pop(waits) is FileState.PLANNED, "it has no copy"
    assert found == dict.fromkeys([kept, away, silent, unlisted], state)


@pytest.mark.parametrize("counted", [None, 3])
async def test_a_listing_that_is_not_whole_shows_nothing_as_missing(
    source: MemorySource, ledger: SqliteLedger, counted: int | None
) -> None:
    lost, _ = source.add(b"some", 1), source.add(b"some", 2)
    await planned(source, ledger)
    await put(ledger, lost, FileState.COPIED)
    del source.files[lost]
    if counted is None:
        source.broken[SECOND] = BROKEN
    else:
        source.counted["group1"] = counted
    assert (await planned(source, ledger)).missing == 0
    assert (await rows(ledger))[lost] is FileState.COPIED


async def test_lines_that_are_no_ids_are_named_with_their_number(source: MemorySource, ledger: SqliteLedger) -> None:
    file_id = source.add(b"some")
    result = await planned(source, ledger, of_ids("", "nonsense", f" {file_id} \n", "s3:bucket/key"))
    assert (result.found, result.new, result.unplannable_count) == (1, 1, 2)
    assert [(where, number) for where, number, _ in result.unplannable] == [("ids.txt", 2), ("ids.txt", 4)]
    assert result.unplannable[0][2].startswith("nonsense: ")


async def test_ids_without_a_group_get_the_default_one(source: MemorySource, ledger: SqliteLedger) -> None:
    file_id = source.add(b"some")
    assert (await planned(source, ledger, of_ids(file_id.key, default_group="group1"))).new == 1
    assert set(await rows(ledger)) == {file_id}


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([], "it is empty"),
        (["", " "], "it is empty"),
        (["", "one", "two"], "the first, line 2: one: "),
    ],
)
async def test_a_list_without_ids_is_refused_before_anything_is_written(
    source: MemorySource, ledger: SqliteLedger, texts: list[str], reason: str
) -> None:
    source.add(b"some")
    options = PlanOptions(ids=[("ids.txt", lines(*texts))])
    with pytest.raises(InvalidArgumentException, match=f"ids.txt has no id in it; {reason}"):
        await planned(source, ledger, options)
    assert await rows(ledger) == {}


async def test_so_many_lines_are_shown_and_all_are_counted(
    source: MemorySource, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_UNPLANNABLE_SHOWN", 2)
    result = await planned(source, ledger, of_ids("a", "b", "c", id_of(b"")))
    assert ([number for _, number, _ in result.unplannable], result.unplannable_count) == ([1, 2], 3)


async def test_servers_are_asked_for_a_few_files_at_once(ledger: SqliteLedger) -> None:
    class Crowded(MemorySource):
        asking = 0
        most = 0

        @override
        async def facts(self, file_id: FileId) -> SourceFacts:
            self.asking += 1
            self.most = max(self.most, self.asking)
            await asyncio.sleep(0)
            self.asking -= 1
            return await super().facts(file_id)

    source = Crowded()
    for number in range(40):
        source.add(b"some", number)
    await planned(source, ledger)
    assert source.most == 16


async def test_scans_are_dated_by_the_ledger(source: MemorySource, ledger: SqliteLedger) -> None:
    before = int(await ledger.now())
    await planned(source, ledger)
    for scan in await ledger.sources():
        assert isinstance(scan, ScannedSource)
        assert before <= scan.scanned_at <= await ledger.now()

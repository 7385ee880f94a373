"""The steps of a migration as operators take them: what each does, says, and leaves in the list of events."""

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.migration import Migration, MigrationStatus
from s3py_helper.application.migration.outline import Rates
from s3py_helper.application.migration.planning import PlanOptions, PlanResult
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Tally
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Level, Route, moved_key
from tests.support.migration.in_memory import FIRST, SECOND, MemorySource, MemoryTarget, id_of
from tests.support.migration.steps import PREFIX, facts_of, lines, plan, states

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_steps")]


async def test_the_whole_way(migration: Migration, source: MemorySource, target: MemoryTarget) -> None:
    contents = {source.add(content := f"content {number}".encode(), number): content for number in range(20)}
    assert await plan(migration) == PlanResult(found=20, new=20)
    outcomes: list[tuple[FileId, FileState]] = []
    applier = await migration.applier(lambda file, outcome: outcomes.append((file.file_id, outcome.state)))
    progress = await applier.apply(ApplyOptions())
    size = sum(map(len, contents.values()))
    assert (progress.copied, progress.bytes, progress.failed, progress.running) == (20, size, 0, {})
    assert sorted(outcomes, key=str) == sorted(((file_id, FileState.COPIED) for file_id in contents), key=str)
    verified = await migration.verify()
    assert (verified.levels[Level.CHECKSUM], verified.failed, verified.strangers) == (20, {}, [])
    await migration.route("group1", Route.S3_ONLY)
    drained = await migration.drainer().drain(-1)
    assert (drained.drained, drained.bytes, drained.kept) == (20, size, {})
    assert source.files == {}
    assert target.contents == {moved_key(PREFIX, file_id): content for file_id, content in contents.items()}
    assert await states(migration) == dict.fromkeys(contents, FileState.DRAINED)


async def test_each_step_notes_what_it_did(migration: Migration, source: MemorySource) -> None:
    for number in range(3):
        source.add(b"some", number)
    await migration.preflight()
    await migration.plan(
        PlanOptions(ids=[("ids", lines("nonsense", id_of(b"gone")))], groups=frozenset({"group1"})), settle_seconds=0
    )
    await (await migration.applier()).apply(ApplyOptions())
    await migration.verify(VerifyOptions(read_share=1.0))
    assert (await facts_of(migration, "preflight"))["target: write and delete"] == "works"
    assert await facts_of(migration, "plan") == {
        "found": 3, "new": 4, "gone": 1, "missing": 0, "complete": True, "restricted": True, "unplannable": 1
    }  # fmt: skip
    apply = await facts_of(migration, "apply")
    assert (apply["files"], apply["bytes"], apply["ended"]) == (3, 12, "done")
    assert await facts_of(migration, "verify") == {
        "listed": 0, "checksum": 0, "read": 3, "failed": 0, "bytes_read": 12
    }  # fmt: skip


async def test_a_verification_counts_all_failures_in_its_event(
    migration: Migration, source: MemorySource, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3py_helper.application.migration.verifying._MOST_SHOWN", 1)
    for number in range(3):
        source.add(b"some", number)
    await plan(migration)
    await (await migration.applier()).apply(ApplyOptions())
    target.objects.clear()
    seen: list[tuple[FileId, Level | None, str | None]] = []
    result = await migration.verify(on_file=lambda file, level, problem: seen.append((file.file_id, level, problem)))
    assert (len(result.failed), result.failed_count) == (1, 3)
    assert {(level, problem) for _, level, problem in seen} == {(None, "its object is not listed")}
    assert (await facts_of(migration, "verify"))["failed"] == 3
    assert set((await states(migration)).values()) == {FileState.PLANNED}


@pytest.mark.parametrize(
    ("events", "rates"),
    [
        ([], (700.0, 100e6)),
        ([{"files": 499, "bytes": 1, "seconds": 1}], (700.0, 100e6)),
        ([{"files": 500, "bytes": 1, "seconds": 0}], (700.0, 100e6)),
        ([{"files": 500, "bytes": 400_000_000, "seconds": 2}], (250.0, 200e6)),
        ([{"files": 500, "bytes": 400, "seconds": 2}], (250.0, 100e6)),
        ([{"files": 500, "bytes": 400, "seconds": 0.5}], (1000.0, 100e6)),
        ([{"files": 1000, "seconds": 1}, {"files": 500, "bytes": 400, "seconds": 2}, {}], (250.0, 100e6)),
    ],
)
async def test_the_time_is_foretold_by_the_last_copying_that_tells(
    migration: Migration, ledger: SqliteLedger, source: MemorySource, events: list[dict[str, object]],
    rates: tuple[float, float],
) -> None:  # fmt: skip
    source.add(b"some")
    await plan(migration)
    for event in events:
        await ledger.note("apply", event)
    outline = await migration.outline()
    assert (outline.files, outline.bytes) == (1, 4)
    assert outline.seconds == pytest.approx(max(1 / rates[0], 4 / rates[1]))
    assert await migration._rates() == Rates(*rates)  # noqa: SLF001 - bytes seldom decide


async def test_the_status_is_what_the_ledger_says(
    migration: Migration, source: MemorySource, ledger: SqliteLedger
) -> None:
    assert await migration.status() == MigrationStatus([], {}, Limits(), [], [])
    source.add(b"some")
    source.add(b"other", file_id=id_of(b"other", group="group2"))
    await plan(migration, PlanOptions(groups=frozenset({"group1"})))
    assert (await migration.status()).listing_complete
    source.counted["group2"] = 2
    await plan(migration, PlanOptions(ids=[("ids", lines("nonsense", id_of(b"gone")))]))
    await ledger.set_route("group2", Route.S3_FIRST)
    limits = await migration.change_limits(LimitsChange(concurrency=3))
    status = await migration.status()
    assert sorted(status.tallies, key=str) == [
        Tally("group1", FileState.GONE, 1, 0), Tally("group1", FileState.PLANNED, 1, 4),
        Tally("group2", FileState.PLANNED, 1, 5),
    ]  # fmt: skip
    assert status.routes == {"group2": Route.S3_FIRST}
    assert status.limits == limits == Limits(concurrency=3)
    assert not status.listing_complete, "of group2 the last listing was not whole"
    assert status.unplannable == 1
    assert [scan.name for scan in status.sources] == [f"{FIRST}/M00", f"{SECOND}/M00"]
    assert status.files_in(FileState.PLANNED) == 2
    assert status.files_in(FileState.PLANNED, FileState.GONE, group="group1") == 2
    source.counted.clear()
    await plan(migration)
    status = await migration.status()
    assert (status.listing_complete, status.unplannable) == (True, 0), "the last ones count"


@pytest.mark.parametrize("wrong", ["1", True, float("nan"), -1])
async def test_a_settling_time_that_is_none_is_refused(
    migration: Migration, source: MemorySource, wrong: object
) -> None:
    with pytest.raises(InvalidArgumentException, match="settle_seconds"):
        await migration.plan(PlanOptions(), settle_seconds=wrong)  # type: ignore[arg-type]  # that is the point
    assert source.asked == []


async def test_files_that_a_drain_keeps_are_reported(migration: Migration, source: MemorySource) -> None:
    file_id = source.add(b"some")
    await plan(migration)
    await (await migration.applier()).apply(ApplyOptions())
    await migration.verify()
    await migration.route("group1", Route.S3_ONLY)
    source.silent = {file_id}
    kept: list[tuple[LedgerFile, str]] = []
    drained = await migration.drainer(lambda file, reason: kept.append((file, reason))).drain(-1)
    assert [(file.file_id, reason) for file, reason in kept] == [(file_id, "it is not deleted yet: nobody answers")]
    assert drained.kept == {str(file_id): "it is not deleted yet: nobody answers"}
    assert await facts_of(migration, "drain") == {"files": 0, "bytes": 0, "kept": 1}

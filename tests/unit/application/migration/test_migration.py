"""The steps of a migration as operators take them: what each does, says, and leaves in the list of events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying, working
from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.draining import Drainer
from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.migration import Migration, MigrationStatus
from s3py_helper.application.migration.outline import Rates
from s3py_helper.application.migration.planning import PlanOptions, PlanResult
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome, Tally
from s3py_helper.application.ports.migration_target import TargetObject
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken, RequestRetried
from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    InvalidArgumentException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import (
    METADATA_SUFFIX,
    FileState,
    GateRefusedException,
    Level,
    Route,
    moved_key,
)
from tests.support.migration.in_memory import ABLE, FIRST, SECOND, Kept, MemorySource, MemoryTarget, id_of
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

PREFIX = "moved/"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_IDLE_SECONDS", 0.001)
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 0.001)
    monkeypatch.setitem(Drainer.__init__.__kwdefaults__ or {}, "settle_seconds", 0.0)


class CleaningUp:
    """Counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def clean_up() -> CleaningUp:
    return CleaningUp()


@pytest.fixture
def migration(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, observer: Recorder, clean_up: CleaningUp
) -> Migration:
    return Migration(source, target, ledger, PREFIX, observer, clean_up=clean_up)


async def plan(migration: Migration, options: PlanOptions | None = None) -> PlanResult:
    return await migration.plan(options or PlanOptions(), settle_seconds=0)


async def states(migration: Migration) -> dict[FileId, FileState]:
    async with migration.ledger.files() as files:
        return {file.file_id: file.state async for file in files}


async def facts_of(migration: Migration, event: str) -> dict[str, object]:
    """The details of the only event of that name."""
    [(_, _, detail)] = await migration.ledger.events(name=event)
    return dict(detail)


async def put(migration: Migration, file_id: FileId, state: FileState) -> None:
    row = await migration.ledger.find(file_id)
    assert row is not None
    assert await migration.ledger.put(row, state)


async def lines(*ids: FileId | str) -> AsyncIterator[str]:
    for file_id in ids:
        yield str(file_id)


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


@pytest.mark.parametrize(("size", "room"), [((1 << 30) - 1, "1023 MiB are free"), (1 << 30, "1024 MiB are free")])
async def test_a_preflight_looks_at_the_ledgers_disk(
    source: MemorySource, target: MemoryTarget, tmp_path: Path, size: int, room: str
) -> None:
    class Full(SqliteLedger):
        @override
        async def room(self) -> int:
            return size

    async with Full(tmp_path / "full.db", "one") as ledger:
        found = await Migration(source, target, ledger, PREFIX).preflight()
        assert {finding.subject: finding.says for finding in found.findings}["ledger room"] == room
        assert found.passed


async def test_a_target_that_was_tried_is_not_tried_again(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await migration.preflight()
    await migration.applier()
    await Migration(source, target, ledger, PREFIX).applier()
    assert target.done == [f"probed {PREFIX}"]


@pytest.mark.parametrize("able", [replace(ABLE, writable=False), replace(ABLE, shows_missing=False)])
async def test_a_target_that_cannot_be_used_is_refused_and_tried_again(
    migration: Migration, target: MemoryTarget, able: object
) -> None:
    target.abilities = able  # type: ignore[assignment]  # a list of two types for pytest
    for _ in range(2):
        with pytest.raises(GateRefusedException, match="'preflight' says why"):
            await migration.applier()
    assert not (await migration.preflight()).passed
    target.abilities = ABLE
    assert (await migration.preflight()).passed
    await migration.applier()


async def test_what_was_seen_of_a_target_is_forgotten(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, tmp_path: Path
) -> None:
    now = await ledger.now()
    async with SqliteLedger(tmp_path / "other.db", "one", clock=lambda: now) as other:
        await Migration(source, target, other, PREFIX).applier()
        now += 599
        await Migration(source, target, other, PREFIX).applier()
        assert len(target.done) == 1
        now += 1
        await Migration(source, target, other, PREFIX).applier()
        assert len(target.done) == 2


@pytest.mark.parametrize("error", [AccessDeniedException("no keys"), BucketNotFoundException("no bucket")])
async def test_a_target_that_refuses_is_a_closed_gate(
    migration: Migration, target: MemoryTarget, error: AccessDeniedException | BucketNotFoundException
) -> None:
    target.refuses = error
    with pytest.raises(GateRefusedException, match=f"the target cannot be used: {error.message}") as refused:
        await migration.applier()
    assert refused.value.__cause__ is error


async def test_a_target_that_is_down_is_no_closed_gate(migration: Migration, target: MemoryTarget) -> None:
    target.refuses = StorageUnavailableException("down")
    with pytest.raises(StorageUnavailableException, match="down"):
        await migration.applier()


async def test_a_ledger_of_another_cluster_is_refused_by_every_step(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    source.add(b"some")
    await plan(migration)
    await migration.ledger.set_route("group1", Route.S3_ONLY)
    source.servers = {"group1": ("127.0.0.8:23000", "127.0.0.9:23000", "127.0.0.7:23000", "127.0.0.6:23000")}
    elsewhere = Migration(source, target, ledger, PREFIX)
    for step in (elsewhere.preflight, lambda: plan(elsewhere), elsewhere.applier, elsewhere.worker,
                 lambda: elsewhere.route("group1", Route.FASTDFS), lambda: elsewhere.drainer().drain(0)):  # fmt: skip
        with pytest.raises(GateRefusedException, match="another cluster") as refused:
            await step()
        assert f"storage servers {FIRST}, {SECOND}; the trackers name 127.0.0.6:23000, 127.0.0.7:23000, " in str(
            refused.value
        )
        assert "127.0.0.8:23000 and 1 more: name another ledger" in str(refused.value)


async def test_a_route_may_be_set_although_no_listing_was_whole(migration: Migration, source: MemorySource) -> None:
    await put(migration, await planned_alone(migration, source), FileState.VERIFIED)
    with pytest.raises(GateRefusedException, match="was not whole"):
        await migration.route("group1", Route.S3_ONLY)
    await migration.route("group1", Route.S3_ONLY, accept_incomplete=True)
    assert await migration.ledger.routes() == {"group1": Route.S3_ONLY}


@pytest.mark.parametrize(
    ("group", "route", "says"), [(5, Route.S3_ONLY, "a group is text"), ("group1", "s3-only", "route is a Route")]
)
async def test_what_is_no_route_is_refused_by_name(
    migration: Migration, source: MemorySource, group: str, route: Route, says: str
) -> None:
    await planned_alone(migration, source)
    with pytest.raises(InvalidArgumentException, match=says):
        await migration.route(group, route)


async def planned_alone(migration: Migration, source: MemorySource) -> FileId:
    """A file that is planned by its id: nothing was listed."""
    file_id = source.add(b"some")
    await plan(migration, PlanOptions(cluster=False, ids=[("ids.txt", lines(file_id))]))
    return file_id


async def test_trackers_that_are_down_are_a_finding_and_no_reason_to_copy_nothing(
    migration: Migration, source: MemorySource, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.add(b"some")
    await plan(migration)

    async def down() -> object:
        raise StorageUnavailableException("no tracker answers")

    monkeypatch.setattr(source, "groups", down)
    found = await Migration(source, MemoryTarget(), migration.ledger, PREFIX).preflight()
    assert (found.findings[0].subject, found.findings[0].says, found.passed) == (
        "trackers",
        "no tracker answers",
        False,
    )
    another = Migration(source, MemoryTarget(), migration.ledger, PREFIX)
    assert (await (await another.applier()).apply(ApplyOptions())).copied == 1
    with pytest.raises(StorageUnavailableException, match="no tracker answers"):
        await plan(another)


async def test_that_it_is_the_same_cluster_is_found_out_once(
    migration: Migration, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, groups = list[int](), source.groups

    async def counted() -> object:
        asked.append(1)
        return await groups()

    monkeypatch.setattr(source, "groups", counted)
    for _ in range(3):
        await migration.applier()
    assert len(asked) == 1


async def test_a_cluster_whose_servers_are_replaced_one_by_one_is_the_same(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await plan(migration)
    for servers in ((SECOND, "127.0.0.5:23000"), ("127.0.0.5:23000", "127.0.0.6:23000"), ("127.0.0.6:23000",)):
        source.servers = {"group1": servers}
        await plan(Migration(source, target, ledger, PREFIX))
    noted = [detail["servers"] for _, _, detail in await ledger.events(name="cluster")]
    assert noted == [["127.0.0.6:23000"], ["127.0.0.5:23000"], [FIRST, SECOND]], "each is noted once"


async def test_trackers_without_servers_prove_nothing(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    servers, source.servers = source.servers, {}
    await plan(migration)
    source.servers = servers
    await plan(migration)
    assert [detail["servers"] for _, _, detail in await ledger.events(name="cluster")] == [[FIRST, SECOND]]
    source.servers = {}
    await plan(Migration(source, target, ledger, PREFIX))


async def test_a_deployment_without_fastdfs_says_so(target: MemoryTarget, ledger: SqliteLedger) -> None:
    migration = Migration(None, target, ledger, PREFIX)
    for step in (migration.preflight, lambda: plan(migration), migration.applier):
        with pytest.raises(GateRefusedException, match="use mode 'hybrid'"):
            await step()
    with pytest.raises(GateRefusedException, match="use mode 'hybrid'"):
        migration.drainer()


async def test_events_of_copies_reach_the_observer(
    migration: Migration, source: MemorySource, observer: Recorder
) -> None:
    file_id = id_of(b"as it was")
    source.files[file_id] = Kept(b"damaged!!", elsewhere=b"as it was")
    await plan(migration)
    assert (await (await migration.applier()).apply(ApplyOptions())).copied == 1
    [event] = observer.of(FailedOver)
    assert (event.server, event.instead) == (FIRST, SECOND)


async def test_events_of_attempts_that_are_repeated_reach_the_observer(
    migration: Migration, source: MemorySource, observer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_FIRST_PAUSE", 0)
    await planned_alone(migration, source)
    source.silent = set(source.files)
    assert (await (await migration.applier()).apply(ApplyOptions())).quarantined == 1
    assert len(observer.of(RequestRetried)) == 7


async def test_copying_ends_with_a_clean_up(migration: Migration, clean_up: CleaningUp) -> None:
    await (await migration.applier()).apply(ApplyOptions())
    assert clean_up.times == 1
    applier = await migration.applier()
    applier.stop()
    await applier.apply(ApplyOptions())
    assert clean_up.times == 1, "it was stopped: somebody goes on"


class Empty:
    """A broker without shards."""

    async def put(self, shards: object) -> None: ...

    async def take(self, work: object, **_how: object) -> int:
        return 0


async def test_a_worker_copies_reports_and_cleans_up(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, clean_up: CleaningUp
) -> None:
    source.add(b"some")
    migration = Migration(source, target, ledger, PREFIX, clean_up=clean_up)
    await plan(migration)
    outcomes: list[Outcome] = []
    worker = await migration.worker(lambda _file, outcome: outcomes.append(outcome))
    await worker.apply(ApplyOptions())
    assert [outcome.state for outcome in outcomes] == [FileState.COPIED]
    assert clean_up.times == 1
    with_broker = Migration(source, target, ledger, PREFIX, clean_up=clean_up, queue=_empty)
    await (await with_broker.worker()).apply(ApplyOptions())
    assert clean_up.times == 2
    supervisor = with_broker.supervisor()
    await supervisor.supervise()
    assert supervisor.put == 0
    with pytest.raises(InvalidArgumentException, match="needs a broker"):
        migration.supervisor()


def _empty() -> ShardQueue:
    return Empty()


class Fallible(Empty):
    """A broker that is away when it is first asked for more than whether it is there."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @override
    async def put(self, shards: object) -> None:
        if shards:
            self._called("put")

    @override
    async def take(self, work: object, **_how: object) -> int:
        self._called("take")
        return 0

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if len(self.calls) == 1:
            raise StorageUnavailableException("away")


@pytest.mark.parametrize("supervises", [True, False])
async def test_events_of_workers_and_supervisors_reach_the_observer(
    migration: Migration,
    source: MemorySource,
    target: MemoryTarget,
    observer: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    *,
    supervises: bool,
) -> None:
    for name in ("_FIRST_PAUSE", "_LOOK_SECONDS", "KICK_SECONDS"):
        monkeypatch.setattr(working, name, 0.001)
    queue = Fallible()
    with_broker = Migration(source, target, migration.ledger, PREFIX, observer, queue=lambda: queue)
    if supervises:
        await planned_alone(migration, source)
        supervising = asyncio.ensure_future((supervisor := with_broker.supervisor()).supervise())
        await until(lambda: len(queue.calls) > 1)
        supervisor.stop()
        await supervising
    else:
        await (await with_broker.worker()).apply(ApplyOptions())
    assert set(queue.calls) == {"put" if supervises else "take"}
    assert [event.reason for event in observer.of(FallbackTaken)] == ["away"]


async def test_files_that_were_put_aside_may_be_accepted_by_name(migration: Migration, source: MemorySource) -> None:
    await put(migration, file_id := await planned_alone(migration, source), FileState.QUARANTINED)
    with pytest.raises(GateRefusedException, match="1 files of group1 are quarantined"):
        await migration.route("group1", Route.S3_ONLY, accept_incomplete=True)
    await migration.route("group1", Route.S3_ONLY, accept=[file_id], accept_incomplete=True)
    assert await migration.ledger.routes() == {"group1": Route.S3_ONLY}


async def test_where_fastdfs_is_no_more_groups_are_routed_to_s3(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    await put(migration, await planned_alone(migration, source), FileState.VERIFIED)
    without = Migration(None, target, migration.ledger, PREFIX)
    await without.route("group1", Route.S3_ONLY, accept_incomplete=True)
    assert await migration.ledger.routes() == {"group1": Route.S3_ONLY}
    with pytest.raises(GateRefusedException, match="has no FastDFS"):
        await without.route("group1", Route.FASTDFS)


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


async def test_files_that_are_missing_are_kept_or_deleted_as_it_is_decided(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    one, two, three, four = ids = [source.add(b"some", number) for number in range(4)]
    source.files[two].described = replace(source.files[two].described, metadata={"Not-In": "the headers"})
    await plan(migration)
    await (await migration.applier()).apply(ApplyOptions())
    for file_id in ids[:3]:
        await put(migration, file_id, FileState.MISSING_AT_SOURCE)
    target.done.clear()
    assert await migration.decide_missing(keep=True, file_ids=[one, four]) == 1
    assert target.done == []
    assert await migration.decide_missing(keep=False, file_ids=[two]) == 1
    key = moved_key(PREFIX, two)
    assert target.done == [f"deleted {key}", f"deleted {key}{METADATA_SUFFIX}"]
    assert await ledger.pending_deletions(9) == []
    assert await states(migration) == {
        one: FileState.DRAINED, two: FileState.DELETED, three: FileState.MISSING_AT_SOURCE, four: FileState.COPIED
    }  # fmt: skip
    assert await migration.decide_missing(keep=True) == 1
    row = await ledger.find(three)
    assert row is not None
    assert (row.state, row.reason) == (FileState.DRAINED, "kept: its source had lost it")
    assert set(target.contents) == {moved_key(PREFIX, file_id) for file_id in (one, three, four)}


@pytest.mark.parametrize("given", [None, 1])
async def test_quarantined_files_are_planned_again(
    migration: Migration, source: MemorySource, given: int | None
) -> None:
    one, two = source.add(b"some", 1), source.add(b"some", 2)
    await plan(migration)
    for file_id in (one, two):
        await put(migration, file_id, FileState.QUARANTINED)
    assert await migration.retry(None if given is None else [one]) == (2 if given is None else 1)
    left = FileState.PLANNED if given is None else FileState.QUARANTINED
    assert await states(migration) == {one: FileState.PLANNED, two: left}


type Copying = Callable[[Applier, ApplyOptions], Awaitable[ApplyProgress]]


class Rounds:
    """Copies in rounds, before each of which something happens, and remembers how it was asked to."""

    def __init__(self, *before: Callable[[], object], stops_in: int = 99) -> None:
        self.options: list[ApplyOptions] = []
        self._before = list(before)
        self._stops_in = stops_in

    async def __call__(self, applier: Applier, options: ApplyOptions) -> ApplyProgress:
        self.options.append(options)
        if self._before:
            self._before.pop(0)()
        if len(self.options) == self._stops_in:
            applier.stop()
        return await applier.apply(options)


async def run(migration: Migration, rounds: Rounds, options: ApplyOptions | None = None) -> tuple[int, int, str]:
    result = await migration.run(options, copying=rounds)
    assert result.applied.copied * 4 == result.applied.bytes
    return result.applied.copied, result.verified.failed_count, result.applied.stopped_by


async def test_a_run_goes_on_until_a_plan_finds_nothing_new(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    source.add(b"some", 1)
    options = ApplyOptions(concurrency=2)
    rounds = Rounds(lambda: source.add(b"some", 2), lambda: source.add(b"some", 3))
    assert await run(migration, rounds, options) == (3, 0, "done")
    assert rounds.options == [options] * 4
    assert len(target.contents) == 3
    again = Rounds()
    assert await run(migration, again) == (0, 0, "done")
    assert len(again.options) == 1


async def test_a_run_that_is_stopped_goes_no_further(migration: Migration, source: MemorySource) -> None:
    source.add(b"some", 1)
    rounds = Rounds(stops_in=1)
    assert await run(migration, rounds) == (0, 0, "interrupted")
    assert await migration.ledger.events(name="verify") == []


async def test_a_run_repeats_what_a_verification_refused_while_that_helps(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    source.add(b"some", 1)
    target.abilities = replace(ABLE, checks_crc32=False)
    source.add(b"some", 2)
    lost = [moved_key(PREFIX, file_id) for file_id in source.files]
    target_list = target.list
    looks = 0

    def losing(prefix: str) -> object:
        nonlocal looks
        looks += 1
        if looks == 1:
            target.objects.clear()
        elif looks in {2, 3, 4}:
            target.objects.pop(lost[0])
        return target_list(prefix)

    target.list = losing  # type: ignore[method-assign,assignment]  # a target that loses objects
    rounds = Rounds()
    # Two fail, then one, then one again: another round will not help.
    assert await run(migration, rounds) == (2 + 2 + 1, 1, "done")
    assert len(rounds.options) == 3


async def test_a_run_counts_what_was_put_aside(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    file_id = source.add(b"some")
    key = moved_key(PREFIX, file_id)
    target.objects[key] = TargetObject(key, 4, '"x"', 7, metadata={})
    result = await migration.run(copying=Rounds())
    assert (result.applied.quarantined, result.applied.copied) == (1, 0)


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

"""An applier at work on a ledger: what it claims, records, counts, waits for, and gives back."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying
from s3py_helper.application.migration.allowance import Allowance
from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress, CleanUp
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome, PlannedFile
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.errors import AccessDeniedException, StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import LARGE_FILE, FileKind, FileState, shard_of
from tests.support.cancelling import CleaningUp, cancelled_twice
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

DOWN = StorageUnavailableException("down")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_IDLE_SECONDS", 0.002)
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 0.002)
    monkeypatch.setattr(applying, "_FIRST_PAUSE", 0.0)


class Copier:
    """Copies files as a test says, and remembers which, and how many at once.

    Attributes:
        copied: In order.
        most: How many were under way at once, at most; large ones apart.
        holding: While it is not set, copies wait.
    """

    def __init__(self, work: Callable[[LedgerFile], Outcome | None] = lambda _file: None) -> None:
        self.copied: list[FileId] = []
        self.most: dict[bool, int] = {False: 0, True: 0}
        self.holding = asyncio.Event()
        self.holding.set()
        self.allowed: list[int] = []
        self.under_way: dict[bool, int] = {False: 0, True: 0}
        self._work = work

    def arrived(self) -> int:
        return 7

    def allow(self, puts_at_once: int) -> None:
        self.allowed.append(puts_at_once)

    async def copy(self, file: LedgerFile) -> Outcome:
        large = (file.size or 0) >= LARGE_FILE
        self.copied.append(file.file_id)
        self.under_way[large] += 1
        self.most[large] = max(self.most[large], self.under_way[large])
        try:
            await asyncio.sleep(0)
            await self.holding.wait()
            return self._work(file) or Outcome(file.file_id, file.fence, FileState.COPIED, size=file.size)
        finally:
            self.under_way[large] -= 1


def raising(error: StorageException) -> Callable[[LedgerFile], Outcome | None]:
    def work(_file: LedgerFile) -> Outcome | None:
        raise error

    return work


def applier_of(
    copier: Copier,
    ledger: SqliteLedger,
    *,
    observer: Recorder | None = None,
    pace: Pace | None = None,
    on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None,
    clean_up: CleanUp | None = None,
) -> Applier:
    return Applier(
        cast("FileCopier", copier), ledger, pace or Pace(ledger), observer=observer or Recorder(),
        on_outcome=on_outcome, clean_up=clean_up,
    )  # fmt: skip


async def plan(ledger: SqliteLedger, count: int, *, group: str = "group1", size: int = 4) -> list[FileId]:
    ids = [FileId.parse(f"{group}/M00/00/{number:02X}/{size}.txt") for number in range(count)]
    await ledger.plan([PlannedFile(file_id, FileKind.SLAVE, size) for file_id in ids])
    return ids


async def states(ledger: SqliteLedger) -> dict[FileId, FileState]:
    async with ledger.files() as files:
        return {file.file_id: file.state async for file in files}


async def noted(ledger: SqliteLedger) -> list[dict[str, object]]:
    return [
        {name: value for name, value in detail.items() if name not in {"seconds", "worker"}}
        for _, _, detail in await ledger.events(name="apply")
    ]


async def test_all_that_is_planned_is_copied_recorded_counted_and_noted_once(ledger: SqliteLedger) -> None:
    ids = [*await plan(ledger, 60), *await plan(ledger, 6, size=LARGE_FILE)]
    copier, outcomes = Copier(), list[tuple[FileId, Outcome]]()
    applier = applier_of(copier, ledger, on_outcome=lambda file, outcome: outcomes.append((file.file_id, outcome)))
    progress = await applier.apply(ApplyOptions())
    assert sorted(copier.copied, key=str) == sorted(ids, key=str)
    assert sorted((file_id for file_id, _ in outcomes), key=str) == sorted(ids, key=str)
    size = 60 * 4 + 6 * LARGE_FILE
    assert progress == ApplyProgress(copied=66, bytes=size, arrived=copier.arrived)
    assert progress.arrived() == 7
    assert await states(ledger) == dict.fromkeys(ids, FileState.COPIED)
    assert await noted(ledger) == [{"files": 66, "bytes": size, "ended": "done"}]
    assert copier.most == {False: 24, True: 4}, "half as many again as are stored at once, and a few large ones"
    assert copier.allowed[-1] == 16
    again = await plan(ledger, 61)
    assert (await applier.apply(ApplyOptions())).copied == 67
    assert (await noted(ledger))[0] == {"files": 1, "bytes": 4, "ended": "done"}, "what this call has done"
    assert again[-1] in await states(ledger)


async def test_large_files_are_claimed_apart_from_small_ones(ledger: SqliteLedger) -> None:
    await plan(ledger, 40, size=LARGE_FILE)
    await plan(ledger, 120)
    copier = Copier()
    progress = await applier_of(copier, ledger).apply(ApplyOptions())
    assert progress.copied == 160
    assert copier.most == {False: 24, True: 4}


async def test_only_small_files_tell_how_fast_the_target_is(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float | None] = []
    monkeypatch.setattr(Allowance, "succeeded", lambda _self, seconds=None: seen.append(seconds))
    await plan(ledger, 1)
    await plan(ledger, 1, size=LARGE_FILE)
    await applier_of(Copier(), ledger).apply(ApplyOptions())
    assert len(seen) == 2
    assert None in seen
    assert all(seconds is None or 0 <= seconds < 30 for seconds in seen)


@pytest.mark.parametrize(("concurrency", "large"), [(4, 1), (5, 2), (64, 4)])
async def test_large_files_at_once_are_fewer_and_never_many(ledger: SqliteLedger, concurrency: int, large: int) -> None:
    await plan(ledger, 20, size=LARGE_FILE)
    copier, claimed = Copier(), list[int]()
    copier.holding.clear()
    claim = ledger.claim

    async def noting(*which: Any, **more: Any) -> list[LedgerFile]:
        claims = await claim(*which, **more)
        claimed.append(len(claims))
        return claims

    ledger.claim = noting  # type: ignore[method-assign]  # claims that are counted
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions(concurrency=concurrency)))
    await until(lambda: claimed.count(4) >= 2)
    for _ in range(10):
        await asyncio.sleep(0)
    copier.holding.set()
    await applying_it
    assert copier.most[True] == large
    assert max(claimed) == 4


async def test_nothing_of_an_applier_runs_on(ledger: SqliteLedger) -> None:
    await plan(ledger, 3)
    copier = Copier()
    copier.holding.clear()
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions()))
    await until(lambda: copier.under_way[False] == 3)
    await asyncio.sleep(0.01)  # both loops wait for what fails to come back
    copier.holding.set()
    await applying_it
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_options_are_the_same_but_for_how_many_at_once() -> None:
    options = ApplyOptions(group="group1", max_bytes=5, max_seconds=6.0, watch=True, shard=7)
    assert options.with_concurrency(3) == replace(options, concurrency=3)
    assert options.concurrency == 16


@pytest.mark.parametrize(("concurrency", "limit", "most"), [(4, None, 6), (4, 2, 3), (16, 2, 3), (2, 16, 24)])
async def test_a_limit_counts_more_than_an_option(
    ledger: SqliteLedger, concurrency: int, limit: int | None, most: int
) -> None:
    await plan(ledger, 60)
    await ledger.set_limits(Limits(concurrency=limit))
    copier = Copier()
    await applier_of(copier, ledger).apply(ApplyOptions(concurrency=concurrency))
    assert copier.most[False] == most
    assert copier.allowed[-1] == (limit or concurrency)


async def test_only_what_was_asked_for_is_copied(ledger: SqliteLedger) -> None:
    await plan(ledger, 3)
    others = await plan(ledger, 3, group="group2")
    copier = Copier()
    await applier_of(copier, ledger).apply(ApplyOptions(group="group2"))
    assert sorted(copier.copied, key=str) == others


async def test_a_shard_is_copied_alone_and_noted_only_when_it_had_work(ledger: SqliteLedger) -> None:
    ids = await plan(ledger, 30)
    shard = shard_of(ids[0])
    mine = [file_id for file_id in ids if shard_of(file_id) == shard]
    cleaned: list[int] = []

    async def clean_up() -> None:
        cleaned.append(1)

    copier = Copier()
    applier = applier_of(copier, ledger, clean_up=clean_up)
    await applier.apply(ApplyOptions(shard=shard))
    assert sorted(copier.copied, key=str) == mine
    await applier.apply(ApplyOptions(shard=shard))
    assert await noted(ledger) == [{"files": len(mine), "bytes": 4 * len(mine), "ended": "done"}]
    assert cleaned == [], "others are at work"


async def test_what_a_shard_must_try_later_is_left(ledger: SqliteLedger) -> None:
    [file_id] = await plan(ledger, 1)
    copier = Copier(raising(DOWN))
    progress = await applier_of(copier, ledger).apply(ApplyOptions(shard=shard_of(file_id)))
    assert progress.failed >= 1
    assert (await states(ledger))[file_id] is FileState.PLANNED


async def test_nothing_to_do_is_noted_and_cleaned_up_after(ledger: SqliteLedger) -> None:
    cleaned: list[int] = []

    async def clean_up() -> None:
        cleaned.append(1)

    assert (await applier_of(Copier(), ledger, clean_up=clean_up).apply(ApplyOptions())).stopped_by == "done"
    assert await noted(ledger) == [{"files": 0, "bytes": 0, "ended": "done"}]
    assert cleaned == [1]


@pytest.mark.parametrize(
    ("options", "reason"), [(ApplyOptions(max_bytes=8), "bytes"), (ApplyOptions(max_seconds=0), "time")]
)
async def test_it_ends_at_its_bounds_without_a_clean_up(
    ledger: SqliteLedger, options: ApplyOptions, reason: str
) -> None:
    await plan(ledger, 60)

    async def clean_up() -> None:
        pytest.fail("somebody goes on")

    # Each copy waits until the one before it is recorded.
    copier = Copier(lambda _file: copier.holding.clear())
    applier = applier_of(copier, ledger, clean_up=clean_up, on_outcome=lambda _file, _outcome: copier.holding.set())
    progress = await applier.apply(replace(options, concurrency=1))
    assert progress.stopped_by == reason
    assert progress.bytes >= 8 if reason == "bytes" else progress.bytes == 0
    assert progress.copied < 60
    found = await states(ledger)
    assert sum(state is FileState.COPIED for state in found.values()) == progress.copied
    assert FileState.COPYING not in found.values(), "what was claimed was released"


async def test_bytes_that_are_reached_exactly_are_enough(ledger: SqliteLedger) -> None:
    await plan(ledger, 1)
    applier = applier_of(Copier(), ledger)
    await applier.apply(ApplyOptions())
    await plan(ledger, 2)
    assert (await applier.apply(ApplyOptions(max_bytes=4))).stopped_by == "bytes"
    assert applier.progress.copied == 1


async def test_the_time_of_a_shard_ends_the_shard_and_not_the_worker(ledger: SqliteLedger) -> None:
    [file_id, *_] = await plan(ledger, 3)
    applier = applier_of(Copier(), ledger)
    progress = await applier.apply(ApplyOptions(shard=shard_of(file_id), max_seconds=0))
    assert (progress.copied, progress.stopped_by) == (0, "done")
    assert (await applier.apply(ApplyOptions())).copied == 3


class Deadline(float):
    """Seconds that are over when a test says so."""

    is_over = False

    @override
    def __le__(self, passed: float) -> bool:
        return self.is_over


async def test_a_shard_whose_time_is_up_keeps_no_place_of_the_next(ledger: SqliteLedger) -> None:
    ids = [FileId.parse(f"group1/M00/00/00/{number}.txt") for number in range(4)]
    await ledger.plan([PlannedFile(file_id, FileKind.SLAVE, 4) for file_id in ids])
    copier = Copier()
    copier.holding.clear()
    applier, shard = applier_of(copier, ledger), shard_of(ids[0])
    for copied in (1, 2):
        seconds = Deadline()
        options = ApplyOptions(shard=shard, concurrency=1, max_seconds=seconds)
        applying_it = asyncio.ensure_future(applier.apply(options))
        await until(lambda: copier.under_way[False] == 1)
        seconds.is_over = True
        copier.holding.set()
        async with asyncio.timeout(10):
            assert (await applying_it).copied == copied
        copier.holding.clear()
    copier.holding.set()
    async with asyncio.timeout(10):
        assert (await applier.apply(ApplyOptions(concurrency=1))).copied == 4


async def test_the_first_reason_to_stop_counts_and_what_is_under_way_ends(ledger: SqliteLedger) -> None:
    await plan(ledger, 60)
    copier = Copier()
    copier.holding.clear()
    applier = applier_of(copier, ledger)
    applying_it = asyncio.ensure_future(applier.apply(ApplyOptions()))
    await until(lambda: copier.under_way[False] == 24)
    assert len(applier.progress.running) == 24
    applier.stop("interrupted")
    applier.stop("time")
    copier.holding.set()
    progress = await applying_it
    assert (progress.stopped_by, progress.copied, progress.running) == ("interrupted", 24, {})
    assert FileState.COPYING not in (await states(ledger)).values()


async def test_a_cancellation_records_what_was_copied_and_releases_the_rest(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 60.0)
    ids = await plan(ledger, 60)
    copied: list[FileId] = []

    def work(file: LedgerFile) -> None:
        copied.append(file.file_id)
        if len(copied) == 5:
            copier.holding.clear()

    copier = Copier(work)
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions()))
    await until(lambda: len(copied) >= 5 and copier.under_way[False] == 24)
    applying_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying_it
    assert copier.under_way[False] == 0
    expected = {file_id: FileState.COPIED if file_id in copied else FileState.PLANNED for file_id in ids}
    assert await states(ledger) == expected


class SlowToRelease(SqliteLedger):
    """A ledger that takes its time to release claims."""

    cleaning_up: CleaningUp | None = None

    @override
    async def release(self, claims: Sequence[LedgerFile]) -> None:
        if self.cleaning_up is not None:
            await self.cleaning_up.passed()
        await super().release(claims)


async def test_claims_are_released_although_the_caller_is_cancelled_twice(ledger: SqliteLedger) -> None:
    ledger.__class__ = SlowToRelease
    slow = cast("SlowToRelease", ledger)
    slow.cleaning_up = CleaningUp()
    await plan(slow, 3)
    copier, under_way = Copier(), asyncio.Event()
    copier.holding.clear()

    async def work() -> None:
        applying_it = asyncio.ensure_future(applier_of(copier, slow).apply(ApplyOptions()))
        await until(lambda: len(copier.copied) == 3)
        under_way.set()
        try:
            await applying_it
        finally:
            assert applying_it.done(), "it was left behind"

    await cancelled_twice(work(), under_way, slow.cleaning_up)
    assert set((await states(slow)).values()) == {FileState.PLANNED}


async def test_claims_are_released_although_what_was_copied_cannot_be_recorded(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 60.0)
    await plan(ledger, 60)
    copied: list[FileId] = []

    def work(file: LedgerFile) -> None:
        copied.append(file.file_id)
        copier.holding.clear()

    copier = Copier(work)
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions()))
    await until(lambda: copied and copier.under_way[False] == 24)
    monkeypatch.setattr(ledger, "record", _refusing(DOWN))
    applying_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying_it
    assert set((await states(ledger)).values()) == {FileState.PLANNED}


@pytest.mark.parametrize("error", [DOWN, ValueError("a fault of ours")])
async def test_one_error_is_raised_and_nothing_is_held(
    ledger: SqliteLedger, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plan(ledger, 30)
    monkeypatch.setattr(ledger, "record", _refusing(error))
    with pytest.raises(type(error), match=str(error)):
        await applier_of(Copier(), ledger).apply(ApplyOptions())
    assert set((await states(ledger)).values()) == {FileState.PLANNED}


def _refusing(error: Exception) -> Callable[[Sequence[Outcome]], Any]:
    calls = 0

    async def refuse(_outcomes: Sequence[Outcome]) -> list[bool]:
        nonlocal calls
        calls += 1
        raise error if calls == 1 else DOWN  # at the end it is out of reach, whatever it was before

    return refuse


@pytest.mark.parametrize(
    ("error", "code", "allowed"),
    [(DOWN, "unavailable: down", 8), (AccessDeniedException("no"), "denied: no", 16)],
)
async def test_a_failure_is_tried_again_until_it_is_put_aside(
    ledger: SqliteLedger, observer: Recorder, error: StorageException, code: str, allowed: int
) -> None:
    [file_id] = await plan(ledger, 1)
    copier = Copier(raising(error))
    progress = await applier_of(copier, ledger, observer=observer).apply(ApplyOptions())
    assert (progress.failed, progress.quarantined, progress.copied, len(copier.copied)) == (7, 1, 0, 8)
    row = await ledger.find(file_id)
    assert row is not None
    assert (row.state, row.reason, row.attempts) == (FileState.QUARANTINED, code, 8)
    assert observer.events == [
        RequestRetried(Backend.FASTDFS, "migrate", attempt, 0.0, code, str(file_id)) for attempt in range(1, 8)
    ]
    assert min(copier.allowed) <= allowed
    assert (min(copier.allowed) == 16) is (allowed == 16)


async def test_what_changed_is_tried_again_and_no_attempt_is_counted(ledger: SqliteLedger, observer: Recorder) -> None:
    [file_id] = await plan(ledger, 1)
    attempts: list[int] = []

    def work(file: LedgerFile) -> Outcome | None:
        attempts.append(file.attempts)
        again = Outcome(file.file_id, file.fence, FileState.PLANNED, "changed: meanwhile")
        return again if len(attempts) < 12 else None

    progress = await applier_of(Copier(work), ledger, observer=observer).apply(ApplyOptions())
    assert attempts == [0] * 12
    assert (progress.failed, progress.copied) == (0, 1)
    assert {(event.attempt, event.reason) for event in observer.of(RequestRetried)} == {(0, "changed: meanwhile")}
    assert (await states(ledger))[file_id] is FileState.COPIED


@pytest.mark.parametrize(
    ("state", "counts"),
    [(FileState.GONE, {"gone": 1}), (FileState.QUARANTINED, {"quarantined": 1})],
)
async def test_other_ends_are_counted_too(ledger: SqliteLedger, state: FileState, counts: dict[str, Any]) -> None:
    [file_id] = await plan(ledger, 1)
    copier = Copier(lambda file: Outcome(file.file_id, file.fence, state, "code: words"))
    outcomes: list[FileState] = []
    progress = await applier_of(copier, ledger, on_outcome=lambda _, outcome: outcomes.append(outcome.state)).apply(
        ApplyOptions()
    )
    assert progress == ApplyProgress(arrived=copier.arrived, **counts)
    assert outcomes == [state]
    assert (await states(ledger))[file_id] is state


async def test_a_copy_whose_claim_was_lost_is_neither_counted_nor_reported(ledger: SqliteLedger) -> None:
    [file_id] = await plan(ledger, 1)
    copier = Copier()
    copier.holding.clear()
    applier = applier_of(copier, ledger, on_outcome=lambda _file, _outcome: pytest.fail("it does not count"))
    applying_it = asyncio.ensure_future(applier.apply(ApplyOptions()))
    await until(lambda: copier.copied)
    await ledger.tombstone(file_id)
    copier.holding.set()
    assert await applying_it == ApplyProgress(arrived=copier.arrived)


async def test_an_upload_that_a_failed_attempt_began_is_handed_on(ledger: SqliteLedger) -> None:
    [file_id] = await plan(ledger, 1)
    [claim] = await ledger.claim("a", 1, 60)
    await ledger.note_upload(claim, "upload 1")
    await ledger.release([claim])
    seen: list[str | None] = []

    def work(file: LedgerFile) -> Outcome | None:
        seen.append(file.upload_id)
        if len(seen) == 1:
            raise DOWN
        return None

    await applier_of(Copier(work), ledger).apply(ApplyOptions())
    assert seen == ["upload 1"] * 2
    assert (await states(ledger))[file_id] is FileState.COPIED


async def test_a_pause_goes_by_the_ledgers_clock(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_FIRST_PAUSE", 40.0)
    await plan(ledger, 1)
    hours_ahead = 3600.0
    own = ledger._clock  # noqa: SLF001 - the ledger's clock
    monkeypatch.setattr(ledger, "_clock", lambda: own() + hours_ahead)
    applier = applier_of(Copier(raising(DOWN)), ledger)
    applying_it = asyncio.ensure_future(applier.apply(ApplyOptions(watch=True)))
    await until(lambda: applier.progress.failed)
    applier.stop()
    await applying_it
    [file_id] = await states(ledger)
    row = await ledger.find(file_id)
    assert row is not None
    assert 39 <= row.next_at - await ledger.now() <= 81


@pytest.mark.slow
async def test_a_paused_migration_waits_and_says_so(ledger: SqliteLedger) -> None:
    await plan(ledger, 3)
    await ledger.set_limits(Limits(paused=True))
    copier = Copier()
    applier = applier_of(copier, ledger)
    applying_it = asyncio.ensure_future(applier.apply(ApplyOptions()))
    await asyncio.sleep(0.05)
    assert (copier.copied, applier.progress.limited_by) == ([], "paused")
    assert await ledger.workers() == 0, "it claims nothing meanwhile"
    await ledger.set_limits(Limits())
    assert (await applying_it).copied == 3
    assert applier.progress.limited_by is None


async def test_a_watcher_waits_for_further_files(ledger: SqliteLedger) -> None:
    applier = applier_of(Copier(), ledger)
    applying_it = asyncio.ensure_future(applier.apply(ApplyOptions(watch=True)))
    await asyncio.sleep(0.02)
    await plan(ledger, 3)
    await until(lambda: applier.progress.copied == 3)
    assert not applying_it.done()
    applier.stop()
    assert (await applying_it).stopped_by == "interrupted"


async def test_work_of_others_is_waited_for_and_that_of_another_group_is_not(ledger: SqliteLedger) -> None:
    await plan(ledger, 1)
    [claim] = await ledger.claim("another worker", 1, 60)
    assert (await applier_of(Copier(), ledger).apply(ApplyOptions(group="group2"))).copied == 0
    applying_it = asyncio.ensure_future(applier_of(Copier(), ledger).apply(ApplyOptions()))
    await asyncio.sleep(0.02)
    assert not applying_it.done(), "the other may die"
    await ledger.record([Outcome(claim.file_id, claim.fence, FileState.COPIED)])
    await applying_it


class FilledAtTheEnd(SqliteLedger):
    """A ledger in which somebody plans files right after one loop has found that nothing is left."""

    sizes: Sequence[int] = ()
    one_at_a_time: asyncio.Lock

    @override
    async def has_work(self, group: str | None = None) -> bool:
        async with self.one_at_a_time:
            left = await super().has_work(group)
            if not left:
                for size in self.sizes:
                    await plan(self, 1, size=size)
                self.sizes = ()
            return left


@pytest.mark.parametrize("sizes", [[4], [LARGE_FILE], [4, LARGE_FILE]])
async def test_it_ends_for_small_and_large_files_alike(tmp_path: Path, sizes: list[int]) -> None:
    copier = Copier()
    async with FilledAtTheEnd(tmp_path / "ledger.db", "one") as ledger:
        ledger.sizes, ledger.one_at_a_time = sizes, asyncio.Lock()
        async with asyncio.timeout(10):
            await applier_of(copier, ledger).apply(ApplyOptions())
            await applier_of(copier, ledger).apply(ApplyOptions())
        assert set((await states(ledger)).values()) == {FileState.COPIED}
    assert len(copier.copied) == len(sizes)


async def test_files_are_begun_at_the_pace_of_the_limit(ledger: SqliteLedger) -> None:
    await plan(ledger, 5)
    await ledger.set_limits(Limits(files_per_second=10))
    drawn: list[tuple[str, int]] = []

    async def draw(what: str, count: int) -> float:
        drawn.append((what, count))
        return 0.0

    ledger.draw = draw  # type: ignore[method-assign]  # an account that is looked into
    await applier_of(Copier(), ledger).apply(ApplyOptions())
    assert drawn == [("files", 1)] * 5


async def test_what_holds_it_up_is_told(ledger: SqliteLedger) -> None:
    await plan(ledger, 2)
    pace = Pace(ledger)
    failures = iter([DOWN])

    def work(_file: LedgerFile) -> Outcome | None:
        for error in failures:
            raise error
        return None

    applier = applier_of(Copier(work), ledger, pace=pace)
    told = [(await applier.apply(ApplyOptions())).limited_by for _ in range(2)]
    assert told == [None, "target"], "it was busy a moment ago"
    pace.limited_by = "files"
    await ledger.set_limits(Limits(files_per_second=1000))
    fresh = applier_of(Copier(), ledger, pace=pace)
    await fresh.apply(ApplyOptions())
    assert fresh.progress.limited_by == "files"


async def test_large_files_say_nothing_of_the_target_and_give_way_with_small_ones(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[float | None] = []
    monkeypatch.setattr(Allowance, "succeeded", lambda _self, took=None: seconds.append(took))
    await plan(ledger, 1)
    await plan(ledger, 1, size=LARGE_FILE)
    await applier_of(Copier(), ledger).apply(ApplyOptions())
    assert sorted(took is None for took in seconds) == [False, True]


async def test_a_target_that_is_down_gets_pauses(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[Allowance] = []

    def pause(allowance: Allowance) -> float:
        pauses.append(allowance)
        return 0.001

    monkeypatch.setattr(Allowance, "pause", property(pause))
    await plan(ledger, 5)
    await applier_of(Copier(), ledger).apply(ApplyOptions())
    assert len(pauses) == 5


async def test_a_pause_comes_before_the_copy_and_ends_when_it_is_stopped(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing = asyncio.Event()

    def pause(_allowance: Allowance) -> float:
        pausing.set()
        return 3600.0

    monkeypatch.setattr(Allowance, "pause", property(pause))
    await plan(ledger, 1)
    copier = Copier()
    applier = applier_of(copier, ledger)
    applying_it = asyncio.ensure_future(applier.apply(ApplyOptions()))
    await pausing.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    applier.stop()
    async with asyncio.timeout(10):
        await applying_it
    assert copier.copied == []


async def test_leases_are_kept_while_it_works_and_no_longer(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "LEASE_SECONDS", 0.004)
    await plan(ledger, 3)
    copier, extended = Copier(), list[int]()
    copier.holding.clear()
    extend = ledger.extend

    async def noting(claims: Sequence[LedgerFile], seconds: float) -> list[bool]:
        extended.append(len(claims))
        return await extend(claims, seconds)

    monkeypatch.setattr(ledger, "extend", noting)
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions()))
    await until(lambda: extended.count(3) >= 2)
    copier.holding.set()
    await applying_it
    calls = len(extended)
    await asyncio.sleep(0.02)
    assert len(extended) == calls, "somebody goes on prolonging"

"""What an applier waits for: the end of a pause, further files, others' work, its limits, a busy target."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.allowance import Allowance
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome
from s3py_helper.domain.migration import LARGE_FILE, FileState
from tests.support.migration.appliers import DOWN, Copier, applier_of, plan, states
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_applying")]


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

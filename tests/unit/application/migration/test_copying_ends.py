"""How an applier ends: at a bound, when it is stopped or cancelled, by an error; and what it gives back."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast, override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.ports.ledger import LedgerFile, Outcome, PlannedFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, shard_of
from tests.support.cancelling import CleaningUp, cancelled_twice
from tests.support.migration.appliers import DOWN, Copier, applier_of, plan, states
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_applying")]


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

"""What an applier tries again, what it puts aside, and what does not count."""

import asyncio
from typing import Any

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying
from s3py_helper.application.migration.applying import ApplyOptions, ApplyProgress
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.errors import AccessDeniedException, StorageException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.migration import FileState
from tests.support.migration.appliers import DOWN, Copier, applier_of, plan, raising, states
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_applying")]


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

"""How often a copy is tried before it is put aside, and when applying ends."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from s3py_helper.application.migration import applying
from s3py_helper.application.migration.applying import Applier, ApplyOptions
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits, Outcome
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.errors import AccessDeniedException, StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileState
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(30)

NOW = 1_700_000_000
FILE_ID = FileId(Backend.FASTDFS, "group1", "M00/00/00/made_up_by_hand.txt")


class Row:
    """A ledger of one file, which is claimed once."""

    def __init__(self, attempts: int) -> None:
        self.recorded: list[Outcome] = []
        self._claims = [LedgerFile(FILE_ID, kind_of(FILE_ID), FileState.COPYING, 1, attempts=attempts)]

    def taken(self) -> None:
        """Let somebody else have claimed it."""
        self._claims = []

    async def limits(self) -> Limits:
        return Limits()

    async def now(self) -> float:
        return NOW

    async def claim(self, *_which: object, large: bool, **_more: object) -> list[LedgerFile]:
        claims, self._claims = ([], self._claims) if large else (self._claims, [])
        return claims

    async def has_work(self, _group: str | None) -> bool:
        return False

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        self.recorded += outcomes
        return [True] * len(outcomes)

    async def note(self, _event: str, _detail: Mapping[str, object]) -> None:
        pass


class Busy(Row):
    """A ledger whose other files others copy; counts how often it is asked for some.

    Attributes:
        asked: How often.
    """

    asked = 0

    async def claim(self, *which: object, large: bool, **more: object) -> list[LedgerFile]:
        self.asked += 1
        await asyncio.sleep(0)
        return await super().claim(*which, large=large, **more)

    async def has_work(self, _group: str | None) -> bool:
        return True


@pytest.mark.parametrize("copying", [True, False])
async def test_where_nothing_can_be_claimed_it_asks_now_and_then_and_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, *, copying: bool
) -> None:
    monkeypatch.setattr(applying, "_IDLE_SECONDS", 3600)
    busy, copier = Busy(0), Waiting()
    if not copying:
        busy.taken()
    ledger = cast("Ledger", busy)
    applier = Applier(cast("FileCopier", copier), ledger, Pace(ledger), observer=Recorder())
    running = asyncio.create_task(applier.apply(ApplyOptions()))
    for _ in range(100):
        await asyncio.sleep(0)
    assert copier.copying.is_set() is copying
    assert busy.asked == (3 if copying else 2), "each loop once, and for what follows a claim"
    applier.stop()
    copier.may_end.set()
    async with asyncio.timeout(10):
        await running


class Failing:
    """A copier that cannot."""

    def __init__(self, error: StorageException) -> None:
        self.allowed = 0
        self._error = error

    def allow(self, puts_at_once: int) -> None:
        self.allowed = puts_at_once

    def arrived(self) -> int:
        return 0

    async def copy(self, _file: LedgerFile) -> Outcome:
        raise self._error


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageUnavailableException("busy"), "unavailable: busy"), (AccessDeniedException("no"), "denied: no")],
)
@pytest.mark.parametrize(
    ("attempts", "state", "longest"),
    [(0, FileState.PLANNED, 1), (6, FileState.PLANNED, 64), (7, FileState.QUARANTINED, 128)],
)
async def test_the_eighth_failure_is_the_last(
    error: StorageException, code: str, attempts: int, state: FileState, longest: int
) -> None:
    row, recorder = Row(attempts), Recorder()
    ledger = cast("Ledger", row)
    applier = Applier(cast("FileCopier", Failing(error)), ledger, Pace(ledger), observer=recorder, clock=lambda: NOW)
    progress = await applier.apply(ApplyOptions())
    [outcome] = row.recorded
    assert (outcome.state, outcome.failed, outcome.reason) == (state, True, code)
    assert NOW + longest // 2 <= (outcome.next_at or 0) <= NOW + longest
    assert (progress.failed, progress.quarantined) == ((1, 0) if state is FileState.PLANNED else (0, 1))
    assert len(recorder.of(RequestRetried)) == (state is FileState.PLANNED)


@pytest.mark.parametrize(
    ("error", "allowed"), [(StorageUnavailableException("busy"), 8), (AccessDeniedException("no"), 16)]
)
async def test_fewer_are_copied_at_once_when_the_target_is_busy_and_not_when_it_refuses(
    error: StorageException, allowed: int
) -> None:
    copier, ledger = Failing(error), cast("Ledger", Row(0))
    await Applier(cast("FileCopier", copier), ledger, Pace(ledger), observer=Recorder()).apply(ApplyOptions())
    assert copier.allowed == allowed


class Waiting:
    """A copier whose copies end when they are told to."""

    def __init__(self) -> None:
        self.copying = asyncio.Event()
        self.may_end = asyncio.Event()

    def allow(self, puts_at_once: int) -> None:
        pass

    def arrived(self) -> int:
        return 0

    async def copy(self, file: LedgerFile) -> Outcome:
        self.copying.set()
        await self.may_end.wait()
        return Outcome(file.file_id, file.fence, FileState.COPIED)


@pytest.mark.parametrize("stopped", [False, True])
async def test_it_ends_with_its_last_file_and_not_when_outcomes_are_next_recorded(
    monkeypatch: pytest.MonkeyPatch, *, stopped: bool
) -> None:
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 3600)
    row, copier = Row(0), Waiting()
    ledger = cast("Ledger", row)
    applier = Applier(cast("FileCopier", copier), ledger, Pace(ledger), observer=Recorder())
    running = asyncio.create_task(applier.apply(ApplyOptions()))
    await copier.copying.wait()
    if stopped:
        applier.stop()
    copier.may_end.set()
    progress = await running
    assert (progress.copied, len(row.recorded)) == (1, 1)

"""With which code copying and planning end, and how sizes and times are told."""

import asyncio
import os
import signal
from typing import Any, cast

import pytest

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.migration import Migration, MigrationStatus, RunResult
from s3py_helper.application.migration.planning import PlanResult
from s3py_helper.application.migration.verifying import VerifyResult
from s3py_helper.application.ports.ledger import Limits, Tally
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.migration import FileState
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration import copying
from s3py_helper.entrypoints.cli.migration.copying import code_of_apply
from s3py_helper.entrypoints.cli.migration.output import Output, size_text, time_text
from s3py_helper.entrypoints.cli.migration.planning import code_of_plan
from tests.support.migration.commands import Operator


def status_with(state: FileState) -> MigrationStatus:
    return MigrationStatus([Tally("group1", state, 1, 1)], {}, Limits(), [], [])


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (PlanResult(), ExitCode.OK),
        (PlanResult(unplannable_count=1), ExitCode.NOT_FOUND),
        (PlanResult(unconfirmed=1, unplannable_count=1), ExitCode.UNAVAILABLE),
        (PlanResult(shortages={"g": 1}, unconfirmed=1), ExitCode.REFUSED),
        (PlanResult(incomplete=["g"]), ExitCode.REFUSED),
        (PlanResult(surpluses={"g": 1}, missing=1, gone=1), ExitCode.OK),
    ],
)
def test_a_plan_ends_with_the_code_of_what_is_worst(result: PlanResult, code: ExitCode) -> None:
    assert code_of_plan(result) is code


@pytest.mark.parametrize(
    ("stopped_by", "state", "code"),
    [
        ("done", FileState.COPIED, ExitCode.OK),
        ("done", FileState.QUARANTINED, ExitCode.NOT_FOUND),
        ("interrupted", FileState.QUARANTINED, ExitCode.INTERRUPTED),
        ("bytes", FileState.QUARANTINED, ExitCode.BYTES_REACHED),
        ("time", FileState.QUARANTINED, ExitCode.TIME_REACHED),
    ],
)
def test_copying_ends_with_the_code_of_its_reason(stopped_by: str, state: FileState, code: ExitCode) -> None:
    assert code_of_apply(ApplyProgress(stopped_by=stopped_by), status_with(state)) is code


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (1 << 30, "1.0 GiB"),
        (1 << 40, "1.0 TiB"), (5000 << 40, "5000.0 TiB"), (0.4, "0 B"),
    ],
)  # fmt: skip
def test_sizes_are_told_in_the_largest_unit_that_fits(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3599, "59 min 59 s"),
        (3600, "1 h 0 min"), (90061, "25 h 1 min"),
    ],
)  # fmt: skip
def test_times_are_told_in_two_units(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("plan", "applied", "verified", "left", "code"),
    [
        (PlanResult(), ApplyProgress(), VerifyResult(), FileState.VERIFIED, ExitCode.OK),
        (PlanResult(), ApplyProgress(), VerifyResult(failed_count=1), FileState.PLANNED, ExitCode.NOT_FOUND),
        (PlanResult(), ApplyProgress(), VerifyResult(), FileState.COPIED, ExitCode.NOT_FOUND),
        (PlanResult(), ApplyProgress(), VerifyResult(), FileState.QUARANTINED, ExitCode.NOT_FOUND),
        (PlanResult(shortages={"g": 1}), ApplyProgress(), VerifyResult(), FileState.QUARANTINED, ExitCode.REFUSED),
        (PlanResult(unconfirmed=1), ApplyProgress(), VerifyResult(), FileState.VERIFIED, ExitCode.UNAVAILABLE),
        (PlanResult(incomplete=["g"]), ApplyProgress(stopped_by="interrupted"), VerifyResult(), FileState.PLANNED,
         ExitCode.INTERRUPTED),
    ],
)  # fmt: skip
def test_a_run_ends_with_the_code_of_what_stopped_it_or_is_worst(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, plan: PlanResult, applied: ApplyProgress,
    verified: VerifyResult, left: FileState, code: ExitCode,
) -> None:  # fmt: skip
    async def run(migration: Migration, *, copying: Any, **_how: object) -> RunResult:
        await copying(await migration.applier(), ApplyOptions())
        return RunResult(plan, applied, verified)

    async def status(_migration: Migration) -> MigrationStatus:
        return status_with(left)

    monkeypatch.setattr(Migration, "run", run)
    monkeypatch.setattr(Migration, "status", status)
    [*_, last] = operator.types("run", "--json").objects
    assert last["exit_code"] == code
    assert (last["listing_complete"], last["found"]) == (plan.complete, plan.found)


@pytest.mark.parametrize(("group", "code", "unverified"), [(None, 3, 1), ("group1", 3, 1), ("group2", 0, 0)])
def test_a_copy_that_was_not_verified_is_no_success(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, group: str | None, code: int, unverified: int
) -> None:
    async def verify(_migration: Migration, *_given: object) -> VerifyResult:
        return VerifyResult()

    async def status(_migration: Migration) -> MigrationStatus:
        return status_with(FileState.COPIED)

    monkeypatch.setattr(Migration, "verify", verify)
    monkeypatch.setattr(Migration, "status", status)
    typed = operator.types("verify", "--json", *(() if group is None else ("--group", group)))
    assert (typed.code, typed.objects[0]["unverified"]) == (code, unverified)


@pytest.mark.parametrize("interrupted", [False, True])
def test_last_words_without_a_ledger_are_an_error_only_where_nobody_stopped_it(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    async def status(_migration: Migration) -> MigrationStatus:
        raise StorageUnavailableException("the ledger is away")

    async def apply(applier: Applier, _options: object) -> ApplyProgress:
        if interrupted:
            os.kill(os.getpid(), signal.SIGINT)
            while applier.progress.stopped_by == "done":
                await asyncio.sleep(0)
        return ApplyProgress(copied=3, bytes=9)

    monkeypatch.setattr(Migration, "status", status)
    monkeypatch.setattr(Applier, "apply", apply)
    typed = operator.types("apply")
    if interrupted:
        assert (typed.code, typed.out, typed.err) == (130, "3 files copied, 9 bytes; the ledger is away\n", "")
    else:
        assert (typed.code, typed.out, typed.err) == (5, "", "s3py: the ledger is away\n")


class Copying:
    """Copies for ever, and needs a while to stop."""

    def __init__(self) -> None:
        self.progress = ApplyProgress()
        self.stopped = False

    async def apply(self, _options: object) -> ApplyProgress:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.stopped = True
        return self.progress


class Display:
    """Shows at once, and again and again."""

    seconds = 0.0

    def __init__(self, *_given: object) -> None:
        self.shown, self.closed = 0, False

    async def show(self) -> None:
        self.shown += 1

    def close(self) -> None:
        self.closed = True


async def test_who_watches_copying_stops_it_when_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    display, applier = Display(), Copying()
    monkeypatch.setattr(copying, "ProgressDisplay", lambda *_given: display)
    output = Output("apply", as_json=False, each=False)
    watching = asyncio.ensure_future(
        copying._watcher(cast("Migration", None), output)(cast("Any", applier), cast("Any", None))  # noqa: SLF001 - a signal cancels here
    )
    while display.shown < 3:
        await asyncio.sleep(0)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert (applier.stopped, display.closed) == (True, True)

"""What the commands of `s3py migrate` write, and the codes that they end with."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from s3py_helper.application.migration.applying import ApplyProgress
from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.migration.planning import PlanResult
from s3py_helper.application.migration.verifying import VerifyResult
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.output import write_line

_SCHEMA: Final = 1
"""Of the objects that `--json` writes: grows when a field changes its meaning."""


def write_plan(result: PlanResult, status: MigrationStatus, *, as_json: bool) -> None:
    if as_json:
        for where, number, text in result.unplannable:
            emit("file", id=None, state="unplannable", reason=text, source=where, line=number)
        summary(
            as_json,
            "plan",
            code_of_plan(result),
            listing_complete=result.complete,
            unplannable=result.unplannable_count,
            new=result.new,
            found=result.found,
            gone=result.gone,
            missing=result.missing,
            **states(status),
        )
        return
    write_line(f"{result.found} files found, {result.new} of them new; {result.gone} ids that no server has")
    for where, number, text in result.unplannable[:20]:
        write_line(f"unplannable: {where}:{number}: {text}")
    for group, shortage in result.shortages.items():
        write_line(f"{group}: {shortage} files fewer than its servers count: see docs/leaving-fastdfs.md")
    for reason in result.incomplete:
        write_line(f"not whole: {reason}")
    if result.missing:
        write_line(f"{result.missing} files have a copy but are missing at their source: s3py migrate missing")
    write_line(table(status))


def write_verification(result: VerifyResult, *, as_json: bool) -> None:
    if not as_json:
        levels = ", ".join(f"{count} {level}" for level, count in result.levels.items())
        write_line(f"{levels}; {len(result.failed)} failed, {len(result.strangers)} objects of nobody")


def states(status: MigrationStatus) -> dict[str, object]:
    states = {
        str(state): {
            "files": status.files_in(state),
            "bytes": sum(tally.bytes for tally in status.tallies if tally.state is state),
        }
        for state in FileState
        if status.files_in(state)
    }
    return {"states": states, "quarantined": status.files_in(FileState.QUARANTINED)}


def counts(status: MigrationStatus) -> str:
    return ", ".join(f"{status.files_in(state)} {state}" for state in FileState if status.files_in(state)) or "nothing"


def table(status: MigrationStatus) -> str:
    lines = [
        f"{tally.group:16} {status.routes.get(tally.group, Route.FASTDFS):8} {tally.state:17} {tally.files:12} files "
        f"{tally.bytes:18} bytes"
        for tally in sorted(status.tallies, key=lambda tally: (tally.group, tally.state))
    ]
    return "\n".join(lines) or "the ledger is empty: s3py migrate plan"


def emit(kind: str, **facts: object) -> None:
    write_line(json.dumps({"type": kind, "schema": _SCHEMA, **facts}, ensure_ascii=False, default=str))


def summary(as_json: bool, verb: str, code: ExitCode, **facts: object) -> None:  # noqa: FBT001 - the caller's flag
    if as_json:
        emit("summary", verb=verb, exit_code=int(code), at=datetime.now(UTC).isoformat(), **facts)


def show_progress(progress: ApplyProgress, total: int, seconds: float, *, as_json: bool) -> None:
    rate = progress.copied / seconds if seconds else 0.0
    left = max(0, total - progress.copied - progress.quarantined - progress.gone)
    facts = {
        "files_done": progress.copied,
        "files_total": total,
        "bytes_done": progress.bytes,
        "files_per_s": round(rate, 1),
        "bytes_per_s": round(progress.bytes / seconds) if seconds else 0,
        "eta_s": round(left / rate) if rate else None,
        "errors": progress.failed,
        "limited_by": progress.limited_by,
    }
    if as_json:
        emit("progress", **facts)
    elif sys.stderr.isatty():
        oldest = min(progress.running.items(), key=lambda item: item[1], default=(None, 0.0))[0]
        sys.stderr.write(
            f"\r\x1b[K{progress.copied}/{total} files, {rate:.0f}/s, {facts['eta_s']} s left, "
            f"{progress.failed} errors, oldest {oldest}"
        )
        sys.stderr.flush()


def reporter(*, as_json: bool, each: bool) -> Callable[[LedgerFile, Outcome], None]:
    def on_outcome(file: LedgerFile, outcome: Outcome) -> None:
        failed = outcome.state in {FileState.QUARANTINED, FileState.PLANNED}
        if as_json and (each or failed):
            emit(
                "file",
                id=str(file.file_id),
                state=outcome.state,
                reason=outcome.reason,
                proof=outcome.proof,
                size=outcome.size,
                key=outcome.key,
                attempts=file.attempts + 1,
            )
        elif not as_json and outcome.state is FileState.QUARANTINED:
            write_line(f"{file.file_id}: quarantined, {outcome.reason}")

    return on_outcome


def code_of_plan(result: PlanResult) -> ExitCode:
    if not result.complete:
        return ExitCode.REFUSED
    return ExitCode.NOT_FOUND if result.unplannable_count else ExitCode.OK


def code_of_apply(progress: ApplyProgress, status: MigrationStatus) -> ExitCode:
    match progress.stopped_by:
        case "interrupted":
            return ExitCode.INTERRUPTED
        case "bytes":
            return ExitCode.BYTES_REACHED
        case "time":
            return ExitCode.TIME_REACHED
        case _:
            return ExitCode.NOT_FOUND if status.files_in(FileState.QUARANTINED) else ExitCode.OK

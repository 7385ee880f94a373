"""What the commands of `s3py migrate` do."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.preflight import Verdict
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Level, Route
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration_ids import lines_of, names_in_folder
from s3py_helper.entrypoints.cli.migration_output import (
    code_of_apply,
    code_of_plan,
    counts,
    emit,
    reporter,
    show_progress,
    states,
    summary,
    table,
    write_plan,
    write_verification,
)
from s3py_helper.entrypoints.cli.migration_report import write_report
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import run
from s3py_helper.entrypoints.settings import Settings

_PROGRESS_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class PlanChoices:
    """What `plan` was asked to look at."""

    cluster: bool
    ids: tuple[str, ...]
    folders: tuple[str, ...]
    default_group: str | None
    groups: frozenset[str]
    limit: int | None
    accept_difference: int


@dataclass(frozen=True, slots=True)
class ApplyChoices:
    """What `apply` was asked to keep to."""

    concurrency: int | None
    rate_bytes: int | None
    rate_files: int | None
    max_bytes: int | None
    max_seconds: float | None
    group: str | None
    watch: bool


def preflight(*, as_json: bool) -> ExitCode:
    """Say what was found; 4 where something has to be mended first."""

    async def work(migration: Migration) -> ExitCode:
        found = await migration.preflight()
        for finding in found.findings:
            if as_json:
                emit("finding", **asdict(finding))
            else:
                mend = f"\n         {finding.mend}" if finding.mend else ""
                write_line(f"{finding.verdict:8} {finding.subject}: {finding.says}{mend}")
        gates = sum(finding.verdict is Verdict.GATE for finding in found.findings)
        code = ExitCode.REFUSED if gates else ExitCode.OK
        summary(as_json, "preflight", code, gates=gates)
        return code

    return _with_migration(work)


def plan(choices: PlanChoices, *, as_json: bool) -> ExitCode:
    """Write the ledger; 4 where a listing is not whole, 3 where lines were no ids."""

    async def work(migration: Migration) -> ExitCode:
        sources = [(name, lines_of(name)) for name in choices.ids]
        sources += [(folder, names_in_folder(folder)) for folder in choices.folders]
        options = PlanOptions(
            groups=choices.groups,
            cluster=choices.cluster,
            ids=sources,
            default_group=choices.default_group,
            limit=choices.limit,
            accept_difference=choices.accept_difference,
        )
        result = await migration.plan(options)
        write_plan(result, await migration.status(), as_json=as_json)
        return code_of_plan(result)

    return _with_migration(work)


def apply(choices: ApplyChoices, *, as_json: bool, each: bool) -> ExitCode:
    """Copy; the exit code says how it ended."""

    async def work(migration: Migration) -> ExitCode:
        if choices.rate_bytes or choices.rate_files:
            await _change_limits(migration, rate_bytes=choices.rate_bytes, rate_files=choices.rate_files)
        applier = await migration.applier(reporter(as_json=as_json, each=each))
        options = ApplyOptions(
            group=choices.group,
            max_bytes=choices.max_bytes,
            max_seconds=choices.max_seconds,
            watch=choices.watch,
            **({} if choices.concurrency is None else {"concurrency": choices.concurrency}),
        )
        with _stopping(applier.stop):
            progress = await _watched(migration, applier, options, as_json=as_json)
        status = await migration.status()
        code = code_of_apply(progress, status)
        if not as_json:
            write_line(f"{progress.copied} files copied, {progress.bytes} bytes; {counts(status)}")
        summary(as_json, "apply", code, **states(status))
        return code

    return _with_migration(work)


def verify(read_share: float, group: str | None, *, as_json: bool, each: bool) -> ExitCode:
    """Verify; 3 where a copy is not what it should be."""

    def on_file(file: LedgerFile, level: Level | None, problem: str | None) -> None:
        if as_json and (each or problem is not None):
            emit("file", id=str(file.file_id), state=file.state, level=level, reason=problem, proof=file.proof)
        elif problem is not None:
            write_line(f"{file.file_id}: {problem}")

    async def work(migration: Migration) -> ExitCode:
        result = await migration.verify(VerifyOptions(group, read_share), on_file)
        write_verification(result, as_json=as_json)
        status = await migration.status()
        unverified = status.files_in(FileState.COPIED)
        code = ExitCode.NOT_FOUND if result.failed or unverified else ExitCode.OK
        summary(as_json, "verify", code, unverified=unverified, **states(status))
        return code

    return _with_migration(work)


def route(group: str, to: str, accepted: tuple[str, ...], *, accept_incomplete: bool) -> ExitCode:
    """Change a route; 4 where that is not safe yet."""

    async def work(migration: Migration) -> ExitCode:
        ids = [FileId.parse(text) for text in accepted]
        await migration.route(group, Route(to), accept=ids, accept_incomplete=accept_incomplete)
        write_line(f"{group}: {to}")
        return ExitCode.OK

    return _with_migration(work)


def drain(older_than_seconds: float, *, as_json: bool) -> ExitCode:
    """Delete at the source; 3 where files had to be kept."""

    async def work(migration: Migration) -> ExitCode:
        drainer = migration.drainer()
        with _stopping(drainer.stop):
            result = await drainer.drain(older_than_seconds)
        for file_id, reason in result.kept.items():
            if as_json:
                emit("file", id=file_id, state=FileState.VERIFIED, reason=reason)
            else:
                write_line(f"{file_id}: kept, {reason}")
        code = ExitCode.NOT_FOUND if result.kept else ExitCode.OK
        if not as_json:
            write_line(f"{result.drained} files deleted at the source, {result.too_young} are too young")
        summary(as_json, "drain", code, drained=result.drained, bytes=result.bytes, too_young=result.too_young)
        return code

    return _with_migration(work)


def status(*, watch: bool, as_json: bool) -> ExitCode:
    """Show where everything is."""

    async def work(migration: Migration) -> ExitCode:
        while True:
            found = await migration.status()
            if as_json:
                summary(
                    as_json, "status", ExitCode.OK, routes=found.routes, limits=asdict(found.limits), **states(found)
                )
            else:
                write_line(table(found))
            if not watch:
                return ExitCode.OK
            await asyncio.sleep(_WATCH_SECONDS)

    return _with_migration(work)


def errors(*, retry: bool, as_json: bool) -> ExitCode:
    """Show why files are put aside, and try them again where asked."""

    async def work(migration: Migration) -> ExitCode:
        for code, count, samples in (await migration.status()).reasons:
            following = _NEXT.get(code, "s3py migrate errors --retry")
            if as_json:
                emit("error", code=code, count=count, samples=[str(sample) for sample in samples], next=following)
            else:
                shown = "\n".join(f"    {sample}" for sample in samples)
                write_line(f"{code}: {count}\n{shown}\n    next: {following}")
        if retry:
            write_line(f"{await migration.ledger.retry()} files are planned again")
        return ExitCode.OK

    return _with_migration(work)


def missing(keep: bool | None, file: str | None) -> ExitCode:  # noqa: FBT001 - one choice of three
    """Decide about files whose source has lost them, or show them."""

    async def work(migration: Migration) -> ExitCode:
        ids = None if file is None else [FileId.parse(line.strip()) async for line in lines_of(file) if line.strip()]
        async with migration.ledger.files(states=[FileState.MISSING_AT_SOURCE]) as files:
            found = [found.file_id async for found in files]
        for file_id in found[:10]:
            write_line(str(file_id))
        write_line(f"{len(found)} files are missing at their source")
        if keep is not None:
            decided = await migration.decide_missing(keep=keep, file_ids=ids)
            write_line(f"{decided} {'kept' if keep else 'deleted'}")
        return ExitCode.OK

    return _with_migration(work)


def report(folder: str) -> ExitCode:
    """Write the report for auditors."""

    async def work(migration: Migration) -> ExitCode:
        for path in await write_report(migration, Path(folder)):
            write_line(str(path))
        return ExitCode.OK

    return _with_migration(work)


def limits(
    *,
    rate_bytes: int | None = None,
    rate_files: int | None = None,
    concurrency: int | None = None,
    paused: bool | None = None,
) -> ExitCode:
    """Change the limits, and show them."""

    async def work(migration: Migration) -> ExitCode:
        await _change_limits(
            migration, rate_bytes=rate_bytes, rate_files=rate_files, concurrency=concurrency, paused=paused
        )
        write_line(json.dumps(asdict(await migration.ledger.limits())))
        return ExitCode.OK

    return _with_migration(work)


def run_all(*, as_json: bool, each: bool) -> ExitCode:
    """Plan, copy and verify until nothing new turns up."""

    async def work(migration: Migration) -> ExitCode:
        while True:
            planned = await migration.plan(PlanOptions())
            applier = await migration.applier(reporter(as_json=as_json, each=each))
            with _stopping(applier.stop):
                progress = await _watched(migration, applier, ApplyOptions(), as_json=as_json)
            verified = await migration.verify(VerifyOptions())
            found = await migration.status()
            code = code_of_apply(progress, found)
            if code not in {ExitCode.OK, ExitCode.NOT_FOUND} or not (planned.new or verified.failed):
                break
        write_plan(planned, found, as_json=as_json)
        code = code if code not in {ExitCode.OK, ExitCode.NOT_FOUND} else max(code, code_of_plan(planned))
        summary(as_json, "run", code, listing_complete=planned.complete, **states(found))
        return code

    return _with_migration(work)


_NEXT: Final = {
    "conflict": "look at the object; remove it if nobody needs it, then: s3py migrate errors --retry",
    "corrupt": "restore the file on a storage server, then: s3py migrate errors --retry",
    "missing": "s3py migrate missing --keep, or --delete",
}


def _with_migration(work: Callable[[Migration], Awaitable[ExitCode]]) -> ExitCode:
    async def with_services(services: FileServices, _settings: Settings) -> ExitCode:
        if services.migration is None:
            raise InvalidArgumentException(
                "this deployment takes part in no migration: set S3PY_MODE=hybrid and S3PY_MIGRATION__LEDGER"
            )
        return await work(services.migration)

    return run(with_services)


async def _watched(migration: Migration, applier: Applier, options: ApplyOptions, *, as_json: bool) -> ApplyProgress:
    """Copy, and show every other second how it goes."""
    total = sum(tally.files for tally in (await migration.status()).tallies if tally.state is FileState.PLANNED)
    applying = asyncio.ensure_future(applier.apply(options))
    began = asyncio.get_running_loop().time()
    try:
        while not (await asyncio.wait([applying], timeout=_PROGRESS_SECONDS))[0]:
            seconds = asyncio.get_running_loop().time() - began
            show_progress(applier.progress, total, seconds, as_json=as_json)
    except BaseException:  # cancelled: what is under way is stopped at once, and given back
        applying.cancel()
        await asyncio.wait([applying])
        raise
    return await applying


@contextmanager
def _stopping(stop: Callable[[], None]) -> Generator[None]:
    """The first Ctrl-C, and SIGTERM, finish the files at hand; a second one stops at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        sys.stderr.write("\ns3py: finishing the files at hand; once more stops at once\n")
        if task is not None:
            loop.add_signal_handler(signal.SIGINT, task.cancel)
        stop()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _change_limits(
    migration: Migration,
    *,
    rate_bytes: int | None = None,
    rate_files: int | None = None,
    concurrency: int | None = None,
    paused: bool | None = None,
) -> None:
    """Change what was given; 0 takes a limit away."""
    current = await migration.ledger.limits()
    changed = type(current)(
        bytes_per_second=current.bytes_per_second if rate_bytes is None else rate_bytes or None,
        files_per_second=current.files_per_second if rate_files is None else rate_files or None,
        concurrency=current.concurrency if concurrency is None else concurrency or None,
        paused=current.paused if paused is None else paused,
    )
    if changed != current:
        await migration.ledger.set_limits(changed)

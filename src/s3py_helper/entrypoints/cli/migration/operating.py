"""At any time: `status`, `errors`, `report`, `pause`, `resume` and `limits`."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Final

from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.migration import Migration
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.command import Command
from s3py_helper.entrypoints.cli.migration.output import Output, table
from s3py_helper.entrypoints.cli.migration.report import write_report

_WATCH_SECONDS: Final = 2.0

_NEXT: Final = {
    "conflict": "look at the object; remove it if nobody needs it, then: s3py migrate errors --retry",
    "corrupt": "restore the file on a storage server, then: s3py migrate errors --retry",
    "missing": "s3py migrate missing --keep, or --delete",
    "unservable": "copy it from the disk of its storage server; then accept it: s3py migrate route --accept-quarantine",
}


def status(command: Command, *, watch: bool) -> ExitCode:
    """Show where everything is."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        while True:
            found = await migration.status()
            output.summarize(found, routes=found.routes, limits=asdict(found.limits))
            output.say(table(found))
            given = {name: value for name, value in asdict(found.limits).items() if value}
            if given:
                output.say("limits: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items()))
            if not watch:
                return ExitCode.OK
            if output.as_json:
                output.end(ExitCode.OK)
            await asyncio.sleep(_WATCH_SECONDS)

    return command.run(work)


def errors(command: Command, *, retry: bool) -> ExitCode:
    """Show why files are put aside, and try them again where asked."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        found = await migration.status()
        for code, count, samples in found.reasons:
            following = _NEXT.get(code, "s3py migrate errors --retry")
            output.emit("error", code=code, count=count, samples=[str(sample) for sample in samples], next=following)
            shown = "\n".join(f"    {sample}" for sample in samples)
            output.say(f"{code}: {count}\n{shown}\n    next: {following}")
        if not found.reasons:
            output.say("no file is put aside")
        planned = 0
        if retry:
            planned = await migration.retry()
            output.say(f"{planned} files are planned again")
        output.summarize(await migration.status(), planned_again=planned)
        return ExitCode.OK

    return command.run(work)


def report(command: Command, folder: str) -> ExitCode:
    """Write the report for auditors."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        paths = await write_report(migration, Path(folder))
        for path in paths:
            output.say(str(path))
        output.summarize(await migration.status(), files=[str(path) for path in paths])
        return ExitCode.OK

    return command.run(work)


def limits(
    command: Command,
    *,
    rate_bytes: int | None = None,
    rate_files: int | None = None,
    concurrency: int | None = None,
    paused: bool | None = None,
) -> ExitCode:
    """Change the limits, and show them."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        await change_limits(
            migration, rate_bytes=rate_bytes, rate_files=rate_files, concurrency=concurrency, paused=paused
        )
        found = asdict(await migration.ledger.limits())
        for name, value in found.items():
            output.say(f"{name.replace('_', ' ')}: {'none' if value is None else value}")
        output.summarize(limits=found)
        return ExitCode.OK

    return command.run(work)


async def change_limits(
    migration: Migration,
    *,
    rate_bytes: int | None = None,
    rate_files: int | None = None,
    concurrency: int | None = None,
    paused: bool | None = None,
) -> None:
    """Change what was given; 0 takes a limit away."""
    await migration.change_limits(LimitsChange(rate_bytes, rate_files, concurrency, paused))

"""Copying: `apply`, `run`, `worker` and `supervisor`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.migration import Migration, MigrationStatus
from s3py_helper.application.migration.working import Worker
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.migration import FileState
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.command import Command
from s3py_helper.entrypoints.cli.migration.operating import change_limits
from s3py_helper.entrypoints.cli.migration.output import Output, counts
from s3py_helper.entrypoints.cli.migration.planning import code_of_plan, write_plan
from s3py_helper.entrypoints.cli.migration.progress import ProgressDisplay
from s3py_helper.entrypoints.cli.running import finishing


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

    def options(self) -> ApplyOptions:
        """The same for the use case."""
        options = ApplyOptions(
            group=self.group, max_bytes=self.max_bytes, max_seconds=self.max_seconds, watch=self.watch
        )
        return options if self.concurrency is None else options.with_concurrency(self.concurrency)


def apply(command: Command, choices: ApplyChoices) -> ExitCode:
    """Copy; the exit code says how it ended."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        if choices.rate_bytes or choices.rate_files:
            await change_limits(migration, rate_bytes=choices.rate_bytes, rate_files=choices.rate_files)
        return await _copied(migration, output, await migration.applier(output.outcome), choices.options())

    return command.run(work)


def work(command: Command, choices: ApplyChoices) -> ExitCode:
    """Copy as one of many workers, through outages; the exit code says how it ended."""

    async def working(migration: Migration, output: Output) -> ExitCode:
        return await _copied(migration, output, await migration.worker(output.outcome), choices.options())

    return command.run(working)


def supervise(command: Command, group: str | None, *, watch: bool) -> ExitCode:
    """Fill the broker until nothing is left to be copied."""

    async def supervising(migration: Migration, output: Output) -> ExitCode:
        supervisor = migration.supervisor()
        with finishing(supervisor.stop) as signalled:
            await supervisor.supervise(group, watch=watch)
        output.say(f"{supervisor.put} shards put into the queue")
        output.summarize(await migration.status(), shards_put=supervisor.put)
        return signalled() or ExitCode.OK

    return command.run(supervising)


async def _copied(migration: Migration, output: Output, copying: Applier | Worker, options: ApplyOptions) -> ExitCode:
    with finishing(copying.stop) as signalled:
        progress = await _watcher(migration, output)(copying, options)
    try:
        status = await migration.status()
    except StorageUnavailableException as error:
        if (code := signalled()) is None:
            raise
        # It was asked to end, and has: what is away now is only what its last words would be taken from.
        output.say(f"{progress.copied} files copied, {progress.bytes} bytes; {error.message}")
        return code
    output.say(f"{progress.copied} files copied, {progress.bytes} bytes; {counts(status)}")
    output.summarize(status)
    return signalled() or code_of_apply(progress, status)


def run_all(command: Command) -> ExitCode:
    """Plan, copy and verify until nothing new turns up."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        watch = _watcher(migration, output)
        codes: list[ExitCode | None] = []

        async def copying(applier: Applier, options: ApplyOptions) -> ApplyProgress:
            with finishing(applier.stop) as signalled:
                progress = await watch(applier, options)
            codes.append(signalled())
            return progress

        result = await migration.run(on_outcome=output.outcome, copying=copying)
        await write_plan(migration, result.plan, output)
        status = await migration.status()
        output.summarize(status, listing_complete=result.plan.complete)
        code = codes[-1] or code_of_apply(result.applied, status)
        if code not in {ExitCode.OK, ExitCode.NOT_FOUND}:
            return code
        planned = code_of_plan(result.plan)
        unverified = bool(result.verified.failed_count or status.files_in(FileState.COPIED))
        return planned or code or (ExitCode.NOT_FOUND if unverified else ExitCode.OK)

    return command.run(work)


def code_of_apply(progress: ApplyProgress, status: MigrationStatus) -> ExitCode:
    """How copying ended."""
    match progress.stopped_by:
        case "interrupted":
            return ExitCode.INTERRUPTED
        case "bytes":
            return ExitCode.BYTES_REACHED
        case "time":
            return ExitCode.TIME_REACHED
        case _:
            return ExitCode.NOT_FOUND if status.files_in(FileState.QUARANTINED) else ExitCode.OK


def _watcher(
    migration: Migration, output: Output
) -> Callable[[Applier | Worker, ApplyOptions], Awaitable[ApplyProgress]]:
    """What copies, and shows meanwhile how it goes."""

    async def watched(applier: Applier | Worker, options: ApplyOptions) -> ApplyProgress:
        display = ProgressDisplay(migration, applier.progress, output)
        applying = asyncio.ensure_future(applier.apply(options))
        try:
            while not (await asyncio.wait([applying], timeout=display.seconds))[0]:
                await display.show()
        except BaseException:  # cancelled: what is under way is stopped at once, and given back
            applying.cancel()
            await asyncio.wait([applying])
            raise
        finally:
            display.close()
        return await applying

    return watched

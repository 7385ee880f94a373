"""After the copies: `verify`, `route`, `drain` and `missing`."""

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Level, Route
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.command import Command
from s3py_helper.entrypoints.cli.migration.ids import lines_of
from s3py_helper.entrypoints.cli.migration.output import Output, counts
from s3py_helper.entrypoints.cli.running import finishing

_SHOWN = 10


def verify(command: Command, read_share: float, group: str | None) -> ExitCode:
    """Verify; 3 where a copy is not what it should be."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        def on_file(file: LedgerFile, level: Level | None, problem: str | None) -> None:
            if problem is not None:
                output.file(file, level=level, reason=problem)
                output.say(f"{file.file_id}: {problem}")
            elif output.each:
                output.file(file, state=FileState.VERIFIED, level=level)

        result = await migration.verify(VerifyOptions(group, read_share), on_file)
        status = await migration.status()
        levels = {str(level): files for level, files in result.levels.items()}
        output.say(
            f"{', '.join(f'{files} {level}' for level, files in levels.items())}; {result.failed_count} failed, "
            f"{result.strangers_count} objects of nobody"
        )
        output.say(counts(status))
        unverified = status.files_in(FileState.COPIED, group=group)
        output.summarize(
            status, levels=levels, unverified=unverified, failed=result.failed_count, strangers=result.strangers_count
        )
        return ExitCode.NOT_FOUND if result.failed_count or unverified else ExitCode.OK

    return command.run(work)


def route(command: Command, group: str, to: str, accepted: tuple[str, ...], *, accept_incomplete: bool) -> ExitCode:
    """Change a route; 4 where that is not safe yet."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        ids = [FileId.parse(text) for text in accepted]
        await migration.route(group, Route(to), accept=ids, accept_incomplete=accept_incomplete)
        output.say(f"{group}: {to}")
        output.summarize(await migration.status(), group=group, route=to)
        return ExitCode.OK

    return command.run(work)


def drain(command: Command, older_than_seconds: float) -> ExitCode:
    """Delete at the source; 3 where files had to be kept."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        def on_kept(file: LedgerFile, reason: str) -> None:
            output.file(file, reason=reason)
            output.say(f"{file.file_id}: kept, {reason}")

        drainer = migration.drainer(on_kept)
        with finishing(drainer.stop) as signalled:
            result = await drainer.drain(older_than_seconds)
        output.say(f"{result.drained} files deleted at the source, {result.too_young} are too young")
        facts = {"drained": result.drained, "bytes": result.bytes, "kept": result.kept_count}
        output.summarize(await migration.status(), **facts, too_young=result.too_young)
        return signalled() or (ExitCode.NOT_FOUND if result.kept_count else ExitCode.OK)

    return command.run(work)


def missing(command: Command, keep: bool | None, file: str | None) -> ExitCode:  # noqa: FBT001 - one choice of three
    """Decide about files whose source has lost them, or show them."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        ids = None if file is None else await _ids_in(file)
        count = (await migration.status()).files_in(FileState.MISSING_AT_SOURCE)
        output.say(f"{count} files are missing at their source")
        async with migration.ledger.files(states=[FileState.MISSING_AT_SOURCE]) as found:
            shown = 0
            async for row in found:
                if shown < _SHOWN:
                    output.say(f"    {row.file_id}")
                elif not output.as_json:
                    break
                output.file(row, reason=row.reason)
                shown += 1
        decided = 0
        if keep is not None:
            decided = await migration.decide_missing(keep=keep, file_ids=ids)
            output.say(f"{decided} {'kept' if keep else 'deleted'}")
        output.summarize(await migration.status(), missing=count, decided=decided)
        return ExitCode.OK

    return command.run(work)


async def _ids_in(file: str) -> list[FileId]:
    ids = [FileId.parse(text) async for line in lines_of(file) if (text := line.strip())]
    if not ids:
        raise InvalidArgumentException(f"{file} has no id in it")
    return ids

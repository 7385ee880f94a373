"""Before anything is copied: `preflight` and `plan`."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.outline import PlanOutline
from s3py_helper.application.migration.planning import PlanOptions, PlanResult
from s3py_helper.application.migration.preflight import Verdict
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.command import Command
from s3py_helper.entrypoints.cli.migration.ids import lines_of, names_in_folder
from s3py_helper.entrypoints.cli.migration.output import Output, size_text, table, time_text
from s3py_helper.entrypoints.container.databases import ids_in_database


@dataclass(frozen=True, slots=True)
class PlanChoices:
    """What `plan` was asked to look at."""

    cluster: bool
    ids: tuple[str, ...]
    folders: tuple[str, ...]
    query: tuple[str, str] | None
    default_group: str | None
    groups: frozenset[str]
    limit: int | None
    accept_difference: int

    def sources(self) -> list[tuple[str, AsyncIterator[str]]]:
        """Ids from elsewhere than the servers, with what messages call them."""
        found = [(name, lines_of(name)) for name in self.ids]
        found += [(folder, names_in_folder(folder)) for folder in self.folders]
        if self.query is not None:
            found.append(("the query", ids_in_database(*self.query)))
        return found


def preflight(command: Command) -> ExitCode:
    """Say what was found; 4 where something has to be mended first."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        found = await migration.preflight()
        for finding in found.findings:
            output.emit("finding", **asdict(finding))
            mend = f"\n         {finding.mend}" if finding.mend else ""
            output.say(f"{finding.verdict:8} {finding.subject}: {finding.says}{mend}")
        gates = sum(finding.verdict is Verdict.GATE for finding in found.findings)
        output.summarize(await migration.status(), gates=gates)
        return ExitCode.REFUSED if gates else ExitCode.OK

    return command.run(work)


def plan(command: Command, choices: PlanChoices) -> ExitCode:
    """Write the ledger; 4 where a listing is not whole, 3 where lines were no ids."""

    async def work(migration: Migration, output: Output) -> ExitCode:
        options = PlanOptions(
            groups=choices.groups,
            cluster=choices.cluster,
            ids=choices.sources(),
            default_group=choices.default_group,
            limit=choices.limit,
            accept_difference=choices.accept_difference,
        )
        result = await migration.plan(options)
        await write_plan(migration, result, output)
        return code_of_plan(result)

    return command.run(work)


def code_of_plan(result: PlanResult) -> ExitCode:
    """4 before 5 before 3."""
    if not result.complete:
        return ExitCode.REFUSED
    if result.unconfirmed:
        return ExitCode.UNAVAILABLE
    return ExitCode.NOT_FOUND if result.unplannable_count else ExitCode.OK


async def write_plan(migration: Migration, result: PlanResult, output: Output) -> None:
    """What was found, what will be copied, and what will not be."""
    outline = await migration.outline()
    for where, number, text in result.unplannable:
        output.unplannable(where, number, text)
    for where, number, text in result.unplannable[:20]:
        output.say(f"unplannable: {where}:{number}: {text}")
    output.say(f"{result.found} files found, {result.new} of them new; {result.gone} ids that no server has")
    if result.unconfirmed:
        output.say(f"{result.unconfirmed} ids whose servers are out of reach: planned, and looked at again when copied")
    for group, shortage in result.shortages.items():
        output.say(f"{group}: {shortage} files fewer than its servers count: see docs/leaving-fastdfs.md")
    for group, surplus in result.surpluses.items():
        output.say(f"{group}: {surplus} files more than its servers count, which is no harm")
    for reason in result.incomplete:
        output.say(f"not whole: {reason}")
    if result.missing:
        output.say(f"{result.missing} files have a copy but are missing at their source: s3py migrate missing")
    for line in _outline_lines(outline):
        output.say(line)
    status = await migration.status()
    output.say(table(status))
    facts = asdict(result)
    del facts["unplannable"], facts["unplannable_count"]
    output.summarize(status, **facts, outline=asdict(outline))
    output.summarize(listing_complete=result.complete, unplannable=result.unplannable_count)


def _outline_lines(outline: PlanOutline) -> list[str]:
    if not outline.files:
        return ["nothing is left to copy"]
    kinds = ", ".join(f"{files} {kind}" for kind, files in outline.kinds.items())
    lines = [f"to copy: {outline.files} files, {size_text(outline.bytes)} ({kinds})"]
    below = ""
    for limit, files, size in outline.sizes:
        name = f"up to {size_text(limit)}" if limit is not None else f"from {below} on"
        below = size_text(limit) if limit is not None else below
        if files:
            lines.append(f"  {name:18} {files:12} files {size_text(size):>12}")
    if outline.unsized:
        lines.append(f"  {'of unknown size':18} {outline.unsized:12} files")
    lines += [f"left out: {files} {what}" for what, files in outline.left_out.items()]
    lines.append(
        f"requests: about {outline.puts} PUT, {outline.heads} HEAD, {outline.lists} LIST; "
        f"time: about {time_text(outline.seconds)}"
    )
    return lines

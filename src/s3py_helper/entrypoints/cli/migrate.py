"""What `s3py migrate` looks like. What its commands do is imported when one is run."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from s3py_helper.entrypoints.cli.exits import ExitCode

if TYPE_CHECKING:
    from s3py_helper.entrypoints.cli.migration.command import Command

migrate = typer.Typer(
    name="migrate",
    help="Leave FastDFS: move its files to S3 while they are used. Read docs/leaving-fastdfs.md first.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ledgers = typer.Typer(name="ledger", help="The ledger itself.", no_args_is_help=True, rich_markup_mode=None)
migrate.add_typer(ledgers)

Ledger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="WHERE",
        help="The ledger, a path or postgresql://...; else S3PY_MIGRATION__LEDGER, or s3py-migration.db.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on each line.")]
Each = Annotated[bool, typer.Option("--each", help="With --json: a line for every file, not only for failures.")]
Group = Annotated[str | None, typer.Option("--group", help="Only this group.")]


class PlanSource(StrEnum):
    """What the servers themselves say."""

    CLUSTER = "cluster"


class RouteChoice(StrEnum):
    """Where old ids of a group are read."""

    FASTDFS = "fastdfs"
    S3_FIRST = "s3-first"
    S3_ONLY = "s3-only"


@migrate.command()
def preflight(ledger: Ledger = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Look at both sides, and say what to mend before anything is copied."""
    from s3py_helper.entrypoints.cli.migration import planning  # noqa: PLC0415 - see above

    _leave(planning.preflight(_command("preflight", ledger, as_json=as_json, makes_ledger=True)))


@migrate.command()
def plan(  # noqa: PLR0913, PLR0917 - one parameter for each option
    sources: Annotated[
        list[PlanSource] | None,
        typer.Option("--from", help="What the servers list; the default without another source."),
    ] = None,
    from_ids: Annotated[
        list[str] | None,
        typer.Option("--from-ids", metavar="FILE", help="Ids or URLs, one a line; - for stdin."),
    ] = None,
    from_data_dir: Annotated[
        list[str] | None,
        typer.Option("--from-data-dir", metavar="GROUP/Mxx=DIR", help="A store path's data folder: group1/M00=/data."),
    ] = None,
    from_sql: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--from-sql", metavar="URL QUERY", help="Ids in the first column of a query: sqlite:///app.db 'select ...'."
        ),
    ] = None,
    default_group: Annotated[
        str | None, typer.Option("--default-group", help="The group of ids that name none.")
    ] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Only these groups.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="At most this many new files.", min=1)] = None,
    accept_difference: Annotated[
        int, typer.Option("--accept-difference", help="How many fewer files than counted are fine.", min=0)
    ] = 0,
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Find out which files there are, and write them into the ledger; nothing else is changed."""
    from s3py_helper.entrypoints.cli.migration import planning  # noqa: PLC0415 - see above

    choices = planning.PlanChoices(
        cluster=bool(sources) or not (from_ids or from_data_dir or from_sql),
        ids=tuple(from_ids or ()),
        folders=tuple(from_data_dir or ()),
        query=from_sql,
        default_group=default_group,
        groups=frozenset(group or ()),
        limit=limit,
        accept_difference=accept_difference,
    )
    _leave(planning.plan(_command("plan", ledger, as_json=as_json, makes_ledger=True), choices))


@migrate.command()
def apply(  # noqa: PLR0913, PLR0917 - one parameter for each option
    concurrency: Annotated[int | None, typer.Option("--concurrency", help="Small files at once.", min=1)] = None,
    rate_bytes: Annotated[int | None, typer.Option("--rate-bytes", help="Bytes a second.", min=1)] = None,
    rate_files: Annotated[int | None, typer.Option("--rate-files", help="Files a second.", min=1)] = None,
    max_bytes: Annotated[
        int | None, typer.Option("--max-bytes", help="End after about this many bytes (exit code 8).", min=1)
    ] = None,
    max_duration: Annotated[
        float | None, typer.Option("--max-duration", help="End after this many seconds (exit code 10).", min=0)
    ] = None,
    group: Group = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with what turns up.")] = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Copy what is planned. Ctrl-C once finishes the files at hand, twice stops at once."""
    from s3py_helper.entrypoints.cli.migration import copying  # noqa: PLC0415 - see above

    choices = copying.ApplyChoices(concurrency, rate_bytes, rate_files, max_bytes, max_duration, group, watch=watch)
    _leave(copying.apply(_command("apply", ledger, as_json=as_json, each=each), choices))


@migrate.command()
def verify(
    sample: Annotated[str | None, typer.Option("--sample", help="Read back a random part as well, e.g. 5%.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Read back everything as well.")] = False,  # noqa: FBT002 - typer calls it
    group: Group = None,
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Look at every copy again: listed, asked for, and read back where wanted."""
    from s3py_helper.entrypoints.cli.migration import leaving  # noqa: PLC0415 - see above

    if everything and sample is not None:
        raise typer.BadParameter("give --sample or --all, not both")
    share = 1.0 if everything else _share(sample)
    _leave(leaving.verify(_command("verify", ledger, as_json=as_json, each=each), share, group))


@migrate.command()
def route(
    group: Annotated[str, typer.Argument(help="The group.")],
    to: Annotated[RouteChoice, typer.Argument(help="Where its old ids are read.")],
    accept_quarantine: Annotated[
        list[str] | None, typer.Option("--accept-quarantine", metavar="ID", help="A quarantined file that may be lost.")
    ] = None,
    accept_incomplete: Annotated[bool, typer.Option("--accept-incomplete", help="No listing was whole.")] = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Say where reads of a group's old ids go; takes effect everywhere within seconds."""
    from s3py_helper.entrypoints.cli.migration import leaving  # noqa: PLC0415 - see above

    command, accepted = _command("route", ledger, as_json=as_json), tuple(accept_quarantine or ())
    _leave(leaving.route(command, group, to.value, accepted, accept_incomplete=accept_incomplete))


@migrate.command()
def drain(
    older_than: Annotated[str, typer.Option("--older-than", help="Verified longer ago than this: 7d, 12h, 30m, 0s.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Delete at the source what was verified, in groups that are read from S3 alone."""
    from s3py_helper.entrypoints.cli.migration import leaving  # noqa: PLC0415 - see above

    seconds = _seconds(older_than)
    if not yes and not typer.confirm("Delete files from FastDFS? There is no way back to it for their groups."):
        _leave(ExitCode.REFUSED)
    _leave(leaving.drain(_command("drain", ledger, as_json=as_json), seconds))


@migrate.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds.")] = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Counts and bytes by group and state, routes and limits."""
    from s3py_helper.entrypoints.cli.migration import operating  # noqa: PLC0415 - see above

    _leave(operating.status(_command("status", ledger, as_json=as_json), watch=watch))


@migrate.command()
def errors(
    retry: Annotated[bool, typer.Option("--retry", help="Plan all quarantined files again.")] = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Reasons of failures and quarantines, with counts, samples, and what to type next."""
    from s3py_helper.entrypoints.cli.migration import operating  # noqa: PLC0415 - see above

    _leave(operating.errors(_command("errors", ledger, as_json=as_json), retry=retry))


@migrate.command()
def missing(
    delete: Annotated[bool, typer.Option("--delete", help="Take them for deleted.")] = False,  # noqa: FBT002 - typer calls it
    keep: Annotated[bool, typer.Option("--keep", help="Keep the copies.")] = False,  # noqa: FBT002 - typer calls it
    file: Annotated[str | None, typer.Argument(help="Ids, one a line; all that are missing by default.")] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Decide what becomes of files whose source has lost them."""
    from s3py_helper.entrypoints.cli.migration import leaving  # noqa: PLC0415 - see above

    if delete and keep:
        raise typer.BadParameter("give --delete or --keep, not both")
    if file is not None and not (delete or keep):
        raise typer.BadParameter("give --delete or --keep with a file")
    command = _command("missing", ledger, as_json=as_json)
    _leave(leaving.missing(command, None if not (delete or keep) else keep, file))


@migrate.command()
def report(
    folder: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Where report.json and report.html go.")],
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Write a report for auditors: counts, proofs, digests of the lists, who did what and when."""
    from s3py_helper.entrypoints.cli.migration import operating  # noqa: PLC0415 - see above

    _leave(operating.report(_command("report", ledger, as_json=as_json), folder))


@migrate.command()
def pause(ledger: Ledger = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Let all workers finish the files at hand, and wait."""
    from s3py_helper.entrypoints.cli.migration import operating  # noqa: PLC0415 - see above

    _leave(operating.limits(_command("pause", ledger, as_json=as_json), paused=True))


@migrate.command()
def resume(ledger: Ledger = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Let all workers go on."""
    from s3py_helper.entrypoints.cli.migration import operating  # noqa: PLC0415 - see above

    _leave(operating.limits(_command("resume", ledger, as_json=as_json), paused=False))


@migrate.command()
def limits(
    rate_bytes: Annotated[
        int | None, typer.Option("--rate-bytes", help="Bytes a second; 0 for no limit.", min=0)
    ] = None,
    rate_files: Annotated[
        int | None, typer.Option("--rate-files", help="Files a second; 0 for no limit.", min=0)
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", help="Small files at once; 0 for the default.", min=0)
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Show the limits, or change them while workers run."""
    from s3py_helper.entrypoints.cli.migration import operating  # noqa: PLC0415 - see above

    command = _command("limits", ledger, as_json=as_json)
    _leave(operating.limits(command, rate_bytes=rate_bytes, rate_files=rate_files, concurrency=concurrency))


@migrate.command()
def run(
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Plan, copy and verify until a plan finds nothing new; changes no route, deletes nothing."""
    from s3py_helper.entrypoints.cli.migration import copying  # noqa: PLC0415 - see above

    _leave(copying.run_all(_command("run", ledger, as_json=as_json, each=each, makes_ledger=True)))


@ledgers.command("copy")
def copy_ledger(
    origin: Annotated[str, typer.Argument(metavar="FROM", help="A SQLite file that nobody has open.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="postgresql://USER@HOST/DATABASE, empty.")],
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Move a ledger to PostgreSQL, whole or not at all; the old one is refused from then on."""
    from s3py_helper.entrypoints.cli.migration import moving  # noqa: PLC0415 - see above

    _leave(moving.copy(origin, destination, as_json=as_json))


def _command(
    verb: str, ledger: str | None, *, as_json: bool, each: bool = False, makes_ledger: bool = False
) -> "Command":
    from s3py_helper.entrypoints.cli.migration.command import Command  # noqa: PLC0415 - see above

    return Command(verb, ledger, as_json, each, makes_ledger)


def _share(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{text!r} is no percentage from 0% to 100%", param_hint="--sample")
    return share


def _seconds(text: str) -> float:
    factors = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = text[:-1], text[-1:]
    if unit not in factors or not number.isdecimal():
        raise typer.BadParameter(f"{text!r} is no time such as 7d, 12h, 30m or 0s", param_hint="--older-than")
    return float(int(number) * factors[unit])


def _leave(code: ExitCode) -> NoReturn:
    raise typer.Exit(code)

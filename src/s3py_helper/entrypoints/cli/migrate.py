"""What `s3py migrate` looks like. What its commands do is imported when one is run."""

from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from s3py_helper.entrypoints.cli.exits import ExitCode

migrate = typer.Typer(
    name="migrate",
    help="Leave FastDFS: move its files to S3 while they are used. Read docs/leaving-fastdfs.md first.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on each line.")]
Each = Annotated[bool, typer.Option("--each", help="With --json: a line for every file, not only for failures.")]
Group = Annotated[str | None, typer.Option("--group", help="Only this group.")]


class RouteChoice(StrEnum):
    """Where old ids of a group are read."""

    FASTDFS = "fastdfs"
    S3_FIRST = "s3-first"
    S3_ONLY = "s3-only"


@migrate.command()
def preflight(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Look at both sides, and say what to mend before anything is copied."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.preflight(as_json=as_json))


@migrate.command()
def plan(
    sources: Annotated[list[str] | None, typer.Option("--from", help="cluster (the default).")] = None,
    from_ids: Annotated[
        list[str] | None,
        typer.Option("--from-ids", metavar="FILE", help="Ids or URLs, one a line; - for stdin."),
    ] = None,
    from_data_dir: Annotated[
        list[str] | None,
        typer.Option("--from-data-dir", metavar="GROUP/Mxx=DIR", help="A store path's data folder: group1/M00=/data."),
    ] = None,
    default_group: Annotated[str | None, typer.Option(help="The group of ids that name none.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Only these groups.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many new files.", min=1)] = None,
    accept_difference: Annotated[int, typer.Option(help="So many files fewer than counted are fine.", min=0)] = 0,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Find out which files there are, and write them into the ledger; nothing else is changed."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    choices = migrating.PlanChoices(
        cluster="cluster" in (sources or []) or not (from_ids or from_data_dir),
        ids=tuple(from_ids or ()),
        folders=tuple(from_data_dir or ()),
        default_group=default_group,
        groups=frozenset(group or ()),
        limit=limit,
        accept_difference=accept_difference,
    )
    _leave(migrating.plan(choices, as_json=as_json))


@migrate.command()
def apply(  # noqa: PLR0913, PLR0917 - one parameter for each option
    concurrency: Annotated[int | None, typer.Option(help="Small files at once.", min=1)] = None,
    rate_bytes: Annotated[int | None, typer.Option(help="Bytes a second.", min=1)] = None,
    rate_files: Annotated[int | None, typer.Option(help="Files a second.", min=1)] = None,
    max_bytes: Annotated[int | None, typer.Option(help="End after about so many bytes (exit code 8).", min=1)] = None,
    max_duration: Annotated[float | None, typer.Option(help="End after so many seconds (exit code 10).", min=0)] = None,
    group: Group = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with what turns up.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Copy what is planned. Ctrl-C once finishes the files at hand, twice stops at once."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    choices = migrating.ApplyChoices(concurrency, rate_bytes, rate_files, max_bytes, max_duration, group, watch=watch)
    _leave(migrating.apply(choices, as_json=as_json, each=each))


@migrate.command()
def verify(
    sample: Annotated[str | None, typer.Option(help="Read back a random part as well, e.g. 5%.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Read back everything as well.")] = False,  # noqa: FBT002 - typer calls it
    group: Group = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Look at every copy again: listed, asked for, and read back where wanted."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.verify(1.0 if everything else _share(sample), group, as_json=as_json, each=each))


@migrate.command()
def route(
    group: Annotated[str, typer.Argument(help="The group.")],
    to: Annotated[RouteChoice, typer.Argument(help="Where its old ids are read.")],
    accept_quarantine: Annotated[
        list[str] | None, typer.Option("--accept-quarantine", metavar="ID", help="A quarantined file that may be lost.")
    ] = None,
    accept_incomplete: Annotated[bool, typer.Option("--accept-incomplete", help="No listing was whole.")] = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Say where reads of a group's old ids go; takes effect everywhere within seconds."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.route(group, to.value, tuple(accept_quarantine or ()), accept_incomplete=accept_incomplete))


@migrate.command()
def drain(
    older_than: Annotated[str, typer.Option("--older-than", help="Verified longer ago than this: 7d, 12h, 30m, 0s.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Delete at the source what was verified, in groups that are read from S3 alone."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    seconds = _seconds(older_than)
    if not yes and not typer.confirm("Delete files from FastDFS? There is no way back to it for their groups."):
        _leave(ExitCode.REFUSED)
    _leave(migrating.drain(seconds, as_json=as_json))


@migrate.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Counts and bytes by group and state, routes and limits."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.status(watch=watch, as_json=as_json))


@migrate.command()
def errors(
    retry: Annotated[bool, typer.Option("--retry", help="Plan all quarantined files again.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Reasons of failures and quarantines, with counts, samples, and what to type next."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.errors(retry=retry, as_json=as_json))


@migrate.command()
def missing(
    delete: Annotated[bool, typer.Option("--delete", help="Take them for deleted.")] = False,  # noqa: FBT002 - typer calls it
    keep: Annotated[bool, typer.Option("--keep", help="Keep the copies.")] = False,  # noqa: FBT002 - typer calls it
    file: Annotated[str | None, typer.Argument(help="Ids, one a line; all that are missing by default.")] = None,
) -> None:
    """Decide what becomes of files whose source has lost them."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    if delete and keep:
        raise typer.BadParameter("give --delete or --keep, not both")
    _leave(migrating.missing(None if not (delete or keep) else keep, file))


@migrate.command()
def report(
    folder: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Where report.json and report.html go.")],
) -> None:
    """Write a report for auditors: counts, proofs, digests of the lists, who did what and when."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.report(folder))


@migrate.command()
def pause() -> None:
    """Let all workers finish the files at hand, and wait."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.limits(paused=True))


@migrate.command()
def resume() -> None:
    """Let all workers go on."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.limits(paused=False))


@migrate.command()
def limits(
    rate_bytes: Annotated[int | None, typer.Option(help="Bytes a second; 0 for no limit.", min=0)] = None,
    rate_files: Annotated[int | None, typer.Option(help="Files a second; 0 for no limit.", min=0)] = None,
    concurrency: Annotated[int | None, typer.Option(help="Small files at once; 0 for the default.", min=0)] = None,
) -> None:
    """Show the limits, or change them while workers run."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.limits(rate_bytes=rate_bytes, rate_files=rate_files, concurrency=concurrency))


@migrate.command()
def run(
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Plan, copy and verify until a plan finds nothing new; changes no route, deletes nothing."""
    from s3py_helper.entrypoints.cli import migrating  # noqa: PLC0415 - see above

    _leave(migrating.run_all(as_json=as_json, each=each))


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

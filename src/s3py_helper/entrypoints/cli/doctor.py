"""What `s3py doctor` looks like; further examinations are commands of their own beside it."""

from typing import Annotated

import typer

from s3py_helper.entrypoints.cli.options import AsJson, leave

doctor = typer.Typer(
    name="doctor", help="Try settings and backends: what works, what does not, what to do.", rich_markup_mode=None
)


@doctor.callback(invoke_without_command=True)
def examine(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="The service as clients reach it: tries what is in front of it, too."
        ),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Try settings and backends: what works, what does not, what to do."""
    if context.invoked_subcommand is not None:
        return
    from s3py_helper.entrypoints.cli import examining  # noqa: PLC0415 - the help shall be instant

    leave(examining.examine(url, as_json=as_json))


@doctor.command()
def links(
    file: Annotated[str, typer.Argument(metavar="FILE", help="URLs, one a line, or an access log; - for stdin.")],
    every: Annotated[bool, typer.Option("--all", help="A line for those, too, that would be answered.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Say which links of FastDFS' nginx module would be answered, by what, and why not."""
    from s3py_helper.entrypoints.cli import link_checks  # noqa: PLC0415 - the help shall be instant

    leave(link_checks.check_links(file, every=every, as_json=as_json))

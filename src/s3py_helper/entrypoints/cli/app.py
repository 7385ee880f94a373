"""What the command line looks like. What the commands do is imported when one is run: `s3py --help` is instant."""

import re
from typing import Annotated

import typer

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.cli.doctor import doctor
from s3py_helper.entrypoints.cli.file_commands import files
from s3py_helper.entrypoints.cli.migrate_workers import migrate
from s3py_helper.entrypoints.cli.options import AsJson, leave

app = typer.Typer(
    name="s3py",
    help="Store, fetch, describe and delete files on S3, FastDFS or the local disk. "
    "The variables S3PY_... or the file .env say which of them, and how to reach it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(files)
app.add_typer(doctor)
app.add_typer(migrate)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - see above

        typer.echo(f"s3py {version('s3py-helper')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Write each step, and tracebacks.")] = False,  # noqa: FBT002 - typer calls it
    version: Annotated[  # noqa: ARG001, FBT002 - typer calls it, and what belongs to it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Write the version and stop.")
    ] = False,
) -> None:
    """What all commands have in common."""
    from s3py_helper.entrypoints.cli.logs import log_to_stderr  # noqa: PLC0415 - see above

    log_to_stderr(verbose=verbose)
    context.obj = verbose


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; another than loopback needs a token.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 for any.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="How many processes serve.", min=1)] = None,
    root_path: Annotated[
        str | None, typer.Option("--root-path", help="Path under which a proxy offers the service.")
    ] = None,
    access_log: Annotated[bool, typer.Option("--access-log/--no-access-log", help="A line for each request.")] = True,  # noqa: FBT002 - typer calls it
) -> None:
    """Run the HTTP service."""
    from s3py_helper.entrypoints.cli import serving  # noqa: PLC0415 - see above

    given = {"host": host, "port": port, "workers": workers, "root_path": root_path}
    leave(serving.serve(access_log=access_log, verbose=bool(context.obj), **given))


@app.command()
def health(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Say how the backends are; fails when new files cannot be stored."""
    from s3py_helper.entrypoints.cli.health import health  # noqa: PLC0415 - see above

    leave(health(as_json=as_json))


@app.command()
def config(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Say which settings are in force, and where each comes from."""
    from s3py_helper.entrypoints.cli import configuring  # noqa: PLC0415 - see above

    leave(configuring.config(as_json=as_json))


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="What to call it: letters, digits and _.")],
    scopes: Annotated[list[Action], typer.Option("--scope", "-s", help="What it permits; may come several times.")],
    folder: Annotated[str | None, typer.Option("--folder", help="The only folder that it reaches.")] = None,
) -> None:
    """Make a token for the service: settings to standard output, the token to standard error."""
    from s3py_helper.entrypoints.cli import tokens  # noqa: PLC0415 - see above

    if not re.fullmatch("[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*", name):
        raise typer.BadParameter("a name has letters, digits and single underscores", param_hint="NAME")
    leave(tokens.make_token(name, scopes, folder))

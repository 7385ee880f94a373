"""What the command line looks like. What the commands do is imported when one is run: `s3py --help` is instant."""

import re
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migrate import migrate

app = typer.Typer(
    name="s3py",
    help="Store, fetch, describe and delete files on S3, FastDFS or the local disk. "
    "The variables S3PY_... or the file .env say which of them, and how to reach it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(migrate)

FileIds = Annotated[list[str], typer.Argument(metavar="ID", help="Ids as upload printed them.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on each line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]


@app.callback()
def options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Write each step, and tracebacks.")] = False,  # noqa: FBT002 - typer calls it
) -> None:
    """What all commands have in common."""
    from s3py_helper.entrypoints.cli.logs import log_to_stderr  # noqa: PLC0415 - see above

    log_to_stderr(verbose=verbose)
    context.obj = verbose


class CompressionChoice(StrEnum):
    """Which files of an archive are compressed."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; another than loopback needs a token.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for any.", min=0, max=65535)] = None,
    access_log: Annotated[bool, typer.Option(help="A line for each request.")] = True,  # noqa: FBT002 - typer calls it
) -> None:
    """Run the HTTP service."""
    from s3py_helper.entrypoints.cli import serving  # noqa: PLC0415 - see above

    _leave(serving.serve(host=host, port=port, access_log=access_log, verbose=bool(context.obj)))


@app.command()
def upload(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files; - is standard input.")],
    name: Annotated[str | None, typer.Option(help="Name to store one file under.")] = None,
    folder: Annotated[str | None, typer.Option(help="Front of the object keys.")] = None,
    bucket: Annotated[str | None, typer.Option(help="Bucket instead of the default one.")] = None,
    content_type: Annotated[str | None, typer.Option(help="Media type; guessed when not given.")] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", "-m", metavar="NAME=VALUE", help="A pair of your own; may come several times."),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    quiet: Quiet = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Store files and print their ids."""
    from s3py_helper.entrypoints.cli import uploading  # noqa: PLC0415 - see above

    if name is not None and len(files) > 1:
        raise typer.BadParameter("one name does not fit several files", param_hint="--name")
    options = uploading.UploadOptions(
        name, folder, bucket, content_type, dict(map(_pair, metadata or [])), as_json=as_json, quiet=quiet
    )
    _leave(uploading.upload(files, options))


@app.command()
def download(
    file_ids: FileIds,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File, folder, or - for standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite files.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    quiet: Quiet = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Fetch files and print where they are."""
    from s3py_helper.entrypoints.cli import downloading  # noqa: PLC0415 - see above

    options = downloading.DownloadOptions(output, overwrite=force, as_json=as_json, quiet=quiet)
    _leave(downloading.download(file_ids, options))


@app.command("zip")
def zip_files(
    file_ids: FileIds,
    output: Annotated[str, typer.Option("--output", "-o", help="File, or - (standard output).")] = "files.zip",
    compression: Annotated[
        CompressionChoice, typer.Option(help="auto leaves alone what is compressed.")
    ] = CompressionChoice.AUTO,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out what cannot be read, and list it.")] = False,  # noqa: FBT002 - typer calls it
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite a file.")] = False,  # noqa: FBT002 - typer calls it
    quiet: Quiet = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Write a zip archive of files."""
    from s3py_helper.entrypoints.cli import zipping  # noqa: PLC0415 - see above

    choices = zipping.ZipChoices(output, compression.value, skip=skip, overwrite=force, quiet=quiet)
    _leave(zipping.zip_files(file_ids, choices))


@app.command()
def info(file_ids: FileIds, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Print what is known of files."""
    from s3py_helper.entrypoints.cli import describing  # noqa: PLC0415 - see above

    _leave(describing.info(file_ids, as_json=as_json))


@app.command()
def delete(file_ids: FileIds, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Remove files and print their ids."""
    from s3py_helper.entrypoints.cli import describing  # noqa: PLC0415 - see above

    _leave(describing.delete(file_ids, as_json=as_json))


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="What to call it: letters, digits and _.")],
    scopes: Annotated[list[Action], typer.Option("--scope", "-s", help="What it permits; may come several times.")],
    folder: Annotated[str | None, typer.Option(help="The only folder that it reaches.")] = None,
) -> None:
    """Make a token for the service: settings to standard output, the token to standard error."""
    from s3py_helper.entrypoints.cli import tokens  # noqa: PLC0415 - see above

    if not re.fullmatch("[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*", name):
        raise typer.BadParameter("a name has letters, digits and single underscores", param_hint="NAME")
    _leave(tokens.make_token(name, scopes, folder))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--metadata")
    return name, value


def _leave(code: ExitCode) -> NoReturn:
    raise typer.Exit(code)

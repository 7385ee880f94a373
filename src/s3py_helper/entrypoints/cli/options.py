"""What several commands are asked for in the same words."""

from typing import Annotated, NoReturn

import typer

from s3py_helper.entrypoints.cli.exits import ExitCode

FileIds = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Ids as upload printed them; - for standard input.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on each line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no counts.")]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Folders, with everything in them.")]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include", metavar="PATTERN", help="With -r: only such files (*.jpg, docs/*); may come several times."
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="With -r: no such files or folders; may come several times."),
]
SkipSame = Annotated[
    bool, typer.Option("--skip-same", help="Leave alone what is there already, by name, size and checksum.")
]
Folder = Annotated[str | None, typer.Option("--folder", help="Front of the object keys.")]
Bucket = Annotated[str | None, typer.Option("--bucket", help="Bucket instead of the default one.")]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", "-m", metavar="NAME=VALUE", help="A pair of your own; may come several times."),
]


def pairs(texts: list[str] | None) -> dict[str, str]:
    """What `--metadata` gave.

    Raises:
        typer.BadParameter: One is no pair.
    """
    found: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--metadata")
        found[name] = value
    return found


def leave(code: ExitCode) -> NoReturn:
    """End the process."""
    raise typer.Exit(code)

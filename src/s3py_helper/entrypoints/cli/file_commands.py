"""The commands that work with files, as the user sees them."""

from enum import StrEnum
from typing import Annotated

import typer

from s3py_helper.entrypoints.cli.options import (
    AsJson,
    Bucket,
    Exclude,
    FileIds,
    Folder,
    Include,
    Metadata,
    Quiet,
    Recursive,
    SkipSame,
    leave,
    pairs,
)

files = typer.Typer()


class CompressionChoice(StrEnum):
    """Which files of an archive are compressed."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@files.command()
def upload(  # noqa: PLR0913, PLR0917 - typer calls it, an option is a parameter
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files, with -r folders; - is standard input.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="Name to store one file under.")] = None,
    folder: Folder = None,
    bucket: Bucket = None,
    content_type: Annotated[
        str | None, typer.Option("--content-type", help="Media type; guessed when not given.")
    ] = None,
    metadata: Metadata = None,
    recursive: Recursive = False,  # noqa: FBT002 - typer calls it
    include: Include = None,
    exclude: Exclude = None,
    skip_same: SkipSame = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    quiet: Quiet = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Store files and print their ids."""
    from s3py_helper.entrypoints.cli import uploading  # noqa: PLC0415 - the help shall be instant
    from s3py_helper.entrypoints.cli.local_tree import Patterns  # noqa: PLC0415

    if name is not None and (len(sources) > 1 or recursive):
        raise typer.BadParameter("one name does not fit several files", param_hint="--name")
    options = uploading.UploadOptions(
        name,
        folder,
        bucket,
        content_type,
        pairs(metadata),
        recursive,
        Patterns(include or (), exclude or ()),
        skip_same=skip_same,
        as_json=as_json,
        quiet=quiet,
    )
    leave(uploading.upload(sources, options))


@files.command()
def download(  # noqa: PLR0913, PLR0917 - typer calls it, an option is a parameter
    file_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID...", help="Ids as upload printed them, with -r folders; - for ids on standard input."
        ),
    ],
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File, folder (name/ makes it), or - for standard output.")
    ] = None,
    bucket: Annotated[str | None, typer.Option("--bucket", help="With -r: bucket instead of the default one.")] = None,
    recursive: Recursive = False,  # noqa: FBT002 - typer calls it
    include: Include = None,
    exclude: Exclude = None,
    skip_same: SkipSame = False,  # noqa: FBT002 - typer calls it
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite files.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    quiet: Quiet = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Fetch files and print where they are."""
    from s3py_helper.entrypoints.cli import downloading  # noqa: PLC0415 - the help shall be instant
    from s3py_helper.entrypoints.cli.local_tree import Patterns  # noqa: PLC0415

    options = downloading.DownloadOptions(
        output,
        bucket,
        recursive,
        Patterns(include or (), exclude or ()),
        skip_same=skip_same,
        overwrite=force,
        as_json=as_json,
        quiet=quiet,
    )
    leave(downloading.download(file_ids, options))


@files.command("ls")
def list_files(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How the object keys begin; all by default.")] = "",
    bucket: Bucket = None,
    long: Annotated[bool, typer.Option("--long", "-l", help="Sizes and times, too.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Print the ids of what is stored."""
    from s3py_helper.entrypoints.cli import listing  # noqa: PLC0415 - the help shall be instant

    leave(listing.list_files(prefix, listing.ListOptions(bucket, long=long, as_json=as_json)))


@files.command()
def cp(
    file_ids: FileIds,
    name: Annotated[str | None, typer.Option("--name", help="Another name for one copy.")] = None,
    folder: Folder = None,
    bucket: Bucket = None,
    metadata: Metadata = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Copy files to where new files go and print the copies' ids."""
    from s3py_helper.entrypoints.cli import copying  # noqa: PLC0415 - the help shall be instant

    if name is not None and len(file_ids) > 1:
        raise typer.BadParameter("one name does not fit several files", param_hint="--name")
    kept = None if metadata is None else pairs(metadata)
    leave(copying.copy(file_ids, copying.CopyOptions(name, folder, bucket, kept, as_json=as_json)))


@files.command()
def link(
    file_ids: FileIds,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it works: 90s, 15m, 1h, at most 7d.")
    ] = "1h",
    name: Annotated[str | None, typer.Option("--name", help="What browsers call the file when they save it.")] = None,
    inline: Annotated[bool, typer.Option("--inline", help="Browsers show the file instead of saving it.")] = False,  # noqa: FBT002 - typer calls it
    service: Annotated[bool, typer.Option("--service", help="Lead to the HTTP service, not to S3 itself.")] = False,  # noqa: FBT002 - typer calls it
    fastdfs: Annotated[  # noqa: FBT002 - typer calls it
        bool, typer.Option("--fastdfs", help="Links as FastDFS' nginx module serves them; never is a TIME for these.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Print links with which anybody can fetch files, on S3 or, with S3PY_LINK_KEYS, from the HTTP service."""
    from s3py_helper.entrypoints.cli import linking  # noqa: PLC0415 - the help shall be instant

    options = linking.LinkOptions(
        expires, name, inline=inline, through_service=service, fastdfs=fastdfs, as_json=as_json
    )
    leave(linking.link(file_ids, options))


@files.command("upload-link")
def link_upload(  # noqa: PLR0913, PLR0917 - typer calls it, an option is a parameter
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="What the files to come are called.")],
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it works: 90s, 15m, 1h, at most 7d.")
    ] = "1h",
    folder: Folder = None,
    bucket: Bucket = None,
    content_type: Annotated[
        str | None, typer.Option("--content-type", help="The only media type that it takes.")
    ] = None,
    metadata: Metadata = None,
    max_size: Annotated[
        int | None, typer.Option("--max-size", help="Most bytes that it takes; links to the service only.", min=0)
    ] = None,
    service: Annotated[bool, typer.Option("--service", help="Lead to the HTTP service, not to S3 itself.")] = False,  # noqa: FBT002 - typer calls it
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Print curl lines with which anybody can store a file, on S3 or, with S3PY_LINK_KEYS, through the HTTP service."""
    from s3py_helper.entrypoints.cli import upload_linking  # noqa: PLC0415 - the help shall be instant

    options = upload_linking.UploadLinkOptions(
        expires, folder, bucket, content_type, pairs(metadata), max_size, through_service=service, as_json=as_json
    )
    leave(upload_linking.link_uploads(names, options))


@files.command("zip")
def zip_files(
    file_ids: FileIds,
    output: Annotated[str, typer.Option("--output", "-o", help="File, or - (standard output).")] = "files.zip",
    compression: Annotated[
        CompressionChoice, typer.Option("--compression", help="auto leaves alone what is compressed.")
    ] = CompressionChoice.AUTO,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out what cannot be read, and say so.")] = False,  # noqa: FBT002 - typer calls it
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite a file.")] = False,  # noqa: FBT002 - typer calls it
    quiet: Quiet = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Write a zip archive of files."""
    from s3py_helper.entrypoints.cli import zipping  # noqa: PLC0415 - the help shall be instant

    choices = zipping.ZipChoices(output, compression.value, skip=skip, overwrite=force, quiet=quiet)
    leave(zipping.zip_files(file_ids, choices))


@files.command()
def info(file_ids: FileIds, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Print what is known of files."""
    from s3py_helper.entrypoints.cli import describing  # noqa: PLC0415 - the help shall be instant

    leave(describing.info(file_ids, as_json=as_json))


@files.command()
def delete(file_ids: FileIds, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer calls it
    """Remove files and print their ids."""
    from s3py_helper.entrypoints.cli import describing  # noqa: PLC0415 - the help shall be instant

    leave(describing.delete(file_ids, as_json=as_json))

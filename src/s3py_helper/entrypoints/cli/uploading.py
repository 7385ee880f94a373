"""`s3py upload`."""

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.local_files import chunks_of_file, chunks_of_pipe, chunks_of_stdin
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM, json_line, write_line
from s3py_helper.entrypoints.cli.progress import Track, progress_bars
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What the user asked for."""

    name: str | None = None
    folder: str | None = None
    bucket: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    as_json: bool = False
    quiet: bool = False


def upload(sources: Sequence[str], options: UploadOptions) -> ExitCode:
    """Store files, and write their ids."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        with progress_bars(wanted=not options.quiet) as track:

            async def one(source: str) -> Callable[[], None]:
                attach = await _store(services, source, options, track)
                return lambda: write_line(json_line(attach) if options.as_json else attach.file_id)

            return await each(sources, one, at_once=settings.concurrent_files)

    return run(work)


async def _store(services: FileServices, source: str, options: UploadOptions, track: Track) -> FileAttach:
    if source == STANDARD_STREAM:
        if options.name is None:
            raise InvalidArgumentException("standard input has no name: give one with --name")
        name, size = options.name, None
        content = chunks_of_stdin(track(name, None))
    else:
        path = Path(source)
        name = options.name or path.name
        size = _size(path)
        content = (chunks_of_pipe if size is None else chunks_of_file)(path, track(name, size))
    return await services.upload_service.upload_stream(
        name, content, size, options.folder, options.bucket, options.metadata, content_type=options.content_type
    )


def _size(path: Path) -> int | None:
    """The number of bytes to expect; a pipe or device has none."""
    status = os.stat(path)  # noqa: PTH116 - unlike Path.stat it names the file as it was given, also when it is ""
    if stat.S_ISDIR(status.st_mode):
        raise InvalidArgumentException(f"{path} is a folder: name its files")
    return status.st_size if stat.S_ISREG(status.st_mode) else None

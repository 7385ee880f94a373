"""`s3py download`."""

import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.local_files import Write, local_name, new_file, write_to_file, write_to_stdout
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM, write_line
from s3py_helper.entrypoints.cli.progress import progress_bars
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What the user asked for.

    Attributes:
        output: A file, a folder, or `-`; `None` is the current folder.
    """

    output: str | None = None
    overwrite: bool = False
    as_json: bool = False
    quiet: bool = False


def download(file_ids: Sequence[str], options: DownloadOptions) -> ExitCode:
    """Fetch files, and write where they are."""
    to_stdout = options.output == STANDARD_STREAM

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        if len(file_ids) > 1 and not to_stdout and not _folder(options.output):
            raise InvalidArgumentException(f"several files need a folder to go to, and {options.output} is none")
        with progress_bars(wanted=not options.quiet) as track:

            async def one(file_id: str) -> Callable[[], None]:
                async with services.download_service.open(file_id) as opened:
                    advance = track(opened.info.file_name or file_id, len(opened.span))
                    async with _destination(opened.info, options) as (write, target):
                        async for chunk in opened.body:
                            await write(chunk)
                            advance(len(chunk))
                return lambda: _report(opened.info, target, options)

            # One after another: their bytes share a stream.
            return await each(file_ids, one, at_once=1 if to_stdout else settings.concurrent_files)

    return run(work)


@contextlib.asynccontextmanager
async def _destination(info: FileBasicInfo, options: DownloadOptions) -> AsyncGenerator[tuple[Write, Path | None]]:
    if options.output == STANDARD_STREAM:
        yield write_to_stdout, None
        return
    folder = _folder(options.output)
    target = folder / local_name(info.file_name) if folder else Path(options.output or "")
    async with new_file(target, overwrite=options.overwrite) as descriptor:
        yield functools.partial(write_to_file, descriptor), target


def _folder(output: str | None) -> Path | None:
    if output is None:
        return Path()
    path = Path(output)
    return path if path.is_dir() or output.endswith("/") else None


def _report(info: FileBasicInfo, target: Path | None, options: DownloadOptions) -> None:
    if target is None:
        return
    if options.as_json:
        write_line(FetchedFile(**info.model_dump(), path=str(target)).model_dump_json(exclude_none=True))
    else:
        write_line(str(target))


class FetchedFile(FileBasicInfo):
    """A file, and where it went."""

    path: str

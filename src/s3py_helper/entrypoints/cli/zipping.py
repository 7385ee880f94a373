"""`s3py zip`."""

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s3py_helper.application.services import FileServices
from s3py_helper.application.zip.options import Compression, OnError
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.local_files import Write, new_file, write_to_file, write_to_stdout
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM, write_line
from s3py_helper.entrypoints.cli.progress import progress_bars
from s3py_helper.entrypoints.cli.running import run
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class ZipChoices:
    """What the user asked for.

    Attributes:
        output: A file, or `-`.
        skip: Leave out what cannot be read, and list it in the archive.
    """

    output: str
    compression: Compression = "auto"
    skip: bool = False
    overwrite: bool = False
    quiet: bool = False


def zip_files(file_ids: Sequence[str], choices: ZipChoices) -> ExitCode:
    """Write an archive of files."""
    on_error: OnError = "skip" if choices.skip else "raise"

    async def work(services: FileServices, _settings: Settings) -> ExitCode:
        plan = await services.download_service.plan_zip(
            [FileDownload(file_id=file_id) for file_id in file_ids], compression=choices.compression, on_error=on_error
        )
        async with contextlib.AsyncExitStack() as stack:
            track = stack.enter_context(progress_bars(wanted=not choices.quiet))
            write: Write = write_to_stdout
            if choices.output != STANDARD_STREAM:
                target = new_file(Path(choices.output), overwrite=choices.overwrite)
                write = functools.partial(write_to_file, await stack.enter_async_context(target))
            advance = track(choices.output, plan.content_length)
            archive = await stack.enter_async_context(contextlib.aclosing(plan.stream()))
            async for chunk in archive:
                await write(chunk)
                advance(len(chunk))
        if choices.output != STANDARD_STREAM:
            write_line(choices.output)
        return ExitCode.OK

    return run(work)

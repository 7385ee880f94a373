"""`s3py zip`."""

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s3py_helper.application.services import FileServices
from s3py_helper.application.streams.local_files import new_file, write_whole
from s3py_helper.application.zip.options import Compression, OnError
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.cli.exits import ExitCode, exit_code
from s3py_helper.entrypoints.cli.given_ids import given_ids
from s3py_helper.entrypoints.cli.local_files import Write, write_to_stdout
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM, say, write_line
from s3py_helper.entrypoints.cli.progress.progress import progress
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


def zip_files(arguments: Sequence[str], choices: ZipChoices) -> ExitCode:
    """Write an archive of files. Where some were left out, the code is that of the first of them."""
    on_error: OnError = "skip" if choices.skip else "raise"
    codes: list[ExitCode] = []

    def left_out(file_id: str, error: StorageException) -> None:
        codes.append(exit_code(error))
        say(f"left out: {error if file_id in str(error) else f'{file_id}: {error}'}")

    async def work(services: FileServices, _settings: Settings) -> ExitCode:
        plan = await services.download_service.plan_zip(
            [FileDownload(file_id=file_id) async for file_id in given_ids(arguments)],
            compression=choices.compression,
            on_error=on_error,
        )
        async with contextlib.AsyncExitStack() as stack:
            to_stdout = choices.output == STANDARD_STREAM
            shown = stack.enter_context(progress(wanted=not choices.quiet and not to_stdout))
            shown.expect(1, plan.content_length)
            write: Write = write_to_stdout
            if not to_stdout:
                target = new_file(Path(choices.output), overwrite=choices.overwrite)
                write = functools.partial(write_whole, await stack.enter_async_context(target))
            advance = stack.enter_context(shown.file(choices.output, plan.content_length))
            archive = await stack.enter_async_context(contextlib.aclosing(plan.stream(left_out)))
            async for chunk in archive:
                await write(chunk)
                advance(len(chunk))
        if not to_stdout:
            write_line(choices.output)
        return next(iter(codes), ExitCode.OK)

    return run(work)

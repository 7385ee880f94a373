"""`s3py download`."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from s3py_helper.application.services import FileServices
from s3py_helper.application.streams.local_files import local_name, new_file, write_whole
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.given_ids import given_ids
from s3py_helper.entrypoints.cli.local_files import Write, write_to_stdout
from s3py_helper.entrypoints.cli.local_tree import Patterns
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM, json_line, say, write_line
from s3py_helper.entrypoints.cli.progress.progress import Progress, progress
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.cli.same_content import same_content
from s3py_helper.entrypoints.cli.stored_tree import StoredFile, stored_files
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What the user asked for.

    Attributes:
        output: A file, a folder, or `-`; `None` is the current folder.
        bucket: Where the folders of `recursive` are.
    """

    output: str | None = None
    bucket: str | None = None
    recursive: bool = False
    patterns: Patterns = field(default_factory=Patterns)
    skip_same: bool = False
    overwrite: bool = False
    as_json: bool = False
    quiet: bool = False

    @property
    def to_stdout(self) -> bool:
        return self.output == STANDARD_STREAM


class FetchedFile(FileBasicInfo):
    """A file, where it is now, and whether it was there already."""

    path: str
    skipped: bool | None = None


def download(arguments: Sequence[str], options: DownloadOptions) -> ExitCode:
    """Fetch files, or all files of folders, and write where they are."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        downloader = _Downloader(services, options, _folder(arguments, options))
        with progress(wanted=not options.quiet and not options.to_stdout) as shown:
            jobs: AsyncIterable[StoredFile] | list[StoredFile]
            if options.recursive:
                jobs = await stored_files(services, arguments, options.bucket, options.patterns)
                shown.expect(len(jobs), sum(job.size for job in jobs))
            else:
                jobs = _by_id(arguments)
                shown.expect(None if STANDARD_STREAM in arguments else len(arguments))

            async def one(job: StoredFile) -> Callable[[], None]:
                fetched = await downloader.fetch(job, shown)
                return lambda: _report(fetched, options)

            # One after another: their bytes share a stream.
            code = await each(jobs, one, at_once=1 if options.to_stdout else settings.concurrent_files)
        if downloader.skipped and not options.quiet:
            say(f"{downloader.skipped} files were there already")
        return code

    return run(work)


class _Downloader:
    """Fetches one file after another.

    Attributes:
        skipped: How many were there already.
    """

    def __init__(self, services: FileServices, options: DownloadOptions, folder: Path | None) -> None:
        self.skipped = 0
        self._service = services.download_service
        self._options = options
        self._folder = folder

    async def fetch(self, job: StoredFile, shown: Progress) -> FetchedFile | None:
        """Fetch a file, unless it is there and shall not be fetched again; `None` where it went to standard output."""
        if self._options.skip_same and not self._options.to_stdout:
            info = await self._service.describe(job.file_id)
            target = self._target(job, info)
            if await same_content(target, info):
                self.skipped += 1
                return FetchedFile(**info.model_dump(), path=str(target), skipped=True)
        async with self._service.open(job.file_id) as opened:
            target = self._target(job, opened.info)
            with shown.file(opened.info.file_name or job.file_id, len(opened.span)) as advance:
                async with self._writing_to(target) as write:
                    async for chunk in opened.body:
                        await write(chunk)
                        advance(len(chunk))
        return None if self._options.to_stdout else FetchedFile(**opened.info.model_dump(), path=str(target))

    def _target(self, job: StoredFile, info: FileBasicInfo) -> Path:
        if self._folder is None:
            return Path(self._options.output or "")
        return self._folder.joinpath(*map(local_name, job.folder.parts), local_name(info.file_name))

    @contextlib.asynccontextmanager
    async def _writing_to(self, target: Path) -> AsyncGenerator[Write]:
        if self._options.to_stdout:
            yield write_to_stdout
            return
        if self._folder is not None:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        async with new_file(target, overwrite=self._options.overwrite) as descriptor:
            yield functools.partial(write_whole, descriptor)


async def _by_id(arguments: Sequence[str]) -> AsyncGenerator[StoredFile]:
    async for file_id in given_ids(arguments):
        yield StoredFile(file_id)


def _folder(arguments: Sequence[str], options: DownloadOptions) -> Path | None:
    """The folder that files go to under their own names; `None` where one file goes to the output as it is named.

    Raises:
        InvalidArgumentException: There may be several files, and the output can take one only.
    """
    output = options.output
    if output is None:
        return Path()
    if options.to_stdout and not options.recursive:
        return None
    path = Path(output)
    if path.is_dir() or output.endswith("/") or (options.recursive and not options.to_stdout):
        return path
    if options.recursive or len(arguments) > 1 or STANDARD_STREAM in arguments:
        instead = "standard output is none" if options.to_stdout else f"{output} is none, {output}/ makes it"
        raise InvalidArgumentException(f"several files need a folder to go to: {instead}")
    return None


def _report(fetched: FetchedFile | None, options: DownloadOptions) -> None:
    if fetched is not None:
        write_line(json_line(fetched) if options.as_json else fetched.path)

"""`s3py upload`."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.files import FileAttach, FileBasicInfo
from s3py_helper.domain.object_key import name_in_key, unescaped
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.local_files import chunks_of_file, chunks_of_pipe, chunks_of_stdin
from s3py_helper.entrypoints.cli.local_tree import LocalFile, Patterns, local_files
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM, json_line, say, write_line
from s3py_helper.entrypoints.cli.progress.progress import Advance, Progress, progress
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.cli.same_content import same_content
from s3py_helper.entrypoints.settings import DEFAULT_ROOT, Settings


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What the user asked for."""

    name: str | None = None
    folder: str | None = None
    bucket: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    recursive: bool = False
    patterns: Patterns = field(default_factory=Patterns)
    skip_same: bool = False
    as_json: bool = False
    quiet: bool = False


class UploadedFile(FileAttach):
    """A file, and whether it was there already."""

    skipped: bool | None = None


def upload(sources: Sequence[str], options: UploadOptions) -> ExitCode:
    """Store files, and write their ids."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        files = await asyncio.to_thread(local_files, sources, options.patterns, recursive=options.recursive)
        uploader = _Uploader(services, options)
        if options.skip_same:
            await uploader.look_around(file for file in files if isinstance(file, LocalFile))
        with progress(wanted=not options.quiet) as shown:
            sizes = [file.size for file in files if isinstance(file, LocalFile)]
            shown.expect(len(files), None if None in sizes else sum(size or 0 for size in sizes))

            async def one(file: LocalFile | Exception) -> Callable[[], None]:
                if isinstance(file, Exception):
                    raise file
                stored = await uploader.store(file, shown)
                return lambda: write_line(json_line(stored) if options.as_json else stored.file_id)

            code = await each(files, one, at_once=settings.concurrent_files)
        if uploader.skipped and not options.quiet:
            say(f"{uploader.skipped} of {len(files)} files were there already")
        return code

    return run(work, partial(_say_where, options))


class _Uploader:
    """Stores one file after another.

    Attributes:
        skipped: How many were there already.
    """

    def __init__(self, services: FileServices, options: UploadOptions) -> None:
        self.skipped = 0
        self._services = services
        self._options = options
        self._there: dict[tuple[str, str], list[FileBasicInfo]] = defaultdict(list)

    async def look_around(self, files: Iterable[LocalFile]) -> None:
        """List what is in the folders that the files would go to."""
        tops = {_joined(self._options.folder, file.folder.partition("/")[0]) for file in files}
        # A folder that lies in another one is listed with it.
        for top in sorted(tops):
            if any(top.startswith(f"{other}/" if other else "") for other in tops - {top}):
                continue
            listing = self._services.list_service.list_files(f"{top}/" if top else "", self._options.bucket)
            async for info in listing:
                folder, _, segment = info.file_id.partition("/")[2].rpartition("/")
                self._there[unescaped(folder), name_in_key(segment)].append(info)

    async def store(self, file: LocalFile, shown: Progress) -> UploadedFile:
        """Store a file, unless it is there and shall not be stored again."""
        options = self._options
        if file.source == STANDARD_STREAM and options.name is None:
            raise InvalidArgumentException("standard input has no name: give one with --name")
        name = options.name or Path(file.source).name
        folder = _joined(options.folder, file.folder)
        if (there := await self._stored_already(file, folder, name)) is not None:
            self.skipped += 1
            facts = there.model_dump(include=set(FileAttach.model_fields) - {"file_name"})
            return UploadedFile(file_name=name, skipped=True, **facts)
        with shown.file(name, file.size) as advance:
            attach = await self._services.upload_service.upload_stream(
                name,
                _chunks_of(file, advance),
                file.size,
                folder or None,
                options.bucket,
                options.metadata,
                content_type=options.content_type,
            )
        return UploadedFile(**attach.model_dump())

    async def _stored_already(self, file: LocalFile, folder: str, name: str) -> FileBasicInfo | None:
        for listed in self._there.get((folder, name), ()):
            if listed.file_size != file.size:
                continue
            info = await self._services.info_service.get_file_info(listed.file_id)
            if await same_content(Path(file.source), info):
                return info
        return None


def _chunks_of(file: LocalFile, advance: Advance) -> AsyncGenerator[bytes]:
    if file.source == STANDARD_STREAM:
        return chunks_of_stdin(advance)
    return (chunks_of_pipe if file.size is None else chunks_of_file)(Path(file.source), advance)


def _joined(folder: str | None, below: str) -> str:
    return "/".join(part for part in ((folder or "").strip("/"), below) if part)


def _say_where(options: UploadOptions, settings: Settings) -> None:
    """Tell what the user might not expect: where files go that nobody has given a place, and what has no effect."""
    new_files = settings.kit_config().policy.new_files
    if not settings.model_fields_set and not DEFAULT_ROOT.exists():
        say(f"there are no settings: files go to the new folder {DEFAULT_ROOT.absolute()}")
    if new_files == Backend.FASTDFS:
        for option, value in (("--bucket", options.bucket), ("--folder", options.folder)):
            if value is not None:
                say(f"{option} has no effect: FastDFS chooses group and name of new files by itself")

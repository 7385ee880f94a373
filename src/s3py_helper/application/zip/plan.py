"""What is found out before the first byte of an archive."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import cast

from s3py_helper.application.concurrency.first_error import first_error_of
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.streams.pacing import Paced
from s3py_helper.application.streams.progress import Progress, reporting, require_progress
from s3py_helper.application.zip.archive import LeftOut, archive_bytes
from s3py_helper.application.zip.encoding import header_when_stored
from s3py_helper.application.zip.format.deflate import stored_blocks_length
from s3py_helper.application.zip.format.records import Content
from s3py_helper.application.zip.format.writer import ArchiveWriter
from s3py_helper.application.zip.lookahead import FILES_AHEAD
from s3py_helper.application.zip.options import ZipOptions, compresses
from s3py_helper.application.zip.source import Source, entry_names
from s3py_helper.domain.arguments import require_iterable, require_optional_text
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.files import FileDownload


@dataclass(frozen=True, slots=True)
class ZipPlan:
    """An archive that can be written.

    Attributes:
        sources: Its files, in order.
        options: How it is made.
        content_length: Its exact size in bytes, where that is known: when every file was asked for beforehand, none is
            compressed and none may be left out.
    """

    sources: Sequence[Source]
    options: ZipOptions
    content_length: int | None = None

    def stream(self, left_out: LeftOut | None = None, *, progress: Progress | None = None) -> AsyncGenerator[bytes]:
        """The archive, piece by piece; see `archive_bytes`. Every call reads the files anew.

        Args:
            left_out: Is called with the id of each file that is left out (`on_error` is `"skip"`), and the reason.
            progress: Called with the bytes of the archive so far and, where it is known, the total.

        Raises:
            InvalidArgumentException: `progress` cannot be called like this.
            FileNotFoundException: A file is missing, and `on_error` is `"raise"`.
            IntegrityException: The bytes of a file are not those that were stored, or it has changed since it was
                planned.
            StorageOperationException: A backend failed. All are raised while the archive is read.
        """
        archive = archive_bytes(self.sources, self.options, left_out)
        return archive if progress is None else reporting(archive, require_progress(progress), self.content_length)


async def plan_archive(files: Iterable[FileDownload], locator: Locator, options: ZipOptions) -> ZipPlan:
    """Check ids and routes of all files, and the files themselves where the options say so.

    Raises:
        InvalidArgumentException: An id or a name is not valid.
        RouteNotSupportedException: A file's backend or bucket is not served here.
        StorageException: A file cannot be read; with `verify_first` only, and unless such files are skipped.
    """
    entries = require_iterable(files, "files", "FileDownload")
    sources = [await _source(entry, locator) async for entry in Paced(entries)]
    if not options.verify_first:
        return ZipPlan(sources, options)
    await _verify(sources, skip=options.on_error == "skip")
    return ZipPlan(sources, options, await exact_length(sources, options))


async def _source(file: object, locator: Locator) -> Source:
    """One entry, from a `FileDownload` or an object that looks like one."""
    try:
        file_id, name = cast("FileDownload", file).file_id, cast("FileDownload", file).file_name
    except AttributeError:
        raise InvalidArgumentException(
            f"an archive is made of FileDownload(file_id=..., file_name=...), got {type(file).__name__}",
            operation="zip",
        ) from None
    return Source(await locator.find(file_id, Purpose.READ), require_optional_text(name, "the name of an entry"))


async def _verify(sources: list[Source], *, skip: bool) -> None:
    """Add each file's description to its source; the first problem is raised, or noted where files may be skipped."""

    async def verify(jobs: Iterator[tuple[int, Source]]) -> None:
        async for index, source in Paced(jobs):
            try:
                sources[index] = replace(source, info=await source.located.info())
            except StorageException as error:
                if not skip:
                    raise
                sources[index] = replace(source, problem=copy(error))

    async def verify_all() -> None:
        jobs = enumerate(sources)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(FILES_AHEAD, len(sources))):
                group.create_task(verify(jobs))

    await first_error_of(verify_all())


async def exact_length(sources: Sequence[Source], options: ZipOptions) -> int | None:
    """The archive's size in bytes; `None` when it cannot be known.

    It can when every file has been described, none is compressed, and none may be left out. The archive is written for
    it without the files' bytes, so the size cannot differ from what is sent later.
    """
    if options.on_error == "skip":
        return None
    names = await entry_names(sources)
    writer = ArchiveWriter()
    async for source in Paced(sources):
        info = source.info
        if info is None or compresses(options.compression, source.name(info), info.content_type):
            return None
        header = header_when_stored(info)
        content = header.content or Content(0, info.size, stored_blocks_length(info.size))
        writer.begin(source.claim_name(names, info), header)
        writer.add(content.compressed_size)
        writer.end(content)
    for _ in writer.finish():
        pass  # only counted
    return writer.offset

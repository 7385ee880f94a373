"""Reading files."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.describe import file_info
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.region import Region
from s3py_helper.application.streams.local_files import local_name, require_path
from s3py_helper.application.streams.progress import Progress, require_progress, telling
from s3py_helper.application.streams.sinks import pour
from s3py_helper.application.to_path import fetch, fetch_resumably
from s3py_helper.application.zip.options import Compression, OnError, ZipOptions
from s3py_helper.application.zip.plan import ZipPlan, plan_archive
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.files import FileBasicInfo, FileDownload


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file whose bytes are on their way.

    Attributes:
        info: What is known of the whole file.
        span: The bytes of the file that come.
        body: Chunks of non-empty `bytes`; they can be read once, and only within the block that opened the file.
        pieces: As of `OpenBlob`, to be read instead of `body`.
    """

    info: FileBasicInfo
    span: Span
    body: AsyncIterator[bytes]
    pieces: AsyncIterator[bytes | Region] | None = None


class DownloadService:
    """Reads files from the backends that their ids name, whole or in part, and packs archives."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    @asynccontextmanager
    async def open(self, file_id: str, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenFile]:
        """Description and bytes together; leaving the block releases the connection, however much was read.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes that came are not those that were stored; raised while they are read.
            StorageOperationException: The backend failed.
        """
        if byte_range is not None:
            require_instance(byte_range, ByteRange, "byte_range")
        located = await self._locator.find(file_id, Purpose.READ)
        async with located.open(byte_range) as blob:
            yield OpenFile(file_info(blob.info, file_id), blob.span, blob.body, blob.pieces)

    @asynccontextmanager
    async def open_bytes(self, file_id: str, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenFile]:
        """As `open`, in fewer requests, for callers who need no name, content type or metadata: these may be missing.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.

        Raises:
            StorageException: As `open`.
        """
        if byte_range is not None:
            require_instance(byte_range, ByteRange, "byte_range")
        located = await self._locator.find(file_id, Purpose.READ)
        async with located.open_bytes(byte_range) as blob:
            yield OpenFile(file_info(blob.info, file_id), blob.span, blob.body, blob.pieces)

    async def describe(self, file_id: str) -> FileBasicInfo:
        """What `open` would tell of the file, without its bytes; refused where downloading it would be.

        Args:
            file_id: The file.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            StorageOperationException: The backend failed.
        """
        located = await self._locator.find(file_id, Purpose.READ)
        return file_info(await located.info(), file_id)

    async def download_bytes(
        self, file_id: str, *, byte_range: ByteRange | None = None, progress: Progress | None = None
    ) -> bytes:
        """The whole file in memory: for small ones.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.
            progress: Is called with the bytes that have come, and their number.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes that came are not those that were stored; none is returned.
            StorageOperationException: The backend failed.
        """
        if byte_range is not None:
            require_instance(byte_range, ByteRange, "byte_range")
        if progress is not None:
            require_progress(progress)
        located = await self._locator.find(file_id, Purpose.READ)
        async with located.open_bytes(byte_range) as blob:
            chunks = [chunk async for chunk in _told(blob, progress)]
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def download_to_stream(
        self,
        file_id: str,
        out: BinaryIO,
        *,
        byte_range: ByteRange | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Write the file to `out` piece by piece; a blocking `out` does not block the event loop.

        Args:
            file_id: The file.
            out: A binary file object, or an object with an `async` `write` (aiofiles); it is not closed.
            byte_range: Which bytes; all by default.
            progress: Is called with the bytes that have come, and their number.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes that came are not those that were stored: what has been written is useless.
            StorageOperationException: The backend failed.
        """
        await pour(self.download_to_generator(file_id, byte_range=byte_range, progress=progress), out)

    async def download_to_path(
        self,
        file_id: str,
        path: str | Path,
        *,
        overwrite: bool = False,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Write the file to the local disk, where it appears under its name when it is whole, or not at all.

        Args:
            file_id: The file.
            path: A file, or a folder that is there: then the file goes into it under its own name, made safe.
            overwrite: Replace a file that is there.
            resume: Keep what has come when the download breaks off, hidden beside the target, and go on behind it in
                the next call. What is put together in several calls is compared with the file's CRC-32, where the
                backend knows it. Files of which nothing tells one version from another are fetched anew.
            progress: Is called with the bytes that have come, and their number.

        Returns:
            Where the file is now.

        Raises:
            FileExistsError: There is such a file on the disk, and it is not to be overwritten.
            OSError: It cannot be written there: Python's own error, and none of storage.
            InvalidArgumentException: The id or the path is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes that came are not those that were stored.
            StorageOperationException: The backend failed.
        """
        target = require_path(path, "the path to write to")
        require_progress(progress)
        located = await self._locator.find(file_id, Purpose.READ)
        named = not await asyncio.to_thread(target.is_dir)
        if named and not resume:
            await fetch(located.open_bytes, target, overwrite=overwrite, progress=progress)
            return target
        info = await located.info()
        if not named:
            target /= local_name(file_info(info, file_id).file_name)
        if resume and (info.etag is not None or info.checksum is not None):
            await fetch_resumably(located.open_bytes, info, target, overwrite=overwrite, progress=progress)
        else:
            await fetch(located.open_bytes, target, overwrite=overwrite, progress=progress)
        return target

    async def download_to_generator(
        self, file_id: str, *, byte_range: ByteRange | None = None, progress: Progress | None = None
    ) -> AsyncGenerator[bytes]:
        """Yield the file piece by piece.

        A caller that stops early should `aclose()` the generator (`contextlib.aclosing`): Python closes an abandoned
        one only when it is collected. Closing is not cut short by a cancellation.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.
            progress: Is called with the bytes that have come, and their number.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes that came are not those that were stored: what has been yielded is useless.
            StorageOperationException: The backend failed.
        """
        if byte_range is not None:
            require_instance(byte_range, ByteRange, "byte_range")
        if progress is not None:
            require_progress(progress)
        located = await self._locator.find(file_id, Purpose.READ)
        opening = located.open_bytes(byte_range)
        blob = await opening.__aenter__()
        try:
            async for chunk in _told(blob, progress):
                yield chunk
        finally:
            await completed(opening.__aexit__(*sys.exc_info()))

    async def download_files_as_zip(
        self,
        files: Iterable[FileDownload],
        out: BinaryIO,
        *,
        compression: Compression = "auto",
        on_error: OnError = "raise",
        verify_first: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Write a zip archive of the files to `out`, which need not be seekable.

        A blocking `out` does not block the event loop. Files of all backends may be mixed; memory stays bounded,
        whatever their number and size. Names are made safe to unpack, missing ones are taken from the files, equal
        ones numbered.

        Args:
            files: The files, in order; one may come more than once.
            out: Where the archive goes. After an error it holds a part of an archive that no reader takes for whole.
            compression: `"auto"` leaves alone what is compressed already (pictures, videos, archives, documents),
                `"never"` everything, `"always"` only what would not get smaller.
            on_error: `"raise"` stops at a file that cannot be read; `"skip"` leaves it out and adds a list of what is
                missing. A file that breaks off after its first MiB stops the archive either way.
            verify_first: Ask for every file before writing anything, so that a missing one is known then.
            progress: Is called with the bytes of the archive so far, and their number where it is known.

        Raises:
            InvalidArgumentException: An id or an option is not valid.
            FileNotFoundException: A file is missing, and `on_error` is `"raise"`.
            RouteNotSupportedException: The backend or bucket of an id is not served here.
            IntegrityException: The bytes of a file are not those that were stored.
            StorageOperationException: A backend failed.
        """
        await pour(
            self._zipped(files, ZipOptions(compression, on_error, verify_first), require_progress(progress)), out
        )

    def stream_zip(
        self,
        files: Iterable[FileDownload],
        *,
        compression: Compression = "auto",
        on_error: OnError = "raise",
        verify_first: bool = False,
        progress: Progress | None = None,
    ) -> AsyncGenerator[bytes]:
        """Yield a zip archive of the files piece by piece; see `download_files_as_zip`.

        The first file has been found before the first piece comes. A caller that stops early should `aclose()` the
        generator.

        Args:
            files: The files, in order; one may come more than once.
            compression: As there.
            on_error: As there.
            verify_first: As there.
            progress: As there.

        Raises:
            InvalidArgumentException: An id or an option is not valid.
            FileNotFoundException: A file is missing, and `on_error` is `"raise"`.
            RouteNotSupportedException: The backend or bucket of an id is not served here.
            IntegrityException: The bytes of a file are not those that were stored.
            StorageOperationException: A backend failed; all are raised while the archive is read.
        """
        return self._zipped(files, ZipOptions(compression, on_error, verify_first), require_progress(progress))

    async def plan_zip(
        self,
        files: Iterable[FileDownload],
        *,
        compression: Compression = "auto",
        on_error: OnError = "raise",
        verify_first: bool = True,
    ) -> ZipPlan:
        """Settle what can be known before a zip archive begins: errors, and its exact size where nothing is compressed.

        Args:
            files: The files, in order; one may come more than once.
            compression: As for `download_files_as_zip`.
            on_error: As there.
            verify_first: As there.

        Returns:
            A plan: `content_length` is `None` when the size cannot be known, `stream()` gives the archive.

        Raises:
            InvalidArgumentException: An id or an option is not valid.
            FileNotFoundException: A file is missing, and `on_error` is `"raise"`.
            RouteNotSupportedException: The backend or bucket of an id is not served here.
            IntegrityException: The bytes of a file are not those that were stored.
            StorageOperationException: A backend failed.
        """
        return await plan_archive(files, self._locator, ZipOptions(compression, on_error, verify_first))

    async def _zipped(
        self, files: Iterable[FileDownload], options: ZipOptions, progress: Progress | None
    ) -> AsyncGenerator[bytes]:
        plan = await plan_archive(files, self._locator, options)
        stream = plan.stream()
        if progress is not None:
            stream = telling(stream, progress, plan.content_length)
        async with aclosing(stream) as archive:
            async for chunk in archive:
                yield chunk


def _told(blob: OpenBlob, progress: Progress | None) -> AsyncIterator[bytes]:
    return blob.body if progress is None else telling(blob.body, progress, len(blob.span))

"""Reading files."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.describe import file_info
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.region import Region
from s3py_helper.application.streams.local_files import local_name, require_path
from s3py_helper.application.streams.progress import Progress, reported, reporting, require_progress
from s3py_helper.application.streams.sinks import pour
from s3py_helper.application.to_path import fetch, fetch_resumably
from s3py_helper.application.zip.archives import Archives
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.files import FileBasicInfo


class OpenFile:
    """A file whose bytes are on their way.

    Args:
        blob: What its backend gives.
        file_id: Its id, as the caller wrote it.

    Attributes:
        span: The bytes of the file that `body` yields.
        body: Chunks of non-empty `bytes`; they can be read once, and only within the block that opened the file.
        pieces: As in `OpenBlob`, to be read instead of `body`.
    """

    def __init__(self, blob: OpenBlob, file_id: str) -> None:
        self.span: Final[Span] = blob.span
        self.body: Final[AsyncIterator[bytes]] = blob.body
        self.pieces: Final[AsyncIterator[bytes | Region] | None] = blob.pieces
        self._described = blob.info
        self._file_id = file_id

    @cached_property
    def info(self) -> FileBasicInfo:
        """What is known of the whole file; made when it is first asked for, as many want bytes only."""
        return file_info(self._described, self._file_id)

    def with_body(self, body: AsyncIterator[bytes]) -> "OpenFile":
        """The same file, whose bytes are read by way of `body`."""
        return OpenFile(OpenBlob(self._described, self.span, body), self._file_id)


class DownloadService(Archives):
    """Reads files from the backends that their ids name, whole or in part, and packs archives."""

    def open(
        self, file_id: str, byte_range: ByteRange | None = None, *, progress: Progress | None = None
    ) -> AbstractAsyncContextManager[OpenFile]:
        """Description and bytes together; leaving the block releases the connection, however much was read.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.
            progress: Called with the bytes received so far and the total.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes received are not those that were stored; raised while they are read.
            StorageOperationException: The backend failed.
        """
        return self._opening(file_id, byte_range, progress, described=True)

    def open_bytes(
        self, file_id: str, byte_range: ByteRange | None = None, *, progress: Progress | None = None
    ) -> AbstractAsyncContextManager[OpenFile]:
        """As `open`, in fewer requests, for callers who need no name, content type or metadata: these may be missing.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.
            progress: Called with the bytes received so far and the total.

        Raises:
            StorageException: As `open`.
        """
        return self._opening(file_id, byte_range, progress, described=False)

    def _opening(
        self, file_id: str, byte_range: ByteRange | None, progress: Progress | None, *, described: bool
    ) -> AbstractAsyncContextManager[OpenFile]:
        if byte_range is not None:
            require_instance(byte_range, ByteRange, "byte_range")
        opening = _Opening(self._locator, file_id, byte_range, described=described)
        return opening if progress is None else _followed(opening, require_progress(progress))

    async def describe(self, file_id: str) -> FileBasicInfo:
        """The description that `open` gives, without the bytes; refused where downloading is.

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
        """The whole file as `bytes`: for small ones.

        Args:
            file_id: The file.
            byte_range: Which bytes; all by default.
            progress: Called with the bytes received so far and the total.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes received are not those that were stored; none is returned.
            StorageOperationException: The backend failed.
        """
        if byte_range is not None:
            require_instance(byte_range, ByteRange, "byte_range")
        if progress is not None:
            require_progress(progress)
        located = await self._locator.find(file_id, Purpose.READ)
        async with located.open_bytes(byte_range) as blob:
            chunks = [chunk async for chunk in _reporting(blob, progress)]
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
            progress: Called with the bytes received so far and the total.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes received are not those that were stored: what has been written is useless.
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
            resume: When the download breaks off, keep what has arrived, hidden beside the target, and continue there in
                the next call. A file that took several calls is compared with its CRC-32, where the backend knows it.
                Files without anything that tells one version from another are fetched anew.
            progress: Called with the bytes received so far and the total.

        Returns:
            Where the file is now.

        Raises:
            FileExistsError: There is such a file on the disk, and it is not to be overwritten.
            OSError: It cannot be written there: Python's own error, not one of storage.
            InvalidArgumentException: The id or the path is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes received are not those that were stored.
            StorageOperationException: The backend failed.
        """
        target = require_path(path, "the path to write to")
        if progress is not None:
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
            progress: Called with the bytes received so far and the total.

        Raises:
            InvalidArgumentException: The id is not valid.
            InvalidRangeException: The file has no byte in the range.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes received are not those that were stored: what has been yielded is useless.
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
            async for chunk in _reporting(blob, progress):
                yield chunk
        finally:
            await completed(opening.__aexit__(*sys.exc_info()))


def _reporting(blob: OpenBlob, progress: Progress | None) -> AsyncIterator[bytes]:
    return blob.body if progress is None else reporting(blob.body, progress, len(blob.span))


class _Opening:
    """Finds and opens a file. A class, because a generator around each small read would be felt."""

    __slots__ = ("_byte_range", "_described", "_file_id", "_locator", "_opened")

    _opened: AbstractAsyncContextManager[OpenBlob]

    def __init__(self, locator: Locator, file_id: str, byte_range: ByteRange | None, *, described: bool) -> None:
        self._locator = locator
        self._file_id = file_id
        self._byte_range = byte_range
        self._described = described

    async def __aenter__(self) -> OpenFile:
        located = await self._locator.find(self._file_id, Purpose.READ)
        opening = located.open(self._byte_range) if self._described else located.open_bytes(self._byte_range)
        blob = await opening.__aenter__()
        self._opened = opening
        return OpenFile(blob, self._file_id)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)


@asynccontextmanager
async def _followed(opening: _Opening, progress: Progress) -> AsyncGenerator[OpenFile]:
    async with opening as opened, reported(opened.body, progress, len(opened.span)) as body:
        yield opened.with_body(body)

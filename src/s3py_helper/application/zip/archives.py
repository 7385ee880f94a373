"""Packing files into archives: the part of `DownloadService` for that."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import BinaryIO

from s3py_helper.application.locator import Locator
from s3py_helper.application.streams.progress import Progress, require_progress
from s3py_helper.application.streams.sinks import pour
from s3py_helper.application.zip.options import Compression, OnError, ZipOptions
from s3py_helper.application.zip.plan import ZipPlan, plan_archive
from s3py_helper.domain.files import FileDownload


class Archives:
    """Packs files of all backends into zip archives."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

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
        whatever their number and size. Names are made safe to unpack, missing ones are taken from the files, and
        equal ones numbered.

        Args:
            files: The files, in order; one may come more than once.
            out: The target. After an error it holds a part of an archive, which no reader takes for whole.
            compression: `"auto"` does not compress what already is (pictures, videos, archives, documents), `"never"`
                nothing, `"always"` everything that gets smaller by it.
            on_error: `"raise"` stops at a file that cannot be read; `"skip"` leaves it out and adds a list of what is
                missing. A file that breaks off after its first MiB stops the archive either way.
            verify_first: Ask for every file before writing anything, so that a missing one is known by then.
            progress: Called with the bytes of the archive so far and, where it is known, the total.

        Raises:
            InvalidArgumentException: An id or an option is not valid.
            FileNotFoundException: A file is missing, and `on_error` is `"raise"`.
            RouteNotSupportedException: The backend or bucket of an id is not served here.
            IntegrityException: The bytes of a file are not those that were stored.
            StorageOperationException: A backend failed.
        """
        archive = self.stream_zip(
            files, compression=compression, on_error=on_error, verify_first=verify_first, progress=progress
        )
        await pour(archive, out)

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

        The first file has been found when the first piece comes. A caller that stops early should `aclose()` the
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
        options = ZipOptions(compression, on_error, verify_first)
        if progress is not None:
            require_progress(progress)
        return self._zipped(files, options, progress)

    async def plan_zip(
        self,
        files: Iterable[FileDownload],
        *,
        compression: Compression = "auto",
        on_error: OnError = "raise",
        verify_first: bool = True,
    ) -> ZipPlan:
        """Find out what can be known before an archive begins: errors, and its exact size where nothing is compressed.

        Args:
            files: The files, in order; one may come more than once.
            compression: As for `download_files_as_zip`.
            on_error: As there.
            verify_first: As there.

        Returns:
            A plan: `content_length` is `None` when the size cannot be known, `stream()` yields the archive.

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
        async with aclosing(plan.stream(progress=progress)) as archive:
            async for chunk in archive:
                yield chunk

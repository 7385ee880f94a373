"""Opening a file so that its reader holds no more than it must."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from s3py_helper.application.download import OpenFile
from s3py_helper.application.ports.region import Region
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.http.limits.slots import Slots

SMALL_FILE: Final = 256 * 1024
"""Bytes that are read as a whole before the first is sent, so that no reader, however slow, keeps a backend busy."""


type Opening = Callable[[str, ByteRange | None], AbstractAsyncContextManager[OpenFile]]
"""`DownloadService.open`, or `DownloadService.open_bytes`."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file whose bytes are on their way or here.

    Attributes:
        info: What is known of the whole file.
        span: The bytes of the file that come.
        body: All of them where they are few, else the chunks or pieces of `OpenFile`.
    """

    info: FileBasicInfo
    span: Span
    body: AsyncIterator[bytes | Region] | bytes


class opened_file:  # noqa: N801 - a context manager, read as what it gives
    """The file, or the part of it, once there is a place in `slots`; a small one needs none.

    How large a file is shows when it is open. Where it then has to wait, it is closed meanwhile: those that wait must
    not hold what those before them need.

    A class, because a generator around each small file would be felt.

    Args:
        opening: Opens it.
        file_id: The file.
        byte_range: Which bytes.
        slots: Places for files that are not small; `None` for any number.
        client: Who asks.
        regions: Whether pieces of it may be regions.
    """

    __slots__ = ("_byte_range", "_client", "_file_id", "_held", "_opening", "_regions", "_slots")

    def __init__(
        self,
        opening: Opening,
        file_id: str,
        byte_range: ByteRange | None,
        slots: Slots | None,
        client: str,
        *,
        regions: bool = False,
    ) -> None:
        self._opening = opening
        self._file_id = file_id
        self._byte_range = byte_range
        self._slots = slots
        self._client = client
        self._regions = regions
        self._held: AsyncExitStack | None = None

    async def __aenter__(self) -> OpenedFile:
        """Open it.

        Raises:
            ServiceBusyException: There was no place in time.
            StorageException: As `DownloadService.open`.
        """
        opening = self._opening(self._file_id, self._byte_range)
        opened = await opening.__aenter__()
        if len(opened.span) > SMALL_FILE:
            return await self._enter_large(opening, opened)
        try:
            chunks = [chunk async for chunk in opened.body]
        except BaseException:  # the block is never entered: nothing else would close it
            await opening.__aexit__(*sys.exc_info())
            raise
        await opening.__aexit__(None, None, None)
        return OpenedFile(opened.info, opened.span, chunks[0] if len(chunks) == 1 else b"".join(chunks))

    async def _enter_large(self, opening: AbstractAsyncContextManager[OpenFile], opened: OpenFile) -> OpenedFile:
        slots, client = self._slots, self._client
        async with AsyncExitStack() as stack:
            stack.push_async_exit(opening)
            if slots is not None and slots.take_now(client):
                stack.callback(slots.release, client)
            elif slots is not None:
                await stack.aclose()
                await stack.enter_async_context(slots.held_by(client))
                opened = await stack.enter_async_context(self._opening(self._file_id, self._byte_range))
            self._held = stack.pop_all()
        return OpenedFile(opened.info, opened.span, _body(opened, regions=self._regions))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, and give its place back."""
        if self._held is not None:
            await self._held.__aexit__(kind, error, trace)


def _body(opened: OpenFile, *, regions: bool) -> AsyncIterator[bytes | Region]:
    return opened.pieces if regions and opened.pieces is not None else opened.body

"""Opening a file so that its reader holds no more than it must."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Final

from starlette.types import Scope

from s3py_helper.application.download import OpenFile
from s3py_helper.application.ports.region import Region
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, takes_regions
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.slots import Slots

SMALL_FILE: Final = 256 * 1024
"""Bytes that are read as a whole before the first is sent, so that no reader, however slow, keeps a backend busy."""

type Body = AsyncIterator[bytes | Region] | bytes
"""All bytes where they are few, else the chunks or pieces of `OpenFile`."""

type Opening = Callable[[str, ByteRange | None], AbstractAsyncContextManager[OpenFile]]
"""`DownloadService.open`, or `DownloadService.open_bytes`."""


type Presented = Callable[[OpenFile, Body, ByteRange | None], SourcedContent]
"""What is sent of a file that is open, by the bytes that come of it, and those that were asked for."""


class opened_file:  # noqa: N801 - a context manager, read as what it gives
    """What is sent of the file, or the part of it, once there is a place in `slots`; a small one needs none.

    How large a file is shows when it is open. Where it then has to wait, it is closed meanwhile: those that wait must
    not hold what those before them need.

    A class, because a generator around each small file would be felt.

    Args:
        opening: Opens it.
        file_id: The file.
        byte_range: Which bytes.
        slots: Places for files that are not small; `None` for any number.
        scope: The request that it is for: its client is who holds the place, its server may take regions.
        presented: Says what is sent of it.
    """

    __slots__ = ("_byte_range", "_file_id", "_held", "_opening", "_presented", "_scope", "_slots")

    def __init__(
        self,
        opening: Opening,
        file_id: str,
        byte_range: ByteRange | None,
        slots: Slots | None,
        scope: Scope,
        presented: Presented,
    ) -> None:
        self._opening = opening
        self._file_id = file_id
        self._byte_range = byte_range
        self._slots = slots
        self._scope = scope
        self._presented = presented
        self._held: AsyncExitStack | None = None

    async def __aenter__(self) -> SourcedContent:
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
        return self._presented(opened, chunks[0] if len(chunks) == 1 else b"".join(chunks), self._byte_range)

    async def _enter_large(self, opening: AbstractAsyncContextManager[OpenFile], opened: OpenFile) -> SourcedContent:
        slots, client = self._slots, client_of(self._scope)
        async with AsyncExitStack() as stack:
            stack.push_async_exit(opening)
            if slots is not None and slots.take_now(client):
                stack.callback(slots.release, client)
            elif slots is not None:
                await stack.aclose()
                await stack.enter_async_context(slots.held_by(client))
                opened = await stack.enter_async_context(self._opening(self._file_id, self._byte_range))
            body = opened.pieces if opened.pieces is not None and takes_regions(self._scope) else opened.body
            content = self._presented(opened, body, self._byte_range)
            self._held = stack.pop_all()
        return content

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, and give its place back."""
        if self._held is not None:
            await self._held.__aexit__(kind, error, trace)

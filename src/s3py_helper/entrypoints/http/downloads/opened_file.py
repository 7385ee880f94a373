"""Opening a file so that its reader holds no more than it must."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
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


@asynccontextmanager
async def opened_file(
    opening: Opening,
    file_id: str,
    byte_range: ByteRange | None,
    slots: Slots | None,
    client: str,
    *,
    regions: bool = False,
) -> AsyncGenerator[OpenedFile]:
    """The file, or the part of it, once there is a place in `slots`; a small one needs none.

    How large a file is shows when it is open. Where it then has to wait, it is closed meanwhile: those that wait must
    not hold what those before them need.

    Args:
        opening: Opens it.
        file_id: The file.
        byte_range: Which bytes.
        slots: Places for files that are not small; `None` for any number.
        client: Who asks.
        regions: Whether pieces of it may be regions.

    Raises:
        ServiceBusyException: There was no place in time.
        StorageException: As `DownloadService.open`.
    """
    async with opening(file_id, byte_range) as opened:
        info, span = opened.info, opened.span
        content: bytes | None = None
        if len(span) <= SMALL_FILE:
            chunks = [chunk async for chunk in opened.body]
            content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        elif slots is None:
            yield OpenedFile(info, span, _body(opened, regions=regions))
            return
        elif slots.take_now(client):
            try:
                yield OpenedFile(info, span, _body(opened, regions=regions))
            finally:
                slots.release(client)
            return
    if content is not None:
        yield OpenedFile(info, span, content)
        return
    assert slots is not None  # noqa: S101 - it is what there was no place in
    async with slots.held_by(client), opening(file_id, byte_range) as opened:
        yield OpenedFile(opened.info, opened.span, _body(opened, regions=regions))


def _body(opened: OpenFile, *, regions: bool) -> AsyncIterator[bytes | Region]:
    return opened.pieces if regions and opened.pieces is not None else opened.body

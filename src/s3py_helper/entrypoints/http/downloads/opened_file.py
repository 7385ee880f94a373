"""Opening a file so that its reader holds no more than it must."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from s3py_helper.application.download import DownloadService, OpenFile
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.entrypoints.http.limits.arriving_body import each_of
from s3py_helper.entrypoints.http.limits.slots import Slots

SMALL_FILE: Final = 256 * 1024
"""Bytes that are read as a whole before the first is sent, so that no reader, however slow, keeps a backend busy."""


@asynccontextmanager
async def opened_file(
    service: DownloadService, file_id: str, byte_range: ByteRange | None, slots: Slots | None, client: str
) -> AsyncGenerator[OpenFile]:
    """The file, or the part of it, once there is a place in `slots`; a small one needs none.

    How large a file is shows when it is open. Where it then has to wait, it is closed meanwhile: those that wait must
    not hold what those before them need.

    Raises:
        ServiceBusyException: There was no place in time.
        StorageException: As `DownloadService.open`.
    """
    async with service.open(file_id, byte_range) as opened:
        chunks = [chunk async for chunk in opened.body] if len(opened.span) <= SMALL_FILE else None
        if chunks is None and slots is None:
            yield opened
            return
        if chunks is None and slots is not None and slots.take_now(client):
            try:
                yield opened
            finally:
                slots.release(client)
            return
    if chunks is not None:
        yield replace(opened, body=each_of(chunks))
        return
    assert slots is not None  # noqa: S101 - it is what there was no place in
    async with slots.held_by(client), service.open(file_id, byte_range) as opened:
        yield opened

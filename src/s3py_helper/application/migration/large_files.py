"""Files that are copied in parts, and continue in the middle after an interruption."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate, pairwise
from typing import Final

from s3py_helper.application.concurrency.room import Room
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, PartDone, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.part_plan import MIB, part_sizes

_PART_SIZE: Final = 16 * MIB
_PARTS_AT_ONCE: Final = 3
"""More would not be faster: three parts keep a server busy, and take 48 MiB of memory."""


class LargeFileCopier:
    """Copies one large file at a time, by ranges of the source.

    Parts that arrived before an interruption are kept: the CRC-32 of the whole, which the target compares at the end,
    proves them as well.
    """

    def __init__(
        self, source: MigrationSource, target: MigrationTarget, ledger: Ledger, pace: Pace, room: Room
    ) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._pace = pace
        self._room = room
        self._under_way: dict[FileId, dict[int, PartDone]] = {}

    @property
    def arrived(self) -> int:
        """Bytes that the target has of the files under way."""
        return sum(part.size for parts in self._under_way.values() for part in parts.values())

    async def copy(self, file: LedgerFile, new: NewObject, server: str | None) -> TargetObject:
        """Store the object, or leave an upload that another attempt continues.

        Raises:
            PreconditionFailedException: An object is there already; the upload is gone.
            IntegrityException: The whole is not what it should be; the upload is gone.
        """
        upload_id, parts = await self._resumed(file, new)
        if upload_id is None:
            upload_id = await self._target.begin(new)
            if not await self._ledger.note_upload(file, upload_id):
                await self._target.abort(new.key, upload_id)
                raise StorageUnavailableException(f"the claim of {file.file_id} was lost meanwhile")
        self._under_way[file.file_id] = parts
        try:
            await self._send_missing(file, new, upload_id, parts, server)
        finally:
            del self._under_way[file.file_id]
        try:
            return await self._target.complete(new, upload_id, [parts[number] for number in sorted(parts)])
        except Exception:  # whatever the target says to all parts, these parts are not tried again
            await self._target.abort(new.key, upload_id)
            await self._ledger.note_upload(file, None)
            raise

    async def _resumed(self, file: LedgerFile, new: NewObject) -> tuple[str | None, dict[int, PartDone]]:
        if file.upload_id is None:
            return None, {}
        try:
            there = await self._target.parts(new.key, file.upload_id)
        except FileNotFoundException:
            return None, {}
        sizes = list(part_sizes(_PART_SIZE, new.size))
        # A part of another size is from an upload that was cut differently.
        good = {
            part.number: part for part in there if part.number <= len(sizes) and part.size == sizes[part.number - 1]
        }
        return file.upload_id, good

    async def _send_missing(
        self, file: LedgerFile, new: NewObject, upload_id: str, parts: dict[int, PartDone], server: str | None
    ) -> None:
        gate = asyncio.Semaphore(_PARTS_AT_ONCE)

        async def send(number: int, start: int, stop: int) -> None:
            async with (
                gate,
                self._room.of(stop - start),
                self._bytes(file, ByteRange(start, stop - 1), server) as chunks,
            ):
                body = IncomingBody(chunks, size=stop - start)
                parts[number] = await self._target.send_part(new.key, upload_id, number, body)

        borders = accumulate(part_sizes(_PART_SIZE, new.size), initial=0)
        try:
            async with asyncio.TaskGroup() as group:
                for number, (start, stop) in enumerate(pairwise(borders), start=1):
                    if number not in parts:
                        group.create_task(send(number, start, stop))
        except BaseExceptionGroup as errors:
            # One error of a file is handled; the others merely follow from it.
            raise errors.exceptions[0] from None

    @asynccontextmanager
    async def _bytes(
        self, file: LedgerFile, byte_range: ByteRange, server: str | None
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        async with self._source.open(file.file_id, byte_range, server=server) as chunks:
            yield self._pace.paced(chunks)

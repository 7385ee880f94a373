"""How far a large file has come shows while it is copied."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from s3py_helper.application.concurrency.room import Room
from s3py_helper.application.migration.large_files import LargeFileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, PartDone, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState
from s3py_helper.domain.part_plan import MIB

pytestmark = pytest.mark.timeout(30)

PART = 16 * MIB
FILE = LedgerFile(FileId.parse("group1/M00/00/00/large.bin"), FileKind.NORMAL, FileState.COPYING, 1, size=2 * PART)


class Source:
    """Gives zeros."""

    @asynccontextmanager
    async def open(
        self, file_id: FileId, byte_range: ByteRange, *, server: str | None
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(PART // MIB):
                yield bytes(MIB)

        yield chunks()


class Target:
    """Takes the first part, and the second when it is told to; the whole fails or not."""

    def __init__(self) -> None:
        self.first_came = asyncio.Event()
        self.go_on = asyncio.Event()

    async def begin(self, new: NewObject) -> str:
        return "upload"

    async def send_part(self, key: str, upload_id: str, number: int, body: IncomingBody) -> PartDone:
        async for _ in body:
            pass
        if number > 1:
            await self.go_on.wait()
        self.first_came.set()
        return PartDone(number, PART, "etag")

    async def complete(self, new: NewObject, upload_id: str, parts: list[PartDone]) -> TargetObject:
        return TargetObject(new.key, new.size, "etag")


class Noting:
    """A ledger, and a pace without limits."""

    async def note_upload(self, claim: LedgerFile, upload_id: str | None) -> bool:
        return True


async def test_the_parts_that_have_arrived_are_counted_until_the_file_ends() -> None:
    target = Target()
    ledger = cast("Ledger", Noting())
    copier = LargeFileCopier(
        cast("MigrationSource", Source()), cast("MigrationTarget", target), ledger, Pace(ledger), Room(4 * PART)
    )
    copying = asyncio.ensure_future(copier.copy(FILE, NewObject("key", 2 * PART, 0, None, None), None))
    await target.first_came.wait()
    while copier.arrived != PART:
        await asyncio.sleep(0)
    target.go_on.set()
    await copying
    assert copier.arrived == 0

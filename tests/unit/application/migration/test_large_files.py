"""Large files go on in the middle, and leave nothing that nobody goes on with."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast, override

import pytest

from s3py_helper.application.concurrency.room import Room
from s3py_helper.application.migration import large_files
from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.large_files import LargeFileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, PartDone, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileState

MIB = 1024 * 1024
FILE_ID = FileId(Backend.FASTDFS, "group1", "M00/00/00/made_up_by_hand.txt")
NEW = NewObject("moved/key", 11 * MIB, 7, "text/plain", None)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "_PART_SIZE", 5 * MIB)


class World:
    """Source, target and ledger; `steps` says what was done, apart from the parts that were sent."""

    def __init__(
        self, there: Sequence[PartDone] | None = None, *, holds: bool = True, refuses: Exception | None = None
    ) -> None:
        self.steps: list[str] = []
        self.sent: list[int] = []
        self._there = there
        self._holds = holds
        self._refuses = refuses

    @asynccontextmanager
    async def open(
        self, _file_id: FileId, byte_range: ByteRange, **_more: object
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            yield bytes((byte_range.last or 0) + 1 - (byte_range.first or 0))

        yield chunks()

    async def parts(self, _key: str, upload_id: str) -> Sequence[PartDone]:
        if self._there is None:
            raise FileNotFoundException(f"no upload {upload_id}")
        return self._there

    async def begin(self, _new: NewObject) -> str:
        self.steps.append("begun")
        return "fresh"

    async def send_part(self, _key: str, _upload_id: str, number: int, body: IncomingBody) -> PartDone:
        size = sum([len(chunk) async for chunk in body])
        self.sent.append(number)
        return PartDone(number, size, f'"{number}"')

    async def complete(self, new: NewObject, upload_id: str, parts: Sequence[PartDone]) -> TargetObject:
        if self._refuses is not None:
            raise self._refuses
        self.steps.append(f"completed {upload_id} of {[(part.number, part.size // MIB) for part in parts]}")
        return TargetObject(new.key, new.size, '"x"')

    async def abort(self, _key: str, upload_id: str) -> None:
        self.steps.append(f"aborted {upload_id}")

    async def note_upload(self, _file: LedgerFile, upload_id: str | None) -> bool:
        self.steps.append(f"noted {upload_id}")
        return self._holds

    async def copied(self, upload_id: str | None = None) -> TargetObject:
        ledger = cast("Ledger", self)
        copier = LargeFileCopier(
            cast("MigrationSource", self), cast("MigrationTarget", self), ledger, Pace(ledger), Room(64 * MIB)
        )
        file = LedgerFile(FILE_ID, kind_of(FILE_ID), FileState.COPYING, 1, size=NEW.size, upload_id=upload_id)
        return await copier.copy(file, NEW, None)


WHOLE = "of [(1, 5), (2, 5), (3, 1)]"


async def test_a_file_is_sent_in_parts_and_completed_in_their_order() -> None:
    world = World()
    await world.copied()
    assert sorted(world.sent) == [1, 2, 3]
    assert world.steps == ["begun", "noted fresh", f"completed fresh {WHOLE}"]


async def test_parts_that_have_arrived_whole_are_not_sent_again() -> None:
    there = [PartDone(1, 5 * MIB, '"1"'), PartDone(2, 4 * MIB, '"2"'), PartDone(4, MIB, '"4"')]
    world = World(there)
    await world.copied("old")
    assert sorted(world.sent) == [2, 3]
    assert world.steps == [f"completed old {WHOLE}"]


async def test_of_an_upload_that_has_its_end_the_rest_is_sent() -> None:
    world = World([PartDone(2, 5 * MIB, '"2"'), PartDone(3, MIB, '"3"')])
    await world.copied("old")
    assert world.sent == [1]
    assert world.steps == [f"completed old {WHOLE}"]


async def test_an_upload_that_is_gone_is_begun_anew() -> None:
    world = World()
    await world.copied("old")
    assert world.steps == ["begun", "noted fresh", f"completed fresh {WHOLE}"]


async def test_a_worker_whose_claim_was_lost_leaves_no_upload() -> None:
    world = World(holds=False)
    with pytest.raises(StorageUnavailableException, match="was lost"):
        await world.copied()
    assert world.steps == ["begun", "noted fresh", "aborted fresh"]
    assert world.sent == []


async def test_parts_that_do_not_make_the_file_are_thrown_away() -> None:
    world = World(refuses=IntegrityException("it is not the file"))
    with pytest.raises(IntegrityException):
        await world.copied()
    assert world.steps == ["begun", "noted fresh", "aborted fresh", "noted None"]


class Slow(World):
    """A target that takes parts slowly.

    Attributes:
        parts_at_once: How many were sent at once, at most.
        arrived: What the copier said of its progress when a part began.
    """

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.parts_at_once = 0
        self.arrived: list[int] = []
        self._sending = 0
        ledger = cast("Ledger", self)
        source, target = cast("MigrationSource", self), cast("MigrationTarget", self)
        self.copier = LargeFileCopier(source, target, ledger, Pace(ledger), room)

    @override
    async def send_part(self, key: str, upload_id: str, number: int, body: IncomingBody) -> PartDone:
        self.arrived.append(self.copier.arrived)
        self._sending += 1
        self.parts_at_once = max(self.parts_at_once, self._sending)
        for _ in range(20):
            await asyncio.sleep(0)
        self._sending -= 1
        return await super().send_part(key, upload_id, number, body)


@pytest.mark.parametrize(("mebibytes", "at_once"), [(64, 3), (11, 2), (6, 1)])
async def test_a_few_parts_are_sent_at_once_as_far_as_there_is_memory(mebibytes: int, at_once: int) -> None:
    room = Room(mebibytes * MIB)
    world, new = Slow(room), replace(NEW, size=25 * MIB)
    file = LedgerFile(FILE_ID, kind_of(FILE_ID), FileState.COPYING, 1, size=new.size)
    await world.copier.copy(file, new, None)
    assert sorted(world.sent) == [1, 2, 3, 4, 5]
    assert world.parts_at_once == at_once
    assert world.arrived == sorted(world.arrived)
    assert (world.arrived[0], world.copier.arrived) == (0, 0)
    assert world.arrived[-1] >= 2 * 5 * MIB
    async with asyncio.timeout(10), room.of(mebibytes * MIB):
        pass  # all of it was given back


async def test_bytes_that_are_missing_of_a_part_are_an_error_and_the_upload_stays() -> None:
    class Short(World):
        @override
        @asynccontextmanager
        async def open(
            self, _file_id: FileId, byte_range: ByteRange, **_more: object
        ) -> AsyncGenerator[AsyncIterator[bytes]]:
            async with super().open(_file_id, byte_range) as chunks:

                async def shorter() -> AsyncIterator[bytes]:
                    async for chunk in chunks:
                        yield chunk[:-1] if byte_range.first else chunk

                yield shorter()

    world = Short()
    with pytest.raises(InvalidArgumentException):
        await world.copied()
    assert world.steps == ["begun", "noted fresh"], "another attempt goes on with it"

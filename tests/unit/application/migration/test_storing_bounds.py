"""What a copy may take: bytes in a second, memory, and requests at once."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from s3py_helper.application.migration import storing
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Limits, PlannedFile
from s3py_helper.application.ports.migration_source import SourceMetadata
from s3py_helper.application.ports.migration_target import NewObject, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind
from tests.support.migration.in_memory import ABLE, CREATED
from tests.support.migration.one_file import CONTENT, CRC32, DESCRIBED, World

pytestmark = pytest.mark.timeout(30)


async def test_a_copy_keeps_to_the_limit_of_bytes(world: World, way: str) -> None:
    await world.ledger.set_limits(Limits(bytes_per_second=1_000_000))
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    claim = await world.claimed(file_id, PlannedFile(file_id, FileKind.NORMAL, len(CONTENT), CRC32, CREATED))
    drawn: list[int] = []

    async def draw(what: str, count: int) -> float:
        assert what == "bytes"
        drawn.append(count)
        return 0.0

    world.ledger.draw = draw  # type: ignore[method-assign]  # an account that is looked into
    pace = Pace(world.ledger)
    pace.set_limits(Limits(bytes_per_second=10))
    copier = FileCopier(world.source, world.target, world.ledger, world.target.abilities, "moved/", pace)
    await world.ledger.record([await copier.copy(claim)])
    assert sum(drawn) == len(CONTENT)


async def test_the_memory_of_a_file_is_taken_before_it_is_fetched_and_given_back(
    world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "_IN_MEMORY", 1)
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    copier = FileCopier(world.source, world.target, world.ledger, ABLE, "moved/", Pace(world.ledger))
    room = copier._storer._room  # noqa: SLF001 - memory is not seen from outside
    taken: list[int] = []
    of, fetch = room.of, world.source.fetch

    def noting(size: int) -> AbstractAsyncContextManager[None]:
        taken.append(size)
        return of(size)

    async def fetching(asked: FileId, size: int) -> tuple[SourceMetadata, bytes] | None:
        assert taken == [len(CONTENT)]
        return await fetch(asked, size)

    monkeypatch.setattr(room, "of", noting)
    monkeypatch.setattr(world.source, "fetch", fetching)
    claim = await world.claimed(file_id, PlannedFile(file_id, FileKind.NORMAL, len(CONTENT), CRC32, CREATED))
    await world.ledger.record([await copier.copy(claim)])
    assert taken == [len(CONTENT)]


async def test_so_many_files_are_sent_at_once_as_the_target_can_take(
    world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [world.source.add(CONTENT, number, described=DESCRIBED) for number in range(8)]
    await world.ledger.plan([PlannedFile(file_id, FileKind.NORMAL, len(CONTENT), CRC32, CREATED) for file_id in ids])
    claims = await world.ledger.claim("a", 9, 60)
    put, sending, most = world.target.put, 0, 0

    async def slow(new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        nonlocal sending, most
        sending += 1
        most = max(most, sending)
        for _ in range(20):
            await asyncio.sleep(0)
        sending -= 1
        return await put(new, content)

    monkeypatch.setattr(world.target, "put", slow)
    copier = FileCopier(world.source, world.target, world.ledger, ABLE, "moved/", Pace(world.ledger))
    copier.allow(3)
    await world.ledger.record(await asyncio.gather(*(copier.copy(claim) for claim in claims)))
    assert len(world.target.contents) == 8
    assert most == (0 if way == "in parts" else 3)

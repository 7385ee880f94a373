"""What a copy leaves in the target, and what it takes for a copy that is there already."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from isal import isal_zlib

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import copying, storing
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome, PlannedFile
from s3py_helper.application.ports.migration_source import SourceFacts, SourceMetadata
from s3py_helper.application.ports.migration_target import NewObject, TargetObject
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import ID_METADATA, METADATA_SUFFIX, MTIME_METADATA, FileKind, FileState, moved_key
from tests.support.migration.in_memory import (
    ABLE,
    CREATED,
    FIRST,
    SECOND,
    Kept,
    MemorySource,
    MemoryTarget,
    appender_id,
    id_of,
)
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(30)

DESCRIBED = SourceMetadata("a.txt", "text/plain", {"author": "somebody"})
RICH = replace(DESCRIBED, metadata={"Author": "in capitals"})
CONTENT = b"some bytes of a file"
THIRD = "127.0.0.5:23000"
CRC32 = isal_zlib.crc32(CONTENT)


@dataclass
class World:
    """Copies a file after planning and claiming it, and says what became of it."""

    source: MemorySource
    target: MemoryTarget
    ledger: SqliteLedger
    observer: Recorder

    async def claimed(self, file_id: FileId, planned: PlannedFile) -> LedgerFile:
        await self.ledger.plan([planned])
        await self.ledger.changed(file_id)
        [claim] = await self.ledger.claim("a", 1, 60)
        return claim

    async def copied(self, file_id: FileId, *, kind: FileKind = FileKind.NORMAL, unplanned: bool = False) -> Outcome:
        kept = self.source.files.get(file_id)
        facts = None if kept is None or unplanned else (len(kept.content), isal_zlib.crc32(kept.content), kept.mtime)
        claim = await self.claimed(
            file_id,
            PlannedFile(file_id, kind, size=facts and facts[0], crc32=facts and facts[1], mtime=facts and facts[2]),
        )
        copier = FileCopier(
            self.source, self.target, self.ledger, self.target.abilities, "moved/", Pace(self.ledger), self.observer
        )
        try:
            outcome = await copier.copy(claim)
        except BaseException:
            await self.ledger.release([claim])
            raise
        assert (outcome.file_id, outcome.fence) == (file_id, claim.fence)
        assert copier.arrived() == 0
        await self.ledger.record([outcome])
        await self.ledger.release([claim])
        return outcome


@pytest.fixture
def world(source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, observer: Recorder) -> World:
    return World(source, target, ledger, observer)


def stored(file_id: FileId, described: SourceMetadata = DESCRIBED, content: bytes = CONTENT) -> TargetObject:
    """The object of a moved file."""
    return TargetObject(
        moved_key("moved/", file_id),
        len(content),
        f'"{isal_zlib.crc32(content):08x}"',
        isal_zlib.crc32(content),
        described.content_type,
        described.file_name,
        {**described.metadata, ID_METADATA: str(file_id), MTIME_METADATA: str(CREATED)},
    )


def outcome_of(file_id: FileId, outcome: Outcome, proof: str, kind: FileKind = FileKind.NORMAL) -> Outcome:
    """The outcome of a copy that went well."""
    there = stored(file_id)
    return Outcome(
        file_id, outcome.fence, FileState.COPIED, size=there.size, crc32=CRC32, mtime=CREATED, kind=kind, proof=proof,
        key=there.key, etag=there.etag,
    )  # fmt: skip


@pytest.fixture(params=["small", "streamed", "in parts"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How a file is copied, by its size."""
    if request.param != "small":
        monkeypatch.setattr(copying, "_FETCHED_BYTES", 1)
    if request.param == "in parts":
        monkeypatch.setattr(storing, "SINGLE_PUT_BYTES", len(CONTENT) - 1)
    else:
        monkeypatch.setattr(storing, "SINGLE_PUT_BYTES", len(CONTENT))
    return cast("str", request.param)


async def test_a_file_is_stored_as_it_is(world: World, way: str) -> None:
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    outcome = await world.copied(file_id)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
    key = moved_key("moved/", file_id)
    assert world.target.objects == {key: stored(file_id)}
    assert world.target.contents == {key: CONTENT}
    ways = {"in parts": [f"began {key}", "sent part 1", f"stored {key}"]}
    assert world.target.done == ways.get(way, [f"stored {key}"])
    assert world.observer.events == []
    asked = {"small": [], "streamed": ["bytes of the source"], "in parts": ["bytes of the source"]}[way]
    assert world.source.asked == [*asked, f"facts of {file_id.key}"]


async def test_what_headers_cannot_hold_is_stored_first(world: World, way: str) -> None:
    file_id = world.source.add(CONTENT, described=RICH)
    outcome = await world.copied(file_id)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
    key = moved_key("moved/", file_id)
    begun = [f"began {key}", "sent part 1"] if way == "in parts" else []
    assert world.target.done == [f"stored {key}{METADATA_SUFFIX}", *begun, f"stored {key}"]
    more = b'{"metadata": {"Author": "in capitals"}}'
    assert world.target.contents == {key: CONTENT, key + METADATA_SUFFIX: more}
    second = world.target.objects[key + METADATA_SUFFIX]
    assert (second.content_type, second.file_name, second.metadata) == (
        "application/json", None, {ID_METADATA: str(file_id)}
    )  # fmt: skip


async def test_a_second_object_that_is_there_stays_and_an_outdated_one_is_replaced(world: World) -> None:
    file_id = world.source.add(CONTENT, described=RICH)
    await world.copied(file_id)
    key = moved_key("moved/", file_id)
    world.target.done.clear()
    await world.copied(file_id)
    assert world.target.done == [], "both are there"
    for described in (replace(RICH, metadata={"Author": "another"}), replace(RICH, metadata={"Author": "anothex"})):
        world.source.files[file_id].described = described
        await world.copied(file_id)
        assert world.target.contents[key + METADATA_SUFFIX].decode() == (
            f'{{"metadata": {{"Author": "{described.metadata["Author"]}"}}}}'
        )


def in_trunk(content: bytes) -> FileId:
    """An id of a file that lies within a trunk file: the place in it is a part of the name."""
    file_id = id_of(content, flags=1 << 59)
    return replace(file_id, key=f"{file_id.key[:-7]}{'A' * 16}{file_id.key[-7:]}")


async def test_the_id_of_a_file_within_a_trunk_file_proves_its_copy(world: World) -> None:
    file_id = in_trunk(CONTENT)
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    outcome = await world.copied(file_id, kind=FileKind.TRUNK)
    assert outcome == outcome_of(file_id, outcome, "crc32:id", FileKind.TRUNK)


@pytest.mark.parametrize("kind", [FileKind.SLAVE, FileKind.APPENDER])
async def test_what_its_server_has_no_sum_of_is_read_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: FileKind
) -> None:
    file_id = id_of(CONTENT, tail="_150x150.jpg") if kind is FileKind.SLAVE else appender_id()
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    facts = world.source.facts

    async def unsummed(file_id: FileId) -> SourceFacts:
        return replace(await facts(file_id), crc32=None)

    monkeypatch.setattr(world.source, "facts", unsummed)
    outcome = await world.copied(file_id, kind=kind, unplanned=True)
    assert (outcome.state, outcome.proof, outcome.kind) == (FileState.COPIED, "two-reads", kind)


@pytest.mark.parametrize(
    ("kind", "tail", "proof"),
    [
        (FileKind.NORMAL, ".txt", "crc32:id"),
        (FileKind.SLAVE, "_150x150.jpg", "crc32:server"),
        (FileKind.SAME_SHAPE, "-big", "two-reads"),
    ],
)
@pytest.mark.parametrize("checks", [True, False])
async def test_each_kind_has_its_proof(world: World, kind: FileKind, tail: str, proof: str, checks: bool) -> None:
    world.target.abilities = replace(ABLE, checks_crc32=checks)
    file_id = id_of(CONTENT, tail=tail)
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    outcome = await world.copied(file_id, kind=kind)
    assert outcome == outcome_of(file_id, outcome, proof if checks else f"{proof}+read-back", kind)
    # The second read is of another server: what one has damaged would agree with itself.
    reads = [question for question in world.source.asked if question.startswith("bytes")]
    assert reads == ([f"bytes of {SECOND}", "bytes of the source"] if kind is FileKind.SAME_SHAPE else reads)


async def test_an_empty_file_is_copied_without_asking_for_its_bytes(world: World) -> None:
    file_id = world.source.add(b"", described=DESCRIBED)
    outcome = await world.copied(file_id)
    assert (outcome.state, outcome.proof, outcome.size) == (FileState.COPIED, "crc32:empty", 0)
    assert world.target.contents == {moved_key("moved/", file_id): b""}
    assert "bytes of the source" not in world.source.asked


async def test_servers_of_a_doubtful_slave_that_differ_are_not_copied(world: World) -> None:
    file_id = id_of(CONTENT, tail="-big")
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED, elsewhere=CONTENT[:-1] + b"?")
    assert (await world.copied(file_id, kind=FileKind.SAME_SHAPE)).state is FileState.QUARANTINED
    world.source.files[file_id].elsewhere = CONTENT + b"?"
    outcome = await world.copied(file_id, kind=FileKind.SAME_SHAPE)
    assert (outcome.reason or "").startswith("corrupt: its servers do not agree")
    assert world.target.objects == {}


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("damage", [CONTENT[:-1] + b"?", CONTENT + b"?", CONTENT[:-1], b""])
async def test_a_damaged_file_is_copied_from_another_server(
    world: World, way: str, damage: bytes, checks: bool
) -> None:
    world.target.abilities = replace(ABLE, checks_crc32=checks)
    file_id = id_of(CONTENT)
    world.source.files[file_id] = Kept(damage, RICH, elsewhere=CONTENT)
    outcome = await world.copied(file_id)
    assert outcome.state is FileState.COPIED
    assert (outcome.size, outcome.crc32) == (len(CONTENT), CRC32)
    key = moved_key("moved/", file_id)
    assert world.target.contents == {
        key: CONTENT, key + METADATA_SUFFIX: b'{"metadata": {"Author": "in capitals"}}'
    }  # fmt: skip
    [event] = world.observer.events
    assert isinstance(event, FailedOver)
    assert (event.backend, event.server, event.instead) == (Backend.FASTDFS, FIRST, SECOND)


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("damage", [CONTENT[:-1] + b"?", b"?" + CONTENT])
@pytest.mark.parametrize("servers", [(FIRST,), (FIRST, SECOND)])
async def test_a_file_that_is_damaged_everywhere_is_put_aside(
    world: World, way: str, damage: bytes, checks: bool, servers: tuple[str, ...]
) -> None:
    world.target.abilities = replace(ABLE, checks_crc32=checks)
    world.source.servers["group1"] = servers
    file_id = id_of(CONTENT)
    world.source.files[file_id] = Kept(damage, DESCRIBED)
    outcome = await world.copied(file_id)
    if len(damage) != len(CONTENT) and len(servers) == 2:
        # All agree on another size: it is a slave that has the name of a master.
        assert (outcome.state, outcome.size) == (FileState.COPIED, len(damage))
        return
    assert (outcome.state, outcome.failed) == (FileState.QUARANTINED, False)
    assert (outcome.reason or "").startswith("corrupt: ")
    assert world.target.objects == {}
    assert world.observer.events == []


class ThreeServers(MemorySource):
    """The source and the first stand-in have other bytes than the last."""

    def __init__(self, damaged: bytes | None, second: bytes | None = None) -> None:
        super().__init__(servers={"group1": (FIRST, SECOND, THIRD)})
        self.damaged = damaged
        self.second = damaged if second is None else second

    async def fetch(self, file_id: FileId, size: int) -> None:
        """Too large to be fetched at once."""

    @asynccontextmanager
    async def open(
        self, file_id: FileId, byte_range: ByteRange | None = None, *, server: str | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        self.asked.append(f"bytes of {server or 'the source'}")
        if server == SECOND and self.second is None:
            raise FileNotFoundException("not here")
        by_server = {SECOND: self.second, THIRD: CONTENT}
        content = by_server.get(server or FIRST, self.damaged) or b"?" + CONTENT[1:]

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        yield chunks()


@pytest.mark.parametrize("damaged", [b"?" + CONTENT[1:], CONTENT[:-1], None], ids=["other", "fewer", "none"])
async def test_every_server_is_tried_until_one_has_the_right_bytes(
    target: MemoryTarget, ledger: SqliteLedger, observer: Recorder, damaged: bytes | None
) -> None:
    world = World(ThreeServers(damaged), target, ledger, observer)
    file_id = world.source.add(CONTENT)
    assert (await world.copied(file_id)).state is FileState.COPIED
    assert target.contents == {moved_key("moved/", file_id): CONTENT}
    [event] = observer.events
    assert isinstance(event, FailedOver)
    assert (event.server, event.instead) == (FIRST, THIRD)
    assert event.reason.startswith("damaged: ")


@pytest.mark.parametrize(("second", "is_copied"), [(CONTENT, True), (b"?" + CONTENT[1:], False)])
async def test_of_a_file_without_a_known_sum_two_servers_must_have_the_same_bytes(
    target: MemoryTarget, ledger: SqliteLedger, observer: Recorder, second: bytes, is_copied: bool
) -> None:
    world = World(ThreeServers(b"!" + CONTENT[1:], second), target, ledger, observer)
    file_id = world.source.add(CONTENT, file_id=id_of(CONTENT, tail="-big"))
    outcome = await world.copied(file_id, kind=FileKind.SAME_SHAPE)
    assert outcome.state is (FileState.COPIED if is_copied else FileState.QUARANTINED)
    assert list(target.contents.values()) == [CONTENT] * is_copied
    reads = [question for question in world.source.asked if question.startswith("bytes")]
    assert reads == [f"bytes of {THIRD}", "bytes of the source", f"bytes of {SECOND}"], "no server proves itself"


async def test_an_appender_is_read_from_its_source_alone(world: World) -> None:
    file_id = appender_id()
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED, elsewhere=CONTENT)
    world.target.spoils = True
    world.target.abilities = replace(ABLE, checks_crc32=False)
    assert (await world.copied(file_id, kind=FileKind.APPENDER)).state is FileState.QUARANTINED
    assert [question for question in world.source.asked if question.startswith("bytes")] == ["bytes of the source"]


async def test_what_a_target_has_spoilt_is_deleted_and_no_copy(world: World, way: str) -> None:
    world.target.abilities = replace(ABLE, checks_crc32=False)
    world.target.spoils = True
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    outcome = await world.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert (outcome.reason or "").startswith("corrupt: the target has stored other bytes than were sent")
    assert world.target.objects == {}


type Refusing = Callable[[str], AbstractAsyncContextManager[AsyncIterator[bytes]]]


async def test_a_target_that_finds_its_own_object_wrong_has_no_copy(
    world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_key: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise IntegrityException("the object is not what its checksum tells")

    monkeypatch.setattr(world.target, "open", refusing)
    world.target.abilities = replace(ABLE, checks_crc32=False)
    outcome = await world.copied(world.source.add(CONTENT, described=DESCRIBED))
    assert outcome.state is FileState.QUARANTINED
    assert world.target.objects == {}


@pytest.fixture(params=[True, False], ids=["refuses to overwrite", "overwrites"])
def adopting(request: pytest.FixtureRequest, world: World) -> World:
    world.target.abilities = replace(ABLE, refuses_overwriting=request.param)
    return world


async def there(world: World, content: bytes = CONTENT, **differing: Any) -> FileId:
    """A file whose key has an object already."""
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    key = moved_key("moved/", file_id)
    world.target.objects[key] = replace(stored(file_id, content=content), **differing)
    world.target.contents[key] = content
    return file_id


@pytest.mark.parametrize("summed", [True, False])
async def test_the_copy_of_an_earlier_attempt_is_adopted(adopting: World, way: str, summed: bool) -> None:
    file_id = await there(adopting) if summed else await there(adopting, crc32=None)
    outcome = await adopting.copied(file_id)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
    assert f"stored {moved_key('moved/', file_id)}" not in adopting.target.done


OTHERWISE: list[dict[str, Any]] = [
    {"file_name": "b.txt"},
    {"file_name": None},
    {"content_type": "text/css"},
    {"author": "nobody"},
]


@pytest.mark.parametrize("differing", OTHERWISE)
async def test_a_copy_that_is_described_otherwise_is_replaced(
    adopting: World, way: str, differing: dict[str, Any]
) -> None:
    differing = dict(differing)
    if author := differing.pop("author", None):
        pairs = stored(adopting.source.add(CONTENT, described=DESCRIBED)).metadata
        differing["metadata"] = {**pairs, "author": author}
    file_id = await there(adopting, **differing)
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.COPIED
    assert adopting.target.objects == {moved_key("moved/", file_id): stored(file_id)}


async def test_a_type_that_the_target_made_up_is_no_difference(adopting: World) -> None:
    file_id = adopting.source.add(CONTENT, described=SourceMetadata(None, None, {}))
    await adopting.copied(file_id)
    key = moved_key("moved/", file_id)
    adopting.target.objects[key] = replace(adopting.target.objects[key], content_type="binary/octet-stream")
    adopting.target.done.clear()
    assert (await adopting.copied(file_id)).state is FileState.COPIED
    assert adopting.target.done == []


@pytest.mark.parametrize(
    ("differing", "says"),
    [
        ({"metadata": {}}, "conflict: another object has the key"),
        ({"metadata": {ID_METADATA: "group1/M00/00/00/another.txt"}}, "conflict: another object has the key"),
        ({"size": 7}, "has 7 bytes with another checksum"),
        ({"crc32": 7}, f"has {len(CONTENT)} bytes with another checksum"),
        ({"etag": None, "file_name": "b.txt"}, f"has {len(CONTENT)} bytes"),
    ],
)
async def test_an_object_that_is_not_the_copy_is_left_alone(
    adopting: World, way: str, differing: dict[str, Any], says: str
) -> None:
    file_id = await there(adopting, **differing)
    before = dict(adopting.target.objects)
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert says in (outcome.reason or "")
    assert adopting.target.objects == before


async def test_an_object_without_a_sum_is_read_back_before_it_is_adopted(adopting: World) -> None:
    file_id = await there(adopting, CONTENT[:-1] + b"?", crc32=None)
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert adopting.target.opened == 0


async def test_a_copy_that_was_found_wrong_is_read_back_and_replaced(adopting: World, way: str) -> None:
    file_id = adopting.source.add(CONTENT, described=DESCRIBED)
    await adopting.copied(file_id)
    key = moved_key("moved/", file_id)
    adopting.target.contents[key] = CONTENT[:-1] + b"?"  # whatever the target says of it
    adopting.target.done.clear()
    assert (await adopting.copied(file_id)).state is FileState.COPIED
    assert adopting.target.contents == {key: CONTENT}
    adopting.target.done.clear()
    assert (await adopting.copied(file_id)).state is FileState.COPIED
    assert f"stored {key}" not in adopting.target.done, "it is right"


async def test_a_copy_in_whose_place_something_else_lies_is_left_alone(adopting: World, way: str) -> None:
    file_id = adopting.source.add(CONTENT, described=DESCRIBED)
    await adopting.copied(file_id)
    key = moved_key("moved/", file_id)
    another = replace(adopting.target.objects[key], etag='"another"', crc32=7)
    adopting.target.objects[key] = another
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert (outcome.reason or "").startswith("conflict: ")
    assert adopting.target.objects == {key: another}


async def test_an_outdated_copy_of_an_appender_is_replaced(adopting: World, way: str) -> None:
    file_id = appender_id()
    adopting.source.files[file_id] = Kept(b"as it was", DESCRIBED)
    await adopting.copied(file_id, kind=FileKind.APPENDER)
    # The entry of the earlier copy was lost: nobody knows its ETag.
    await adopting.ledger._write("update file set etag = null")  # noqa: SLF001 - there is no other way to lose it
    key = moved_key("moved/", file_id)
    adopting.source.files[file_id].content = CONTENT
    outcome = await adopting.copied(file_id, kind=FileKind.APPENDER)
    assert (outcome.state, outcome.size) == (FileState.COPIED, len(CONTENT))
    assert adopting.target.contents == {key: CONTENT}


async def test_an_object_that_somebody_else_changes_meanwhile_is_left_for_another_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = await there(world, file_name="b.txt")
    key = moved_key("moved/", file_id)
    put = world.target.put

    async def after_another(new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        if new.replaces is not None:
            world.target.objects[key] = replace(world.target.objects[key], etag='"of another"')
        return await put(new, content)

    monkeypatch.setattr(world.target, "put", after_another)
    with pytest.raises(StorageUnavailableException, match="was changed by somebody else meanwhile"):
        await world.copied(file_id)
    assert world.target.contents == {key: CONTENT}


async def test_an_object_that_goes_away_meanwhile_is_left_for_another_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = await there(world, file_name="b.txt")

    async def gone(_key: str) -> None:
        return None

    monkeypatch.setattr(world.target, "head", gone)
    with pytest.raises(StorageUnavailableException, match="was changed by somebody else meanwhile"):
        await world.copied(file_id)


@pytest.mark.parametrize(("away", "state", "failed"), [(False, FileState.GONE, False), (True, FileState.PLANNED, True)])
@pytest.mark.parametrize("unplanned", [True, False])
async def test_a_file_that_its_source_lacks_is_gone_or_waits(
    world: World, way: str, away: bool, unplanned: bool, state: FileState, failed: bool
) -> None:
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    facts = PlannedFile(file_id, FileKind.NORMAL, len(CONTENT), CRC32, CREATED)
    await world.ledger.plan([PlannedFile(file_id, FileKind.NORMAL) if unplanned else facts])
    del world.source.files[file_id]
    world.source.down = {file_id} if away else set()
    outcome = await world.copied(file_id, unplanned=True)
    assert (outcome.state, outcome.failed) == (state, failed)
    assert world.target.objects == {}


@pytest.mark.parametrize(("away", "state", "failed"), [(False, FileState.GONE, False), (True, FileState.PLANNED, True)])
async def test_a_file_that_goes_before_its_bytes_are_read_is_gone_or_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, away: bool, state: FileState, failed: bool
) -> None:
    file_id = id_of(CONTENT, tail="_150x150.jpg")
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)

    async def described_and_gone(file_id: FileId) -> SourceMetadata:
        world.source.down = {file_id} if away else set()
        return world.source.files.pop(file_id).described

    monkeypatch.setattr(world.source, "metadata", described_and_gone)
    outcome = await world.copied(file_id, kind=FileKind.SLAVE)
    assert (outcome.state, outcome.failed) == (state, failed)
    assert world.target.objects == {}


async def test_what_was_planned_without_facts_gets_them(world: World, way: str) -> None:
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    outcome = await world.copied(file_id, unplanned=True)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")


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


async def test_a_change_that_a_server_reports_in_its_sum_alone_is_one(world: World) -> None:
    file_id = appender_id()
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    facts = world.source.facts

    async def facts_of(asked: FileId) -> SourceFacts:
        found = await facts(asked)
        world.source.files[file_id].content = CONTENT[:-1] + b"?"
        return found

    world.source.facts = facts_of  # type: ignore[method-assign,assignment]  # a file that is written to after each look
    outcome = await world.copied(file_id, kind=FileKind.APPENDER)
    assert (outcome.state, outcome.failed, outcome.reason) == (
        FileState.PLANNED, False, "changed: it was written to while it was copied"
    )  # fmt: skip


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

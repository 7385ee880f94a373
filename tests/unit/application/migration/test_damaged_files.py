"""A file that one of its servers, or each, has other bytes of than it should have."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import METADATA_SUFFIX, FileKind, FileState, moved_key
from tests.support.migration.in_memory import ABLE, FIRST, SECOND, Kept, MemorySource, MemoryTarget, id_of
from tests.support.migration.one_file import CONTENT, CRC32, DESCRIBED, RICH, World
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(30)

THIRD = "127.0.0.5:23000"


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

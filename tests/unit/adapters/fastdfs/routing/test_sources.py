"""Whom a tracker's word and its list of a group make the source of a file."""

import base64
import struct

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.routing import sources as module
from s3py_helper.adapters.fastdfs.routing.sources import Holder, Sources
from s3py_helper.domain.file_id import FileId

_FIRST, _SECOND = Address("127.0.0.2", 23000), Address("127.0.0.3", 23000)


def _file(source: bytes, *, group: str = "group1", number: int = 0) -> FileId:
    fields = struct.pack("!4sIQI", source, 1_800_000_000 + number, 1 << 63 | 5, 0x3610A686)
    return FileId.parse(f"{group}/M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}123.txt")


class Tracker:
    """Names one server for everything, and lists some."""

    def __init__(self, named: Address, servers: list[GroupServer]) -> None:
        self.named = named
        self.servers = servers
        self.asked = 0
        self.asked_for_servers = 0

    async def who_may_change(self, _: FileId) -> Address:
        self.asked += 1
        return self.named

    async def list_servers(self, _: str) -> list[GroupServer]:
        self.asked_for_servers += 1
        return self.servers

    def sources(self) -> Sources:
        return Sources(self.who_may_change, self.list_servers)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def _server(server_id: str, address: Address) -> GroupServer:
    return GroupServer(
        server_id,
        address,
        is_active=True,
        version="6.16",
        store_paths=1,
        free_bytes=1 << 30,
        uploaded=0,
        deleted=0,
        last_change=0,
        synced_until=0,
        last_heartbeat=0,
    )


def _listed(*servers: Address) -> list[GroupServer]:
    return [_server(server.host, server) for server in servers]


async def test_a_server_named_that_is_the_source_needs_no_list(clock: list[float]) -> None:
    tracker = Tracker(_FIRST, [])
    sources = tracker.sources()
    for number in range(5):
        assert await sources.holder_of(_file(bytes([127, 0, 0, 2]), number=number)) == Holder(_FIRST, _FIRST)
    assert (tracker.asked, tracker.asked_for_servers) == (1, 0)
    assert not (await sources.holder_of(_file(bytes([127, 0, 0, 2])))).stands_in
    clock[0] += module.REMEMBERED_SECONDS
    await sources.holder_of(_file(bytes([127, 0, 0, 2])))
    assert tracker.asked == 2


@pytest.mark.usefixtures("clock")
async def test_groups_are_told_apart() -> None:
    tracker = Tracker(_FIRST, [])
    sources = tracker.sources()
    await sources.holder_of(_file(bytes([127, 0, 0, 2])))
    await sources.holder_of(_file(bytes([127, 0, 0, 2]), group="group2"))
    assert tracker.asked == 2


@pytest.mark.usefixtures("clock")
async def test_a_stand_in_is_one_while_the_list_has_the_source() -> None:
    sources = Tracker(_SECOND, _listed(_FIRST, _SECOND)).sources()
    holder = await sources.holder_of(_file(bytes([127, 0, 0, 2])))
    assert holder == Holder(_SECOND, _FIRST)
    assert holder.stands_in


@pytest.mark.parametrize(
    ("source", "server_id", "host"),
    [
        ((100_001).to_bytes(4, "little"), "100001", "127.0.0.2"),
        (bytes.fromhex("89abcdef"), "2001:db8:1:2:89ab:cdef:1:5", "2001:db8:1:2:89ab:cdef:1:5"),
        (bytes.fromhex("89abcdef"), "7", "2001:db8:1:2:89ab:cdef:1:5"),
    ],
    ids=["storage id", "IPv6", "IPv6 and storage id"],
)
@pytest.mark.usefixtures("clock")
async def test_the_list_knows_sources_by_id_and_by_ipv6_address(source: bytes, server_id: str, host: str) -> None:
    server = Address(host, 23000)
    tracker = Tracker(server, [_server("3", _SECOND), _server(server_id, server)])
    sources = tracker.sources()
    for number in range(3):
        assert await sources.holder_of(_file(source, number=number)) == Holder(server, server)
    assert (tracker.asked, tracker.asked_for_servers) == (1, tracker.asked_for_servers)


async def test_sources_that_no_list_has_are_not_remembered(clock: list[float]) -> None:
    tracker = Tracker(_FIRST, _listed(_FIRST, _SECOND))
    sources = tracker.sources()
    for number in range(300):
        assert await sources.holder_of(_file(bytes([127, 9, *divmod(number, 256)]))) == Holder(_FIRST, None)
    assert len(sources) == 1, "the group"
    assert tracker.asked_for_servers == 1
    clock[0] += module.LISTED_SECONDS
    await sources.holder_of(_file(bytes([127, 9, 0, 0])))
    assert tracker.asked_for_servers == 2


@pytest.mark.usefixtures("clock")
async def test_a_server_that_cannot_be_reached_is_asked_about_again() -> None:
    tracker = Tracker(_FIRST, [])
    sources = tracker.sources()
    await sources.holder_of(_file(bytes([127, 0, 0, 2])))
    sources.forget(_SECOND)
    await sources.holder_of(_file(bytes([127, 0, 0, 2])))
    assert tracker.asked == 1
    sources.forget(_FIRST)
    await sources.holder_of(_file(bytes([127, 0, 0, 2])))
    assert tracker.asked == 2


async def test_a_name_that_no_server_made_has_no_source() -> None:
    tracker = Tracker(_FIRST, _listed(_FIRST))
    sources = tracker.sources()
    assert await sources.holder_of(FileId.parse("group1/M00/00/00/handmade.txt")) == Holder(_FIRST, None)
    assert (tracker.asked_for_servers, len(sources)) == (0, 0)

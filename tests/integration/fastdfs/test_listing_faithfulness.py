"""What storages list of store paths, and trackers of groups: a real FastDFS and the protocol-level server alike."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.binlog import ENDLESS
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.protocol import (
    GROUP_FIELD,
    LONG_ADDRESS,
    SHORT_ADDRESS,
    Command,
    Header,
    Status,
    numbers,
    read_numbers,
    text_field,
)
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.samples import GROUP, accepted, address_in
from tests.support.fastdfs.special_files import RawFiles, raw_files

pytestmark = pytest.mark.timeout(60)

_TRAILER = 8
_GROUP_RECORDS = {105, 113}


@pytest.fixture
async def files(tracker: str) -> AsyncIterator[RawFiles]:
    async with raw_files(tracker) as files:
        yield files


async def _listed(storage: str, group: bytes = GROUP, path: int = 0) -> bytes:
    """All that comes after the header, up to the end of the connection."""
    async with raw_connection(storage) as connection:
        await connection.send(Header(len(group) + 1, Command.LIST_STORE_PATH).encode() + group + bytes([path]))
        received = b""
        async with asyncio.timeout(20):
            while data := await connection.read_some():
                received += data
    header = Header.decode(received[: Header.FORMAT.size])
    assert header == Header(ENDLESS, Command.REPLY, Status.OK)
    return received[Header.FORMAT.size :]


async def _records(storage: str, group: bytes = GROUP) -> list[tuple[bytes, bytes]]:
    """Operation and name of each line of a whole listing."""
    body = await _listed(storage, group)
    text, trailer = body[:-_TRAILER], body[-_TRAILER:]
    assert read_numbers(trailer, 1) == (len(text),)
    lines = [line.split(b" ") for line in text.split(b"\n")]
    assert lines.pop() == [b""]
    assert all(len(fields) == 3 and 1_700_000_000 < int(fields[0]) < 1_900_000_000 for fields in lines)
    return [(operation, name) for _, operation, name in lines]


async def _soon(storage: str, *expected: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The records when those are among them: a server writes them down with a delay."""
    async with asyncio.timeout(20):
        while not set(expected) <= set(records := await _records(storage)):
            await asyncio.sleep(0.05)
    return records


async def test_files_are_listed_with_what_their_server_did_to_get_them(tracker: str, files: RawFiles) -> None:
    made = [await files.upload(b"listed"), await files.upload_appender(b"grows")]
    made.append(await files.upload_slave(made[0], "_s", "txt", b"a slave"))
    for file_id in made:
        source = await files.source_of(file_id)
        name = file_id.key.encode()
        await files.set_metadata(file_id, b"a\x02b")
        records = await _soon(source, (b"C", name), (b"C", name + b"-m"))
        assert records.count((b"C", name)) == 1
    source = await files.source_of(made[0])
    for other in await _servers(tracker):
        if other != source:
            await _soon(other, (b"c", made[0].key.encode()), (b"c", made[0].key.encode() + b"-m"))


async def test_what_was_deleted_is_not_listed_and_what_came_twice_is_listed_twice(files: RawFiles) -> None:
    master = await files.upload(b"the master")
    source = await files.source_of(master)
    slave = await files.upload_slave(master, "_s", "txt", b"a slave")
    await files.set_metadata(slave, b"a\x02b")
    await _soon(source, (b"C", slave.key.encode()))
    await files.delete(slave)
    await files.upload_slave(master, "_s", "txt", b"another")
    async with asyncio.timeout(20):
        while (records := await _records(source)).count((b"C", slave.key.encode())) != 2:
            await asyncio.sleep(0.05)
    assert slave.key.encode() + b"-m" not in [name for _, name in records]
    await files.delete(master)
    assert master.key.encode() not in [name for _, name in await _records(source)]


async def test_a_regenerated_file_is_listed_and_the_metadata_of_its_old_name(files: RawFiles) -> None:
    appender = await files.upload_appender(b"grows")
    await files.set_metadata(appender, b"a\x02b")
    normal = await files.regenerate(appender)
    source = await files.source_of(normal)
    records = await _soon(source, (b"C", normal.key.encode()), (b"C", appender.key.encode() + b"-m"))
    assert appender.key.encode() not in [name for _, name in records]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (GROUP + b"\1", Status.INVALID),
        (GROUP + b"\xff", Status.INVALID),
        (text_field("group2", GROUP_FIELD) + b"\0", Status.INVALID),
        (GROUP, Status.INVALID),
        (GROUP + b"\0\0", Status.INVALID),
        (b"", Status.INVALID),
    ],
)
async def test_what_cannot_be_listed_is_refused(files: RawFiles, body: bytes, status: Status) -> None:
    source = await files.source_of(await files.upload(b"listed"))
    async with raw_connection(source) as connection:
        reply = await connection.ask(Command.LIST_STORE_PATH, body)
        assert reply is not None
        assert (reply.status, reply.body) == (status, b"")


async def test_groups_are_listed(tracker: str) -> None:
    async with raw_connection(tracker) as connection:
        body = accepted(await connection.ask(Command.LIST_GROUPS)).body
        assert any(len(body) % size == 0 and body[size : size + 6] == b"group2" for size in _GROUP_RECORDS)
        assert body[:6] == b"group1"
        refused = await connection.ask(Command.LIST_GROUPS, b"x")
        assert refused is not None
        assert refused.status == Status.INVALID


@pytest.mark.parametrize(
    ("prefix", "extension", "is_own"),
    [("_150x150", "txt", True), ("_", "jpeg", True), ("-b", "", False), ("-big", "", False), ("_", "jp", False)],
)
async def test_the_sum_of_a_slave_is_its_own_only_where_its_name_is_longer_than_its_masters(
    files: RawFiles, prefix: str, extension: str, *, is_own: bool
) -> None:
    master = await files.upload(b"the master")
    slave = await files.upload_slave(master, prefix, extension, b"a slave")
    async with raw_connection(await files.source_of(master)) as connection:
        for flags in (0, 1):
            reply = accepted(await connection.ask(Command.QUERY_INFO, GROUP + slave.key.encode(), flags=flags))
            size, _, crc32 = read_numbers(reply.body, 3)
            told = 0 if is_own and flags else zlib.crc32(b"a slave") if is_own else zlib.crc32(b"the master")
            assert (size, crc32 & 0xFFFFFFFF) == (len(b"a slave"), told)


async def test_a_slave_cannot_be_named_like_the_metadata_of_its_master(files: RawFiles) -> None:
    master = await files.upload(b"the master", extension="")
    name = master.key.encode()
    head = numbers(len(name), 1) + text_field("-m", 16) + text_field("", 6)
    async with raw_connection(await files.source_of(master)) as connection:
        reply = await connection.ask(Command.UPLOAD_SLAVE, head + name + b"x")
    assert reply is not None
    assert reply.status == Status.INVALID


class Damaged:
    """A storage whose records a test may spoil: real or not."""

    def __init__(self, tracker: str, site: RealSite | None, cluster: FakeCluster | None) -> None:
        self.tracker = tracker
        self._site = site
        self._cluster = cluster

    def poison(self) -> None:
        if self._cluster is not None:
            binlog = self._cluster.group("group2").storages[0].files.binlog
            binlog.note(b"M00/00/00/poisoned", copied=False)
            binlog.poison = b"M00/00/00/poisoned"
        else:
            with self._binlog.open("ab") as file:
                file.write(b"1800000000 L  M00/00/00/f6KUA2sHeOOAUeRpAB6EgDWrEJQ250.txt\n")

    def lose_beginning(self) -> None:
        if self._cluster is not None:
            self._cluster.group("group2").storages[0].files.binlog.lacks_beginning = True
        else:
            self._binlog.rename(self._binlog.with_suffix(".away"))

    @property
    def _binlog(self) -> Path:
        assert self._site is not None
        return self._site.binlog("group2", 0)


@pytest.fixture(scope="module")
def site_to_spoil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    if not installed_version():
        pytest.skip("no fdfs_trackerd and fdfs_storaged on PATH")
    site = RealSite("to be spoilt", tmp_path_factory.mktemp("fastdfs-spoilt"), LocalDaemon)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(params=["real", "protocol-level"])
async def damaged(request: pytest.FixtureRequest) -> AsyncIterator[Damaged]:
    if request.param == "real":
        site: RealSite = request.getfixturevalue("site_to_spoil")
        yield Damaged(site.trackers[0], site, None)
    else:
        async with FakeCluster() as cluster:
            yield Damaged(cluster.tracker_address, None, cluster)


async def test_records_that_cannot_be_read_or_found(damaged: Damaged) -> None:
    group = text_field("group2", GROUP_FIELD)
    async with raw_files(damaged.tracker, "group2") as files:
        made = await files.upload(b"listed")
        storage = await files.source_of(made)
        async with asyncio.timeout(20):
            while (b"C", made.key.encode()) not in await _records(storage, group):
                await asyncio.sleep(0.05)
        damaged.poison()
        body = await _listed(storage, group)
        assert not body or read_numbers(body[-_TRAILER:], 1) != (len(body) - _TRAILER,), "no trailer"
        damaged.lose_beginning()
        async with raw_connection(storage) as connection:
            reply = await connection.ask(Command.LIST_STORE_PATH, group + b"\0")
            assert reply is not None
            assert reply.status == Status.MISSING
            accepted(await connection.ask(Command.ACTIVE_TEST))  # it stays open


async def _servers(tracker: str) -> list[str]:
    """All of `group1` that are up."""
    async with raw_connection(tracker) as connection:
        body = accepted(await connection.ask(Command.STORE_IN_GROUP_ALL, GROUP)).body[GROUP_FIELD:-1]
    size = next(size + 8 for size in (SHORT_ADDRESS, LONG_ADDRESS) if len(body) % (size + 8) == 0)
    return [address_in(GROUP + body[start : start + size]) for start in range(0, len(body), size)]

"""Listing store paths: what servers do not say, what breaks off, and who waits for whom."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest

from s3py_helper.adapters.fastdfs.config import DEFAULT_POOL_SIZE, FastdfsConfig
from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.domain.errors import StorageException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs import (
    Command,
    Delay,
    FakeCluster,
    GarbageHeader,
    Misbehaviour,
    ResetAfter,
    StallAfter,
    TruncateAfter,
)
from tests.support.fastdfs.binlog import Record
from tests.support.fastdfs.exchange import Reply
from tests.support.fastdfs.special_files import RawFiles, raw_files
from tests.support.fastdfs.storage import StorageServer
from tests.support.fastdfs.wire import Wire
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

_HEADER = 10
_TRAILER = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """Names, whether they are all, and what broke the listing off."""

    names: list[str]
    complete: bool
    error: StorageException | None = None


@dataclass(slots=True)
class Alone(Misbehaviour):
    """Answers after a moment, and counts how many requests it has at the same time."""

    most: int = 0
    _now: int = field(default=0)

    async def send(self, reply: Reply, wire: Wire) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.05)
        await Misbehaviour().send(reply, wire)
        self._now -= 1


@dataclass(frozen=True, slots=True)
class PauseAfter(Misbehaviour):
    """Sends so many bytes of the reply, and the rest much later."""

    after: int
    seconds: float

    async def send(self, reply: Reply, wire: Wire) -> None:
        whole = b"".join(reply.pieces())
        await wire.send(whole[: self.after])
        await asyncio.sleep(self.seconds)
        await wire.send(whole[self.after :])


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1, "group2": 1}) as cluster:
        yield cluster


@pytest.fixture
def storage(cluster: FakeCluster) -> StorageServer:
    return cluster.group("group1").storages[0]


@pytest.fixture
def config(cluster: FakeCluster, tmp_path: Path) -> FastdfsConfig:
    return FastdfsConfig(
        tracker_servers=cluster.tracker_addresses, group_name="group1", network_timeout=0.5, spool_directory=tmp_path
    )


@pytest.fixture
async def store(config: FastdfsConfig) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(config) as store:
        yield store


@pytest.fixture
def source(config: FastdfsConfig, store: FastdfsBlobStore) -> FastdfsMigrationSource:
    return FastdfsMigrationSource(config, store)


@pytest.fixture
async def files(cluster: FakeCluster) -> AsyncIterator[RawFiles]:
    async with raw_files(cluster.tracker_address) as files:
        yield files


async def _list(source: MigrationSource, storage: StorageServer, group: str = "group1") -> Listing:
    names: list[str] = []
    error: StorageException | None = None
    async with source.listing(group, storage.address, 0) as listed:
        try:
            async for name in listed:
                names.append(name)  # noqa: PERF401 - what came before an error counts
        except StorageException as broken:
            error = broken
        return Listing(names, listed.complete, error)


def _sorted(*file_ids: FileId) -> list[str]:
    return sorted(file_id.key for file_id in file_ids)


async def test_metadata_files_are_left_out_and_slaves_named_like_them_are_not(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    master = await files.upload(b"the master")
    slave = await files.upload_slave(master, "_s", "txt", b"a slave")
    like_metadata = await files.upload_slave(master, "_s-m", "", b"named like the metadata of a file")
    for file_id in (master, slave):
        await files.set_metadata(file_id, b"a\x02b")
    assert b"-m" in b"".join(record.name[-2:] for record in storage.files.binlog.records)
    assert await _list(source, storage) == Listing(_sorted(master, slave, like_metadata), complete=True)


async def test_the_metadata_that_a_regenerated_file_leaves_behind_are_left_out(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    appender = await files.upload_appender(b"grows")
    await files.set_metadata(appender, b"a\x02b")
    normal = await files.regenerate(appender)
    assert storage.files.is_listed(appender.key.encode() + b"-m")
    assert await _list(source, storage) == Listing([normal.key], complete=True)


async def test_a_slave_that_was_deleted_and_stored_again_is_listed_once(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    master = await files.upload(b"the master")
    slave = await files.upload_slave(master, "_s", "txt", b"one")
    await files.delete(slave)
    assert await files.upload_slave(master, "_s", "txt", b"two") == slave
    assert [record.name for record in storage.files.binlog.records].count(slave.key.encode()) == 2
    assert await _list(source, storage) == Listing(_sorted(master, slave), complete=True)


async def test_deleted_files_are_listed_only_where_they_lay_in_a_trunk_file(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    gone = await files.upload(b"soon gone")
    await files.delete(gone)
    in_trunk = "M00/00/00/f6KUA2sHeOOIPff0AAABkCSutNMAAAAAQAAAgAAAAGo589.txt"
    storage.files.binlog.records.append(Record(1_800_000_000, b"C", in_trunk.encode()))
    assert await _list(source, storage) == Listing([in_trunk], complete=True)
    facts = await source.facts(FileId.parse(f"group1/{in_trunk}"))
    assert (facts.exists, facts.at_source) == (False, True)


async def test_a_listing_that_ends_anywhere_else_is_not_complete(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    made = [await files.upload(b"listed") for _ in range(3)]
    whole = _sorted(*made)
    line = len(b"1800000000 C ") + len(made[0].key) + 1
    length = _HEADER + 3 * line + _TRAILER
    for after in range(_HEADER, length):
        storage.misbehave(TruncateAfter(after), command=Command.LIST_STORE_PATH)
        listing = await _list(source, storage)
        assert (listing.complete, listing.error) == (False, None), after
        assert set(listing.names) <= set(whole), "no name is cut"
    for after in range(_HEADER):
        storage.misbehave(TruncateAfter(after), command=Command.LIST_STORE_PATH)
        with pytest.raises(StorageUnavailableException, match="closed the connection"):
            await _list(source, storage)
    storage.misbehave(TruncateAfter(length), command=Command.LIST_STORE_PATH)
    assert await _list(source, storage) == Listing(whole, complete=True)


async def test_names_that_came_before_the_connection_broke_are_given(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    made = {(await files.upload(b"listed")).key for _ in range(3)}
    storage.misbehave(PauseAfter(_HEADER + 2 * 58 + 10, 0.1), command=Command.LIST_STORE_PATH)
    assert (await _list(source, storage)).complete
    storage.misbehave(ResetAfter(_HEADER + 2 * 58 + 10), command=Command.LIST_STORE_PATH)
    listing = await _list(source, storage)
    assert isinstance(listing.error, StorageUnavailableException)
    assert storage.address in listing.error.message
    assert not listing.complete
    assert set(listing.names) < made


async def test_a_record_that_the_server_cannot_read_ends_the_listing(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    before = await files.upload(b"listed")
    poisoned = await files.upload(b"not listed")
    await files.upload(b"not listed, either")
    storage.files.binlog.poison = poisoned.key.encode()
    listing = await _list(source, storage)
    assert (listing.complete, listing.error) == (False, None)
    assert set(listing.names) <= {before.key}


async def test_without_the_trailer_a_listing_is_not_complete(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    await files.upload(b"listed")
    storage.files.binlog.lacks_trailer = True
    assert not (await _list(source, storage)).complete


async def test_records_that_are_missing_in_the_middle_are_missed_by_nobody_but_the_counters(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    made = [await files.upload(b"listed") for _ in range(4)]
    del storage.files.binlog.records[1:3]
    assert await _list(source, storage) == Listing(_sorted(made[0], made[3]), complete=True)
    [server] = (await source.groups())[0].servers
    assert server.files == 4
    storage.hold_report()
    await files.upload(b"not counted yet")
    [server] = (await source.groups())[0].servers
    assert server.files == 4


async def test_a_server_without_its_first_records_says_so(
    source: FastdfsMigrationSource, storage: StorageServer
) -> None:
    storage.files.binlog.lacks_beginning = True
    with pytest.raises(StorageOperationException, match=r"binlog\.000.*status 2"):
        await _list(source, storage)
    storage.files.binlog.lacks_beginning = False
    assert (await _list(source, storage)).complete, "the connection is of use"


async def test_what_is_no_listing_is_refused(source: FastdfsMigrationSource, storage: StorageServer) -> None:
    storage.misbehave(GarbageHeader(), command=Command.LIST_STORE_PATH)
    with pytest.raises(StorageOperationException, match="header of FastDFS"):
        await _list(source, storage)
    storage.misbehave(GarbageHeader(b"\0" * 7 + b"\x08\x64\0"), command=Command.LIST_STORE_PATH)
    with pytest.raises(StorageOperationException, match="end of its own"):
        await _list(source, storage)


@pytest.mark.parametrize("after", [0, _HEADER, _HEADER + 4, _HEADER + 58])
async def test_a_server_may_take_long_before_there_is_something_to_send(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles, after: int
) -> None:
    made = [await files.upload(b"listed") for _ in range(2)]
    storage.misbehave(PauseAfter(after, 1.5), command=Command.LIST_STORE_PATH)  # three times the timeout
    assert await _list(source, storage) == Listing(_sorted(*made), complete=True)


async def test_little_that_comes_after_a_long_scan_is_no_sign_of_a_dead_server(
    config: FastdfsConfig, storage: StorageServer, files: RawFiles
) -> None:
    made = await files.upload(b"listed")
    hasty = config.model_copy(update={"network_timeout": 0.2})
    async with FastdfsBlobStore(hasty) as store:
        # Ten timeouts are a time in which other replies have to have moved 16 KiB.
        storage.misbehave(PauseAfter(_HEADER + 4, 2.5), command=Command.LIST_STORE_PATH)
        assert await _list(FastdfsMigrationSource(hasty, store), storage) == Listing([made.key], complete=True)


async def test_a_server_that_says_nothing_any_more_ends_the_listing(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3py_helper.adapters.fastdfs.protocol.path_listing.SCAN_SECONDS", 0.2)
    await files.upload(b"listed")
    for after in (0, _HEADER, _HEADER + 20):
        storage.misbehave(StallAfter(after), command=Command.LIST_STORE_PATH)
        try:
            listing = await _list(source, storage)
        except StorageUnavailableException as late:
            error: StorageException | None = late
        else:
            error = listing.error
        assert isinstance(error, StorageUnavailableException)
        assert "no byte within 0.7 s" in error.message


async def test_one_scan_at_a_time_is_asked_of_a_server_and_as_many_as_there_are_servers(
    cluster: FakeCluster, source: FastdfsMigrationSource, storage: StorageServer
) -> None:
    other = cluster.group("group2").storages[0]
    alone = Alone()
    storage.misbehave(alone, command=Command.LIST_STORE_PATH, times=None)
    other.misbehave(Delay(inf), command=Command.LIST_STORE_PATH)
    waiting = asyncio.create_task(_list(source, other, "group2"))
    listings = await asyncio.gather(*(_list(source, storage) for _ in range(5)))
    assert all(listing.complete for listing in listings)
    assert alone.most == 1
    await other.stop()
    with pytest.raises(StorageUnavailableException):
        await waiting


async def test_the_next_scan_does_not_wait_for_a_slow_reader(
    source: FastdfsMigrationSource, storage: StorageServer, files: RawFiles
) -> None:
    await files.upload(b"listed")
    async with asyncio.timeout(10), source.listing("group1", storage.address, 0) as slow:
        names = aiter(slow)
        first = await anext(names)
        assert (await _list(source, storage)).names == [first]
        assert [name async for name in names] == []
        assert slow.complete


async def test_a_listing_within_one_that_was_not_read_is_refused_instead_of_waiting_for_ever(
    source: FastdfsMigrationSource, storage: StorageServer
) -> None:
    async with asyncio.timeout(10), source.listing("group1", storage.address, 0):
        with pytest.raises(StorageOperationException, match="must be read or left first"):
            await _list(source, storage)
    assert (await _list(source, storage)).complete


@pytest.mark.parametrize("begun", [False, True])
async def test_a_cancelled_listing_leaves_the_turn_to_the_next(
    source: FastdfsMigrationSource, store: FastdfsBlobStore, storage: StorageServer, files: RawFiles, *, begun: bool
) -> None:
    made = await files.upload(b"listed")
    storage.misbehave(StallAfter(_HEADER if begun else 0), command=Command.LIST_STORE_PATH)
    task = asyncio.create_task(_list(source, storage))
    waiting = asyncio.create_task(_list(source, storage))
    await until(lambda: storage.statistics.commands[Command.LIST_STORE_PATH] == 1)
    await asyncio.sleep(0.05)  # into the wait
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await waiting == Listing([made.key], complete=True)
    assert all(pool.free_slots == DEFAULT_POOL_SIZE for pool in store.session.pools)


async def test_a_reader_that_is_cancelled_while_names_are_sorted_frees_the_file(
    source: FastdfsMigrationSource,
    store: FastdfsBlobStore,
    storage: StorageServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = _pretend(storage, 20_000)
    monkeypatch.setattr("s3py_helper.adapters.fastdfs.name_spool.NameSpool.IN_MEMORY", 100)
    cancelled = 0
    for delay in range(12):
        task = asyncio.create_task(_list(source, storage))
        await asyncio.sleep(delay / 100)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        assert all(pool.free_slots == DEFAULT_POOL_SIZE for pool in store.session.pools)
    assert cancelled
    assert await _list(source, storage) == Listing(sorted(names), complete=True)
    assert not list(tmp_path.iterdir())


async def test_more_names_than_memory_holds(
    source: FastdfsMigrationSource, storage: StorageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = _pretend(storage, 60_000)
    _pretend(storage, 30_000)  # duplicates, far away
    monkeypatch.setattr("s3py_helper.adapters.fastdfs.path_scan.NameSpool.IN_MEMORY", 7_000)
    assert await _list(source, storage) == Listing(sorted(names), complete=True)
    assert not list(tmp_path.iterdir())
    tmp_path.rmdir()
    async with source.listing("group1", storage.address, 0) as listed:
        with pytest.raises(StorageOperationException, match="temporary file of a listing failed"):
            async for _ in listed:
                pass
    assert not listed.complete
    tmp_path.mkdir()
    assert (await _list(source, storage)).complete


def _pretend(storage: StorageServer, count: int) -> Sequence[str]:
    """So many records of files that lie within trunk files: nobody looks whether they are there."""
    names = [
        f"M00/00/00/f6KUA2sHeOOIPff0AAABkCSutNMAAAAAQA{number:09}{number % 1000:03}.txt" for number in range(count)
    ]
    storage.files.binlog.records += [Record(1_800_000_000, b"C", name.encode()) for name in names]
    return names

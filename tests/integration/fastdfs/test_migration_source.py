"""What a source says of files whose servers are down, behind, damaged or gone."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from typing import Final

import pytest

from s3py_helper.adapters.fastdfs.config import DEFAULT_POOL_SIZE, FastdfsConfig
from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.mount import open_backend
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.migration_source import SourceFacts
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    IntegrityException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.fastdfs import AnswerStatus, Command, Delay, FakeCluster, StallAfter, TruncateAfter
from tests.support.fastdfs.content import Content
from tests.support.fastdfs.group import Group
from tests.support.fastdfs.names import StoredName
from tests.support.fastdfs.special_files import RawFiles
from tests.support.fastdfs.storage import StorageServer
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

_CONTENT: Final = b"what the file has in it"
_LARGE: Final = bytes(range(256)) * 4096
_MISSING: Final = SourceFacts(exists=False, at_source=True)
_UNKNOWN: Final = SourceFacts(exists=False, at_source=False)


@pytest.fixture(params=[False, True], ids=["addresses", "storage ids"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 3, "group2": 1}, uses_storage_ids=request.param) as cluster:
        yield cluster


@pytest.fixture
def group(cluster: FakeCluster) -> Group:
    return cluster.group("group1")


@pytest.fixture
def config(cluster: FakeCluster) -> FastdfsConfig:
    return FastdfsConfig(
        tracker_servers=cluster.tracker_addresses, group_name="group1", connect_timeout=0.5, network_timeout=0.5
    )


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


@pytest.fixture
async def store(config: FastdfsConfig, observer: Recorder) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(config, observer) as store:
        yield store


@pytest.fixture
def source(config: FastdfsConfig, store: FastdfsBlobStore) -> FastdfsMigrationSource:
    return FastdfsMigrationSource(config, store)


@pytest.fixture
def files(cluster: FakeCluster) -> RawFiles:
    return RawFiles(cluster.tracker_address)  # gone with the cluster


def _taken_by(group: Group, file_id: FileId) -> StorageServer:
    storage = group.source_of(file_id.key.encode())
    assert storage is not None
    return storage


async def _read(
    source: FastdfsMigrationSource, file_id: FileId, byte_range: ByteRange | None = None, server: str | None = None
) -> bytes:
    async with source.open(file_id, byte_range, server=server) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
async def test_while_the_source_is_down_others_tell_what_they_have_and_prove_nothing(
    config: FastdfsConfig,
    source: FastdfsMigrationSource,
    observer: Recorder,
    group: Group,
    files: RawFiles,
    *,
    noticed: bool,
) -> None:
    file_id = await files.upload(_CONTENT)
    group.replication_lag = inf
    new = await files.upload(b"known to nobody else")
    while _taken_by(group, new) is not _taken_by(group, file_id):
        new = await files.upload(b"known to nobody else")
    down = _taken_by(group, file_id)
    await down.stop(noticed=noticed)
    facts = await source.facts(file_id)
    assert (facts.exists, facts.at_source, facts.size, facts.crc32) == (
        True,
        False,
        len(_CONTENT),
        zlib.crc32(_CONTENT),
    )
    assert await source.facts(new) == _UNKNOWN
    assert noticed or observer.of(FailedOver), "what is done elsewhere is not silent"
    assert await _read(source, file_id) == _CONTENT
    with pytest.raises(StorageException):
        await _read(source, file_id, server=down.address)
    await down.start()
    for known in (new, file_id):
        facts = await _facts(config, known)
        assert (facts.exists, facts.at_source) == (True, True)


async def test_a_stand_in_that_lacks_the_file_is_not_the_last_to_be_asked(
    config: FastdfsConfig, group: Group, files: RawFiles
) -> None:
    file_id = await files.upload(_CONTENT)
    taker = _taken_by(group, file_id)
    one, other = (storage for storage in group.storages if storage is not taker)
    one.files.clear()
    await taker.stop()
    for _ in range(4):  # whichever of them stands in
        facts = await _facts(config, file_id)
        assert (facts.exists, facts.at_source) == (True, False)
    other.files.clear()
    assert await _facts(config, file_id) == _UNKNOWN


async def test_a_source_that_trackers_do_not_count_as_active_is_not_asked(
    config: FastdfsConfig, group: Group, files: RawFiles
) -> None:
    """Its disk may be a new one that is still being filled: what it lacks says nothing."""
    file_id = await files.upload(_CONTENT)
    taker = _taken_by(group, file_id)
    taker.files.clear()
    taker.is_announced = False
    facts = await _facts(config, file_id)
    assert (facts.exists, facts.at_source) == (True, False)
    for storage in group.storages:
        storage.files.clear()
    assert await _facts(config, file_id) == _UNKNOWN
    assert taker.statistics.commands[Command.QUERY_INFO] == 0


async def test_a_file_whose_source_was_taken_out_of_service_is_missing_when_all_servers_say_so(
    config: FastdfsConfig, group: Group
) -> None:
    file_id = _made_elsewhere(_CONTENT)
    assert await _facts(config, file_id) == _MISSING
    last = group.storages[-1]
    _put(last, file_id, _CONTENT)
    for _ in range(4):
        facts = await _facts(config, file_id)
        assert (facts.exists, facts.at_source, facts.crc32) == (True, True, zlib.crc32(_CONTENT))
    await last.stop()
    assert await _facts(config, file_id) == _UNKNOWN, "the one that is down may have it"
    await last.start()
    last.misbehave(StallAfter(0), command=Command.QUERY_INFO, times=None)
    assert await _facts(config, file_id) == _UNKNOWN


async def test_without_the_list_of_servers_nothing_is_proven(config: FastdfsConfig, cluster: FakeCluster) -> None:
    cluster.trackers[0].misbehave(AnswerStatus(22), command=Command.LIST_STORAGES, times=None)
    assert await _facts(config, _made_elsewhere(_CONTENT)) == _UNKNOWN


async def test_when_nobody_can_be_asked_that_is_an_error(config: FastdfsConfig, group: Group, files: RawFiles) -> None:
    file_id = await files.upload(_CONTENT)
    for storage in group.storages:
        await storage.stop(noticed=False)
    with pytest.raises(StorageUnavailableException, match=_taken_by(group, file_id).host):
        await _facts(config, file_id)
    for storage in group.storages:
        storage.is_announced = False
    with pytest.raises(StorageUnavailableException, match="knows no storage server"):
        await _facts(config, file_id)


@pytest.mark.parametrize("command", [Command.QUERY_INFO, Command.UPDATE])
async def test_a_server_that_cannot_tell_does_not_say_that_the_file_is_missing(
    config: FastdfsConfig, cluster: FakeCluster, group: Group, files: RawFiles, command: Command
) -> None:
    file_id = await files.upload(_CONTENT)
    for server in [*cluster.trackers, *group.storages]:
        server.misbehave(AnswerStatus(13), command=command, times=None)
    with pytest.raises(AccessDeniedException):
        await _facts(config, file_id)


async def test_names_that_no_tracker_takes_for_one_are_missing(config: FastdfsConfig) -> None:
    assert await _facts(config, FileId(Backend.FASTDFS, "group1", "M00/00/00/short")) == _MISSING
    with pytest.raises(StorageUnavailableException, match="no such group"):
        await _facts(config, FileId(Backend.FASTDFS, "group9", "M00/00/00/" + "x" * 34))


async def test_a_slave_with_a_name_like_a_masters_has_no_sum(
    config: FastdfsConfig, group: Group, files: RawFiles
) -> None:
    master = await files.upload(b"the master", extension="abcdef")
    slave = await files.upload_slave(master, "1234567", "", _CONTENT)
    assert len(slave.key) == len(master.key)
    facts = await _facts(config, slave)
    assert (facts.exists, facts.size, facts.crc32) == (True, len(_CONTENT), None)


async def test_a_file_that_is_deleted_while_its_sum_is_computed_is_missing(
    source: FastdfsMigrationSource, group: Group, files: RawFiles
) -> None:
    appender = await files.upload_appender(_CONTENT)
    taker = _taken_by(group, appender)
    taker.misbehave(Delay(0.2), command=Command.QUERY_INFO)
    asking = asyncio.create_task(source.facts(appender))
    await until(lambda: taker.statistics.commands[Command.QUERY_INFO] == 1)
    taker.files.clear()
    assert await asking == _MISSING


async def test_a_sum_may_take_as_long_as_reading_the_file_does(
    source: FastdfsMigrationSource, group: Group, files: RawFiles
) -> None:
    appender = await files.upload_appender(bytes(32 * 1024 * 1024))
    taker = _taken_by(group, appender)
    taker.misbehave(Delay(0), command=Command.QUERY_INFO)
    taker.misbehave(Delay(1.2), command=Command.QUERY_INFO)  # more than the timeout
    assert (await source.facts(appender)).crc32 == zlib.crc32(bytes(32 * 1024 * 1024))


async def test_only_files_whose_names_tell_no_sum_are_read_for_one(
    source: FastdfsMigrationSource, group: Group, files: RawFiles
) -> None:
    normal = await files.upload(_CONTENT)
    appender = await files.upload_appender(_CONTENT)
    for file_id, requests in ((normal, 1), (appender, 2)):
        before = _asked(group)
        await source.facts(file_id)
        assert _asked(group) == before + requests


async def test_damaged_bytes_are_given_as_they_are(
    source: FastdfsMigrationSource, group: Group, files: RawFiles
) -> None:
    file_id = await files.upload(_CONTENT)
    taker = _taken_by(group, file_id)
    damaged = Content()
    damaged.append(b"W" + _CONTENT[1:])
    taker.files[file_id.key.encode()].content = damaged
    assert await _read(source, file_id) == b"W" + _CONTENT[1:]
    replicas = await source.replicas(file_id)
    assert replicas[0] == taker.address
    assert [await _read(source, file_id, server=server) for server in replicas[1:]] == [_CONTENT] * 2


@pytest.mark.parametrize("content", [_CONTENT, _LARGE], ids=["small", "large"])
@pytest.mark.parametrize("byte_range", [None, ByteRange(2, None)], ids=str)
async def test_bytes_that_do_not_come_are_an_error(
    source: FastdfsMigrationSource,
    store: FastdfsBlobStore,
    group: Group,
    files: RawFiles,
    content: bytes,
    byte_range: ByteRange | None,
) -> None:
    file_id = await files.upload(content)
    taker = _taken_by(group, file_id)
    for fault in (TruncateAfter(20), TruncateAfter(9 + len(content) // 2), StallAfter(20)):
        taker.misbehave(fault, command=Command.DOWNLOAD)
        with pytest.raises(StorageUnavailableException):
            await _read(source, file_id, byte_range, taker.address)
    assert await _read(source, file_id, byte_range, taker.address) == content[2 if byte_range else 0 :]
    assert all(pool.free_slots == DEFAULT_POOL_SIZE for pool in store.session.pools)


async def test_a_server_that_announces_less_than_it_has_is_not_believed(
    source: FastdfsMigrationSource, group: Group, files: RawFiles
) -> None:
    appender = await files.upload_appender(_CONTENT)
    taker = _taken_by(group, appender)
    taker.misbehave(Delay(0.2), command=Command.QUERY_INFO)
    reading = asyncio.create_task(_read(source, appender, ByteRange(0, len(_CONTENT) - 1), taker.address))
    await until(lambda: taker.statistics.commands[Command.QUERY_INFO] == 1)
    taker.files.resize(appender.key.encode(), 5)
    with pytest.raises(IntegrityException, match="5 bytes, where it said that it had 23"):
        await reading


async def test_replicas_that_are_down_come_last(source: FastdfsMigrationSource, group: Group, files: RawFiles) -> None:
    file_id = await files.upload(_CONTENT)
    taker = _taken_by(group, file_id)
    one, other = (storage for storage in group.storages if storage is not taker)
    await one.stop()
    assert await source.replicas(file_id) == [taker.address, other.address, one.address]


async def test_nothing_is_deleted_on_the_word_of_a_stand_in(
    config: FastdfsConfig, group: Group, files: RawFiles
) -> None:
    file_id = await files.upload(_CONTENT)
    taker = _taken_by(group, file_id)
    group.replication_lag = inf
    new = await files.upload(b"known to nobody else")
    while _taken_by(group, new) is not taker:
        new = await files.upload(b"known to nobody else")
    await taker.stop()
    with pytest.raises(StorageUnavailableException):
        await _delete(config, new)
    await _delete(config, file_id)  # a stand-in has it, and tells the source later
    group.replication_lag = 0
    await taker.start()
    await until(lambda: file_id.key.encode() not in taker.files)
    await _delete(config, new)
    with pytest.raises(FileNotFoundException):
        await _delete(config, new)


async def test_an_old_file_that_a_stand_in_lacks_is_not_taken_for_deleted(config: FastdfsConfig, group: Group) -> None:
    storage, *others = group.storages
    name = StoredName(storage.source, 1_700_000_000, len(_CONTENT), zlib.crc32(_CONTENT), "123.txt").encode()
    file_id = FileId(Backend.FASTDFS, "group1", name.decode())
    _put(storage, file_id, _CONTENT)
    await storage.stop()
    with pytest.raises(StorageUnavailableException, match="out of reach"):
        await _delete(config, file_id)
    await storage.start()
    await _delete(config, file_id)
    assert not [other for other in others if name in other.files]


async def test_a_file_whose_source_was_taken_out_of_service_is_deleted_where_it_is(
    config: FastdfsConfig, group: Group
) -> None:
    file_id = _made_elsewhere(_CONTENT)
    for storage in group.storages:
        _put(storage, file_id, _CONTENT)
        await _delete(config, file_id)
        await until(lambda: file_id.key.encode() not in group.storages[0].files)
    with pytest.raises(FileNotFoundException):
        await _delete(config, file_id)


async def test_the_mounted_backend_is_a_source(config: FastdfsConfig, files: RawFiles) -> None:
    file_id = await files.upload(_CONTENT)
    async with open_backend(config) as backend:
        assert backend.migration_source is not None
        assert (await backend.migration_source.facts(file_id)).exists


async def test_a_source_that_is_not_open_says_so(config: FastdfsConfig, group: Group) -> None:
    closed = FastdfsMigrationSource(config, FastdfsBlobStore(config))
    file_id = FileId(Backend.FASTDFS, "group1", "M00/00/00/" + "x" * 34)

    async def listing() -> None:
        async with closed.listing("group1", group.storages[0].address, 0):
            pass

    operations: list[Callable[[], Awaitable[object]]] = [
        closed.groups,
        listing,
        lambda: closed.facts(file_id),
        lambda: closed.metadata(file_id),
        lambda: closed.replicas(file_id),
        lambda: closed.delete(file_id),
        lambda: _read(closed, file_id),
    ]
    for operation in operations:
        with pytest.raises(StorageException, match="not open"):
            await operation()


async def _facts(config: FastdfsConfig, file_id: FileId) -> SourceFacts:
    """As one who knows nothing yet hears them."""
    async with FastdfsBlobStore(config, Recorder()) as store:
        return await FastdfsMigrationSource(config, store).facts(file_id)


async def _delete(config: FastdfsConfig, file_id: FileId) -> None:
    async with FastdfsBlobStore(config, Recorder()) as store:
        await FastdfsMigrationSource(config, store).delete(file_id)


def _made_elsewhere(content: bytes) -> FileId:
    """By a server that is none of the group's any more."""
    name = StoredName(bytes([10, 9, 8, 7]), 1_700_000_000, len(content), zlib.crc32(content), "123.txt").encode()
    return FileId(Backend.FASTDFS, "group1", name.decode())


def _put(storage: StorageServer, file_id: FileId, content: bytes) -> None:
    stored = Content()
    stored.append(content)
    storage.files.put(file_id.key.encode(), stored, is_appender=False)


def _asked(group: Group) -> int:
    return sum(storage.statistics.commands[Command.QUERY_INFO] for storage in group.storages)

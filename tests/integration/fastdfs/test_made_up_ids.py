"""An id is what its bearer wrote: no server is asked because an id names it, and nothing is remembered of such ids."""

import asyncio
import base64
import os
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Literal

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from s3py_helper.testing.bytes_alone import BytesAlone
from tests.support.fastdfs import Command, FakeCluster
from tests.support.fastdfs.site import FastdfsSite
from tests.support.recorder import Recorder

_STRANGER = "127.9.9.9"

pytestmark = pytest.mark.timeout(60)


def _made_up(source: bytes, *, group: str = "group1", age: float = 0) -> FileId:
    """As a server with this source names a file of five bytes."""
    noise = int.from_bytes(os.urandom(2))
    fields = struct.pack("!4sIQI", source, int(time.time() - age), 1 << 63 | noise << 32 | 5, 0x3610A686)
    return FileId.parse(f"{group}/M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}123.txt")


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster() as cluster:
        yield cluster


@pytest.fixture(params=["source", "replicas"])
async def store(cluster: FakeCluster, request: pytest.FixtureRequest) -> AsyncIterator[FastdfsBlobStore]:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, read_from=request.param, connect_timeout=0.5)
    async with FastdfsBlobStore(config) as store:
        yield store


@asynccontextmanager
async def _strangers(cluster: FakeCluster) -> AsyncIterator[list[str]]:
    """Listeners on a host that no tracker knows, on every port of the cluster; gives what they were sent."""
    visits: list[str] = []

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(str(writer.get_extra_info("sockname")))
        writer.close()

    servers = [await asyncio.start_server(note, _STRANGER, storage.port) for storage in cluster.storages]
    try:
        yield visits
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


async def _use(store: FastdfsBlobStore, file_id: FileId) -> None:
    """Everything that can be done with an id finds no file."""
    with pytest.raises(FileNotFoundException):
        await store.info(file_id)
    for readable in (store, BytesAlone(store)):
        with pytest.raises(FileNotFoundException):
            await read_all(readable, file_id)
    with pytest.raises(FileNotFoundException):
        await store.delete(file_id)


@pytest.mark.parametrize("age", [0, 200, 10**6])
async def test_an_address_in_an_id_is_not_connected_to(
    cluster: FakeCluster, store: FastdfsBlobStore, age: float
) -> None:
    async with _strangers(cluster) as visits:
        await _use(store, _made_up(IPv4Address(_STRANGER).packed, age=age))
    assert not visits


async def test_nothing_grows_with_ids_that_do_not_exist(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    written = await store.write(new_blob(), body_of(b"here"))
    await _use(store, _made_up(bytes([127, 9, 0, 0])))
    pools, remembered = len(store.session.pools), len(store.trackers.sources)
    accepted = sum(server.statistics.accepted for server in [*cluster.trackers, *cluster.storages])
    for number in range(300):
        with pytest.raises(FileNotFoundException):
            await store.info(_made_up(bytes([127, 9, *divmod(number, 256)])))
    assert len(store.session.pools) == pools
    assert len(store.trackers.sources) == remembered
    assert sum(server.statistics.accepted for server in [*cluster.trackers, *cluster.storages]) == accepted
    assert cluster.trackers[0].statistics.commands[Command.LIST_STORAGES] <= 3, "one list serves all of them"
    assert await read_all(store, written.file_id) == b"here"


@pytest.mark.parametrize("source", ["00000000", "ffffffff", "7f010201", "07000000"])
async def test_an_odd_source_makes_a_file_that_is_missing_and_nothing_else(
    store: FastdfsBlobStore, source: str
) -> None:
    await _use(store, _made_up(bytes.fromhex(source)))


async def test_a_made_up_id_that_names_a_server_of_the_group_is_missing(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    for storage in cluster.group("group1").storages:
        await _use(store, _made_up(storage.source))


async def test_an_old_file_that_a_stand_in_misses_is_missing_and_a_new_one_out_of_reach(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    source = cluster.group("group1").storages[0]
    await source.stop()
    await _use(store, _made_up(source.source, age=301))
    for operation in (store.info, store.delete, lambda file_id: read_all(store, file_id)):
        with pytest.raises(StorageUnavailableException, match=source.host):
            await operation(_made_up(source.source, age=200))


@pytest.mark.parametrize(
    ("version", "address_size"),
    [
        ((5, 12, 0), 15),
        ((6, 8, 0), 15),
        ((6, 11, 0), 45),
        ((6, 12, 2), 45),
        ((6, 13, 0), 45),
        ((6, 13, 2), 45),
        ((6, 16, 1), 15),
        ((6, 16, 1), 45),
    ],
    ids=str,
)
async def test_trackers_of_all_versions_tell_made_up_ids_from_files_out_of_reach(
    version: tuple[int, int, int], address_size: Literal[15, 45]
) -> None:
    observer = Recorder()
    async with FakeCluster({"group1": 2}, version=version, address_size=address_size) as cluster:
        config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, connect_timeout=0.5)
        async with FastdfsBlobStore(config, observer) as store:
            await _use(store, _made_up(IPv4Address(_STRANGER).packed))
    assert not observer.events


async def test_on_the_site_a_made_up_id_is_missing(fastdfs_site: FastdfsSite) -> None:
    observer = Recorder()
    async with FastdfsBlobStore(FastdfsConfig(tracker_servers=list(fastdfs_site.trackers)), observer) as store:
        for source in (IPv4Address(_STRANGER).packed, bytes(4), b"\xff" * 4, (7).to_bytes(4, "little")):
            for age in (0, 10**6):
                await _use(store, _made_up(source, age=age))
        pools = len(store.session.pools)
        for number in range(100):
            with pytest.raises(FileNotFoundException):
                await store.info(_made_up(bytes([127, 9, 9, number])))
        assert len(store.session.pools) == pools
    assert not observer.events

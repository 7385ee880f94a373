"""The protocol-level server does what it is told: faults, lag, outages, and a clean end."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.fastdfs import (
    AnswerStatus,
    Command,
    CorruptBody,
    Delay,
    FakeCluster,
    Fragment,
    GarbageHeader,
    RejectUpload,
    ResetAfter,
    StallAfter,
    Status,
    StopReading,
    TruncateAfter,
)
from tests.support.fastdfs.black_hole import black_hole
from tests.support.fastdfs.protocol import Header, numbers
from tests.support.fastdfs.raw import RawConnection, raw_connection
from tests.support.fastdfs.samples import CONTENT, GROUP, accepted, address_in, download, upload, upload_body
from tests.support.fastdfs.storage import StorageServer

SHORT = 0.2
WHOLE_REPLY = Header(len(CONTENT), Command.REPLY).encode() + CONTENT


@pytest.fixture
def storage(fake_fastdfs: FakeCluster) -> StorageServer:
    return fake_fastdfs.group("group1").storages[0]


@pytest.fixture
async def name(storage: StorageServer) -> bytes:
    return await upload(storage.address)


@pytest.fixture
async def connection(storage: StorageServer) -> AsyncIterator[RawConnection]:
    async with raw_connection(storage.address) as connection:
        yield connection


async def read_all(connection: RawConnection, name: bytes) -> bytes:
    """Every byte that comes until the connection ends, or falls silent."""
    body = numbers(0, 0) + GROUP + name
    await connection.send(Header(len(body), Command.DOWNLOAD).encode() + body)
    received = b""
    try:
        async with asyncio.timeout(SHORT):
            while data := await connection.read_some():
                received += data
    except TimeoutError:
        received += b"(silence)"
    except ConnectionResetError:
        received += b"(reset)"
    return received


@pytest.mark.parametrize(
    ("misbehaviour", "received"),
    [
        (StallAfter(), b"(silence)"),
        (StallAfter(12), WHOLE_REPLY[:12] + b"(silence)"),
        (TruncateAfter(4), WHOLE_REPLY[:4]),
        (TruncateAfter(15), WHOLE_REPLY[:15]),
        (ResetAfter(12), WHOLE_REPLY[:12] + b"(reset)"),
        (GarbageHeader(b"HTTP/1.1 4"), b"HTTP/1.1 4" + CONTENT + b"(silence)"),
        (CorruptBody(0), WHOLE_REPLY[:10] + b"\x97" + CONTENT[1:] + b"(silence)"),
        (Fragment(3), WHOLE_REPLY + b"(silence)"),
    ],
    ids=repr,
)
async def test_a_reply_goes_wrong_once(
    misbehaviour: StallAfter, received: bytes, storage: StorageServer, name: bytes, connection: RawConnection
) -> None:
    storage.misbehave(misbehaviour, command=Command.DOWNLOAD)

    accepted(await connection.ask(Command.ACTIVE_TEST))
    assert await read_all(connection, name) == received
    assert await download(storage.address, name) == CONTENT


async def test_a_fault_lasts_until_the_server_is_told_to_behave(storage: StorageServer, name: bytes) -> None:
    storage.misbehave(AnswerStatus(Status.FULL), command=Command.QUERY_INFO, times=None)
    async with raw_connection(storage.address) as connection:
        for _ in range(3):
            reply = await connection.ask(Command.QUERY_INFO, GROUP + name)
            assert reply is not None
            assert reply.status == Status.FULL

        storage.behave()
        accepted(await connection.ask(Command.QUERY_INFO, GROUP + name))


async def test_a_late_answer_is_right(storage: StorageServer, name: bytes) -> None:
    storage.misbehave(Delay(SHORT), command=Command.DOWNLOAD)
    started = asyncio.get_running_loop().time()

    assert await download(storage.address, name) == CONTENT
    assert asyncio.get_running_loop().time() - started >= SHORT


async def test_an_upload_rejected_in_mid_body_stores_nothing(storage: StorageServer, connection: RawConnection) -> None:
    storage.misbehave(RejectUpload(after=5, status=Status.FULL))

    await connection.send(Header(15 + 100, Command.UPLOAD).encode() + upload_body(b"x" * 20, size=100))
    reply = await connection.reply()

    assert reply is not None
    assert reply.status == Status.FULL
    assert await connection.ask(Command.ACTIVE_TEST) is None
    assert not storage.files


async def test_an_upload_that_nobody_reads_stalls(storage: StorageServer, connection: RawConnection) -> None:
    storage.misbehave(StopReading(after=1000))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SHORT):
            await connection.send(Header(1 << 40, Command.UPLOAD).encode() + bytes(32 << 20))


async def test_an_upload_given_up_by_its_client_stores_nothing(fake_fastdfs: FakeCluster) -> None:
    storage = fake_fastdfs.storages[0]
    async with raw_connection(storage.address) as connection:
        await connection.send(Header(15 + 100, Command.UPLOAD).encode() + upload_body(b"x" * 20, size=100))

    await until(lambda: fake_fastdfs.open_connections == 0)
    assert not fake_fastdfs.file_ids


async def test_files_and_deletes_reach_replicas_after_the_lag(fake_fastdfs: FakeCluster) -> None:
    group = fake_fastdfs.group("group1")
    source, replica = group.storages
    group.replication_lag = math.inf

    name = await upload(source.address)
    assert name not in replica.files
    group.replication_lag = 0.01
    await until(lambda: name in replica.files)

    group.replication_lag = math.inf
    async with raw_connection(source.address) as connection:
        accepted(await connection.ask(Command.DELETE, GROUP + name))
    assert name in replica.files
    group.replication_lag = 0
    assert name not in replica.files


async def test_trackers_name_a_replica_once_it_has_the_file(fake_fastdfs: FakeCluster) -> None:
    group = fake_fastdfs.group("group1")
    source, replica = group.storages
    group.replication_lag = math.inf
    name = await upload(source.address)

    assert await named(fake_fastdfs, Command.FETCH_ONE, name) == {source.address}
    group.is_trusted_blindly = True
    assert await named(fake_fastdfs, Command.FETCH_ONE, name) == {source.address, replica.address}
    group.is_trusted_blindly = False
    group.replication_lag = 0
    assert await named(fake_fastdfs, Command.FETCH_ONE, name) == {source.address, replica.address}
    assert await named(fake_fastdfs, Command.UPDATE, name) == {source.address}


async def test_a_stopped_storage_is_replaced_and_catches_up(fake_fastdfs: FakeCluster) -> None:
    source, replica = fake_fastdfs.group("group1").storages
    old = await upload(replica.address)
    await replica.stop()
    new = await upload(source.address)

    assert await named(fake_fastdfs, Command.UPDATE, old) == {source.address}
    with pytest.raises(ConnectionRefusedError):
        await upload(replica.address)
    assert new not in replica.files

    await replica.start()
    assert new in replica.files
    assert await download(replica.address, new) == CONTENT


async def test_a_group_without_a_storage_is_missing(fake_fastdfs: FakeCluster) -> None:
    (only,) = fake_fastdfs.group("group2").storages
    await only.stop(noticed=False)
    assert await named(fake_fastdfs, Command.FETCH_ONE, b"x" * 22, b"group2".ljust(16, b"\0")) == {only.address}

    await only.start()
    await only.stop()
    async with raw_connection(fake_fastdfs.tracker_address) as connection:
        reply = await connection.ask(Command.STORE_IN_GROUP, b"group2".ljust(16, b"\0"))
    assert reply is not None
    assert reply.status == Status.MISSING


@pytest.mark.parametrize(
    ("version", "offset", "size", "status"),
    [((6, 16, 1), 11, 0, Status.INVALID), ((6, 15, 3), 11, 0, Status.OK), ((6, 15, 3), 9, 3, Status.INVALID)],
)
async def test_older_versions_differ_at_the_end_of_a_file(
    version: tuple[int, int, int], offset: int, size: int, status: Status
) -> None:
    async with FakeCluster({"group1": 1}, version=version) as cluster:
        storage = cluster.storages[0]
        name = await upload(storage.address)
        async with raw_connection(storage.address) as connection:
            reply = await connection.ask(Command.DOWNLOAD, numbers(offset, size) + GROUP + name)

    assert reply is not None
    assert (reply.status, reply.body) == (status, b"")


async def test_statistics_count_connections_and_commands(storage: StorageServer, name: bytes) -> None:
    before = storage.statistics.accepted
    async with raw_connection(storage.address) as connection:
        accepted(await connection.ask(Command.QUERY_INFO, GROUP + name))
        accepted(await connection.ask(Command.QUERY_INFO, GROUP + name))
        assert storage.statistics.open == 1

    assert storage.statistics.accepted == before + 1
    assert storage.statistics.commands[Command.QUERY_INFO] == 2
    await until(lambda: storage.statistics.open == 0)


async def test_a_cluster_leaves_nothing_behind() -> None:
    before = open_descriptors(), len(asyncio.all_tasks())
    async with FakeCluster(trackers=2) as cluster:
        storage = cluster.storages[0]
        await upload(storage.address, bytes(3_000_000))
        storage.misbehave(StallAfter(), times=None)
        async with raw_connection(storage.address) as idle, raw_connection(storage.address) as stalled:
            await idle.send(b"\0")
            await stalled.send(Header(0, Command.ACTIVE_TEST).encode())
            await until(lambda: storage.statistics.open == 2)
            await storage.stop()
            assert await idle.reply() is None
            assert await stalled.reply() is None

    assert (open_descriptors(), len(asyncio.all_tasks())) == before


async def test_a_black_hole_never_answers_a_connection() -> None:
    with black_hole() as address, pytest.raises(TimeoutError):
        async with asyncio.timeout(SHORT), raw_connection(address):
            pytest.fail("the connection was accepted")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def named(cluster: FakeCluster, command: Command, name: bytes, group: bytes = GROUP, times: int = 4) -> set[str]:
    async with raw_connection(cluster.tracker_address) as connection:
        return {address_in(accepted(await connection.ask(command, group + name)).body) for _ in range(times)}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)

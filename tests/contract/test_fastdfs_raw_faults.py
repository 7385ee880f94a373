"""What raw services of FastDFS leave behind when something fails halfway: nothing, or the file with its metadata."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from s3py_helper.storage import FastdfsConfig, StorageException
from s3py_helper.storage.fastdfs import (
    FastdfsAppenderServiceImpl,
    FastdfsClient,
    FastdfsDownloadServiceImpl,
    FastdfsMetadataServiceImpl,
    FastdfsSlaveServiceImpl,
    FastdfsUploadServiceImpl,
)
from tests.support.fastdfs import (
    AnswerStatus,
    Command,
    Delay,
    FakeCluster,
    Misbehaviour,
    StallAfter,
    Status,
    TruncateAfter,
)
from tests.support.fastdfs.storage import StorageServer
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
def storage(cluster: FakeCluster) -> StorageServer:
    return cluster.storages[0]


@pytest.fixture
async def client(cluster: FakeCluster) -> AsyncIterator[FastdfsClient]:
    config = FastdfsConfig(tracker_servers=cluster.tracker_addresses, network_timeout=0.5)
    async with FastdfsClient(config) as client:
        yield client


@pytest.fixture
async def master(client: FastdfsClient) -> str:
    return (await FastdfsUploadServiceImpl(client).upload_bytes("master.jpg", b"picture")).file_id


async def create_appender(client: FastdfsClient, _master: str) -> None:
    await FastdfsAppenderServiceImpl(client).create("a.log", b"line", {"a": "b"})


async def create_slave(client: FastdfsClient, master: str) -> None:
    await FastdfsSlaveServiceImpl(client).upload_slave(master, "_big", "a.jpg", b"big", {"a": "b"})


BOTH = pytest.mark.parametrize(
    ("create", "command"), [(create_appender, Command.UPLOAD_APPENDER), (create_slave, Command.UPLOAD_SLAVE)]
)
type Create = Callable[[FastdfsClient, str], Awaitable[None]]


@BOTH
@pytest.mark.parametrize("failure", [TruncateAfter(), StallAfter(), AnswerStatus(Status.FULL)], ids=repr)
async def test_a_file_whose_metadata_fail_is_rolled_back(
    cluster: FakeCluster,
    client: FastdfsClient,
    storage: StorageServer,
    master: str,
    create: Create,
    command: Command,
    failure: Misbehaviour,
) -> None:
    storage.misbehave(failure, command=Command.SET_METADATA)
    with pytest.raises(StorageException):
        await create(client, master)
    await until(lambda: cluster.file_ids == {master})
    await create(client, master)


@BOTH
async def test_a_cancelled_creation_leaves_nothing(
    cluster: FakeCluster, client: FastdfsClient, storage: StorageServer, master: str, create: Create, command: Command
) -> None:
    storage.misbehave(Delay(0.1), command=command)
    creating = asyncio.ensure_future(create(client, master))
    await until(lambda: storage.statistics.commands[command])
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    await until(lambda: cluster.file_ids == {master})
    await create(client, master)
    assert len(cluster.file_ids) == 2


async def test_a_file_is_finished_although_its_caller_is_cancelled(
    cluster: FakeCluster, client: FastdfsClient, storage: StorageServer
) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    appender = (await appenders.create("a.log", b"line", {"a": "b"})).file_id
    storage.misbehave(Delay(0.1), command=Command.REGENERATE)
    finishing = asyncio.create_task(appenders.finish(appender))
    await until(lambda: storage.statistics.commands[Command.REGENERATE])
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    [finished] = cluster.file_ids
    assert finished != appender
    assert await FastdfsDownloadServiceImpl(client).download_bytes(finished) == b"line"
    assert await FastdfsMetadataServiceImpl(client).get_metadata(finished) == {"a": "b"}


@pytest.mark.parametrize("failure", [TruncateAfter(), StallAfter(), AnswerStatus(Status.FULL)], ids=repr)
async def test_a_change_that_fails_is_reported_and_the_client_works_on(
    client: FastdfsClient, storage: StorageServer, failure: Misbehaviour
) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    appender = (await appenders.create("a.log", b"line")).file_id
    changes: list[tuple[Command, Callable[[], Awaitable[None]]]] = [
        (Command.APPEND, lambda: appenders.append(appender, b"more")),
        (Command.MODIFY, lambda: appenders.modify(appender, 0, b"L")),
        (Command.TRUNCATE, lambda: appenders.truncate(appender, 2)),
        (Command.SET_METADATA, lambda: FastdfsMetadataServiceImpl(client).set_metadata(appender, {"a": "b"})),
    ]
    for command, change in changes:
        storage.misbehave(failure, command=command)
        with pytest.raises(StorageException) as caught:
            await change()
        assert caught.value.file_id == appender
        await change()

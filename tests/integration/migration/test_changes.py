"""Files that are changed by clients of FastDFS alone while their group moves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.storage import StorageManager
from s3py_helper.storage.fastdfs import (
    FastdfsAppenderServiceImpl,
    FastdfsClient,
    FastdfsDeleteServiceImpl,
    FastdfsDownloadServiceImpl,
    FastdfsMetadataServiceImpl,
    FastdfsSlaveServiceImpl,
)
from tests.support.migrating import Site, applied, copied, s3_only, states
from tests.support.s3.inspector import S3Inspector

pytestmark = pytest.mark.timeout(60)

BUCKET = "changed"


@pytest.fixture
async def client(site: Site, migration: Migration) -> AsyncIterator[FastdfsClient]:
    async with FastdfsClient(site.fastdfs, site.observer, migration=migration) as client:
        yield client


async def test_what_is_written_to_a_copied_file_is_copied_again(
    client: FastdfsClient, migration: Migration, manager: StorageManager, s3_inspector: S3Inspector
) -> None:
    service = FastdfsAppenderServiceImpl(client)
    file_id = (await service.create("log.txt", b"0123456789")).file_id
    expected = b"0123456789"
    await copied(migration, [FileId.parse(file_id)])
    await migration.route("group1", Route.S3_FIRST)
    for change, expected in (
        (service.append(file_id, b"abc"), b"0123456789abc"),
        (service.modify(file_id, 0, b"XYZ"), b"XYZ3456789abc"),
        (service.truncate(file_id, 5), b"XYZ34"),
    ):
        assert await states(migration) == {FileState.COPIED: 1}
        await change
        assert await states(migration) == {FileState.PLANNED: 1}
        assert await manager.download_service.download_bytes(file_id) == expected, "read where it is written"
        await applied(migration)
        assert await s3_inspector.read(f"fastdfs/{file_id}") == expected
    await migration.verify()
    await s3_only(migration)
    assert await manager.download_service.download_bytes(file_id) == expected
    assert [chunk async for chunk in FastdfsDownloadServiceImpl(client).download_to_generator(file_id)] == [expected]


async def test_what_is_written_while_it_is_copied_is_not_lost(
    client: FastdfsClient, migration: Migration, s3_inspector: S3Inspector
) -> None:
    service = FastdfsAppenderServiceImpl(client)
    file_id = (await service.create("log.txt", b"0")).file_id
    content = b"0"
    copying = asyncio.ensure_future(copied(migration, [FileId.parse(file_id)]))
    for number in range(1, 30):
        content += f"{number} ".encode()
        await service.append(file_id, f"{number} ".encode())
    await copying
    await applied(migration)
    assert await states(migration) == {FileState.COPIED: 1}
    assert await s3_inspector.read(f"fastdfs/{file_id}") == content


async def test_metadata_that_change_after_the_copy_are_copied(
    client: FastdfsClient, migration: Migration, manager: StorageManager
) -> None:
    upload = await client.upload_by_buffer(b"content", "txt", {"colour": "red"})
    file_id = upload["file_id"]
    await copied(migration, [FileId.parse(file_id)])
    service = FastdfsMetadataServiceImpl(client)
    for pairs in ({"colour": "blue"}, {"Colour": "green", "with": "capitals"}, {}):
        await service.set_metadata(file_id, pairs)
        assert (await applied(migration)).copied == 1
        await migration.route("group1", Route.S3_FIRST)
        async with manager.download_service.open(file_id) as opened:
            assert opened.info.metadata == pairs
            assert opened.info.file_name == "file.txt"


async def test_a_finished_file_leaves_no_copy_of_its_old_id(
    client: FastdfsClient, migration: Migration, manager: StorageManager, s3_inspector: S3Inspector
) -> None:
    service = FastdfsAppenderServiceImpl(client)
    old = (await service.create("log.txt", b"0123456789")).file_id
    await copied(migration, [FileId.parse(old)])
    new = await service.finish(old)
    assert await s3_inspector.keys(f"fastdfs/{old}") == []
    with pytest.raises(FileNotFoundException):
        await manager.info_service.get_file_info(old)
    assert (await applied(migration)).copied == 1, "the new id is planned"
    assert await s3_inspector.read(f"fastdfs/{new}") == b"0123456789"


async def test_what_the_client_deletes_does_not_come_back(
    client: FastdfsClient, migration: Migration, manager: StorageManager, s3_inspector: S3Inspector
) -> None:
    file_id = (await client.upload_by_buffer(b"content", "txt"))["file_id"]
    await copied(migration, [FileId.parse(file_id)])
    await FastdfsDeleteServiceImpl(client).delete_file(file_id)
    assert await s3_inspector.keys(f"fastdfs/{file_id}") == []
    assert await states(migration) == {FileState.DELETED: 1}
    with pytest.raises(FileNotFoundException):
        await FastdfsMetadataServiceImpl(client).set_metadata(file_id, {"a": "b"})
    with pytest.raises(FileNotFoundException):
        await manager.info_service.get_file_info(file_id)


async def test_nothing_changes_where_reads_have_left(client: FastdfsClient, migration: Migration) -> None:
    appender = FastdfsAppenderServiceImpl(client)
    file_id = (await appender.create("log.txt", b"0123456789")).file_id
    await copied(migration, [FileId.parse(file_id)])
    await migration.verify()
    await s3_only(migration)
    for refused in (
        appender.append(file_id, b"more"),
        appender.modify(file_id, 0, b"X"),
        appender.truncate(file_id),
        appender.finish(file_id),
        FastdfsMetadataServiceImpl(client).set_metadata(file_id, {}),
        FastdfsSlaveServiceImpl(client).upload_slave(file_id, "_s", "s.txt", b"slave"),
    ):
        with pytest.raises(RouteNotSupportedException, match="read from S3 alone"):
            await refused
    assert await states(migration) == {FileState.VERIFIED: 1}


async def test_a_change_that_cannot_be_noted_is_not_made(
    site: Site, client: FastdfsClient, migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = FastdfsAppenderServiceImpl(client)
    file_id = (await service.create("log.txt", b"0123456789")).file_id
    await migration.ledger._database.read(  # type: ignore[attr-defined]  # noqa: SLF001 - a full disk without root
        lambda connection: connection.execute("pragma query_only = on").fetchall()
    )
    with pytest.raises(StorageUnavailableException):
        await service.append(file_id, b"more")
    async with site.before() as before:
        assert await before.download_service.download_bytes(file_id) == b"0123456789"


async def test_a_slave_that_was_deleted_cannot_be_stored_again(
    client: FastdfsClient, migration: Migration, site: Site
) -> None:
    """Its id would be the same, and deleted ids stay deleted: nobody would find the file."""
    master = await site.files.upload(b"the master")
    slaves = FastdfsSlaveServiceImpl(client)
    slave = (await slaves.upload_slave(str(master), "_big", "picture.jpg", b"first")).file_id
    await copied(migration, [master, FileId.parse(slave)])
    await FastdfsDeleteServiceImpl(client).delete_file(slave)
    with pytest.raises(InvalidArgumentException, match="stays deleted: choose another prefix"):
        await slaves.upload_slave(str(master), "_big", "picture.jpg", b"second")
    assert [name for storage in site.group.storages for name in storage.files if b"_big" in bytes(name)] == []
    other = (await slaves.upload_slave(str(master), "_large", "picture.jpg", b"second")).file_id
    assert await FastdfsDownloadServiceImpl(client).download_bytes(other) == b"second"

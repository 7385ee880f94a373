"""Drains that are interrupted, and what they meet."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, GateRefusedException, Route
from s3py_helper.storage import StorageManager
from tests.support.fastdfs import AnswerStatus, Command
from tests.support.migrating import Site, copied, migrating, s3_only, states
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)

BUCKET = "drained"


@pytest.fixture
def s3_inspector(seaweedfs: S3Server) -> S3Inspector:
    return inspector_of(seaweedfs, BUCKET)


@pytest.fixture
async def site(seaweedfs: S3Server, tmp_path: Path, s3_inspector: S3Inspector) -> AsyncIterator[Site]:
    async with migrating(seaweedfs.config(default_bucket=BUCKET), tmp_path / "ledger.db", "") as site:
        yield site


@pytest.fixture
async def manager(site: Site) -> AsyncIterator[StorageManager]:
    async with site.manager() as manager:
        yield manager


@pytest.fixture
def migration(manager: StorageManager) -> Migration:
    return manager.migration


@pytest.fixture
async def file_ids(site: Site, migration: Migration) -> list[FileId]:
    """Copied, verified, and read from S3 alone."""
    ids = [await site.files.upload(f"file {number}".encode()) for number in range(3)]
    await copied(migration, ids)
    await migration.verify()
    await s3_only(migration)
    return ids


def _left(site: Site) -> int:
    return max(len(storage.files) for storage in site.group.storages)


async def test_what_a_drain_marked_and_did_not_delete_is_made_up_for(
    site: Site, migration: Migration, file_ids: list[FileId]
) -> None:
    for file_id in file_ids[:2]:  # as a process that is killed leaves them
        found = await migration.ledger.find(file_id)
        assert found is not None
        assert await migration.ledger.begin_drain(found)
    await site.files.delete(file_ids[0])
    assert _left(site) == 2
    result = await migration.drainer().drain(-1)
    assert (result.drained, result.kept) == (3, {})
    assert _left(site) == 0
    assert await states(migration) == {FileState.DRAINED: 3}
    assert (await migration.drainer().drain(-1)).drained == 0


async def test_a_server_that_refuses_one_file_does_not_hold_up_the_others(
    site: Site, migration: Migration, file_ids: list[FileId]
) -> None:
    for storage in site.group.storages:
        storage.misbehave(AnswerStatus(16), command=Command.DELETE)
    result = await migration.drainer().drain(-1)
    assert 0 < len(result.kept) < 3
    assert all(reason.startswith("it is not deleted yet: ") for reason in result.kept.values())
    again = await migration.drainer().drain(-1)
    assert (again.kept, again.drained + result.drained) == ({}, 3)
    assert _left(site) == 0


async def test_reads_go_on_after_a_drain_that_was_cut_short(
    manager: StorageManager, migration: Migration, file_ids: list[FileId]
) -> None:
    found = await migration.ledger.find(file_ids[0])
    assert found is not None
    await migration.ledger.begin_drain(found)
    assert await manager.download_service.download_bytes(str(file_ids[0])) == b"file 0"
    with pytest.raises(GateRefusedException, match="no way back"):
        await migration.route("group1", Route.FASTDFS)
    await manager.delete_service.delete_file(str(file_ids[0]))
    assert (await migration.drainer().drain(-1)).drained == 2
    assert (await states(migration))[FileState.DELETED] == 1


async def test_a_drain_stops_where_the_route_was_taken_back(migration: Migration, file_ids: list[FileId]) -> None:
    found = await migration.ledger.find(file_ids[0])
    assert found is not None
    await migration.route("group1", Route.S3_FIRST)
    assert not await migration.ledger.begin_drain(found)
    assert await states(migration) == {FileState.VERIFIED: 3}


async def test_the_way_back_is_open_only_while_fastdfs_has_the_files(
    site: Site, migration: Migration, file_ids: list[FileId]
) -> None:
    for storage in site.group.storages:
        await storage.stop(noticed=False)
    with pytest.raises(GateRefusedException, match="does not answer"):
        await migration.route("group1", Route.FASTDFS)
    for storage in site.group.storages:
        await storage.start()
    await site.files.delete(file_ids[0])
    with pytest.raises(GateRefusedException, match=f"no longer has {file_ids[0]}"):
        await migration.route("group1", Route.FASTDFS)

"""Drains: how they go on, are held up and interrupted, and what they meet."""

import asyncio
import time

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.application.migration import draining as draining_module
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.ports.ledger import Limits
from s3py_helper.application.ports.migration_target import TargetObject
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, GateRefusedException, Route
from s3py_helper.storage import StorageManager, StorageUnavailableException
from tests.support.fastdfs import AnswerStatus, Command
from tests.support.migrating import Site, copied, s3_only, states

pytestmark = pytest.mark.timeout(60)

BUCKET = "drained"


@pytest.fixture
async def file_ids(site: Site, migration: Migration) -> list[FileId]:
    """Copied, verified, and read from S3 alone."""
    ids = [await site.files.upload(f"file {number}".encode()) for number in range(3)]
    await copied(migration, ids)
    await migration.verify()
    await s3_only(migration)
    return ids


@pytest.fixture
async def many(site: Site, migration: Migration) -> list[FileId]:
    """The same of more files than are deleted at once."""
    ids = [await site.files.upload(f"file {number}".encode()) for number in range(40)]
    await copied(migration, ids)
    await migration.verify()
    await s3_only(migration)
    return ids


class HeldDeletions:
    """Deletions at the source wait until they are let go; notes what was looked at, and what was deleted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[str, str]] = []
        self.waiting = 0
        self._let_go = asyncio.Event()
        self._more = asyncio.Condition()
        head, delete = S3MigrationTarget.head, FastdfsMigrationSource.delete

        async def noted_head(target: S3MigrationTarget, key: str) -> TargetObject | None:
            self.steps.append(("looked at", key.removeprefix("fastdfs/")))
            return await head(target, key)

        async def held_delete(source: FastdfsMigrationSource, file_id: FileId) -> None:
            async with self._more:
                self.waiting += 1
                self._more.notify_all()
            await self._let_go.wait()
            self.steps.append(("deleted", str(file_id)))
            await delete(source, file_id)

        monkeypatch.setattr(S3MigrationTarget, "head", noted_head)
        monkeypatch.setattr(FastdfsMigrationSource, "delete", held_delete)

    async def wait_for(self, count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.waiting >= count)

    def let_go(self) -> None:
        self._let_go.set()


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


async def test_sixteen_files_at_once_are_deleted_each_after_a_look(
    site: Site, migration: Migration, many: list[FileId], monkeypatch: pytest.MonkeyPatch
) -> None:
    deletions = HeldDeletions(monkeypatch)
    draining = asyncio.ensure_future(migration.drainer().drain(-1))
    await deletions.wait_for(16)
    looked_at = [step for step in deletions.steps if step[0] == "looked at"]
    assert (deletions.waiting, len(looked_at)) == (16, 16), "no object is looked at long before its file is deleted"
    deletions.let_go()
    assert (await draining).drained == len(many)
    assert _left(site) == 0
    for file_id in map(str, many):
        assert deletions.steps.index(("looked at", file_id)) < deletions.steps.index(("deleted", file_id))


async def test_a_drain_that_is_stopped_finishes_the_files_at_hand(
    site: Site, migration: Migration, many: list[FileId], monkeypatch: pytest.MonkeyPatch
) -> None:
    deletions = HeldDeletions(monkeypatch)
    drainer = migration.drainer()
    draining = asyncio.ensure_future(drainer.drain(-1))
    await deletions.wait_for(16)
    drainer.stop()
    deletions.let_go()
    assert (await draining).drained == 16
    assert await states(migration) == {FileState.DRAINED: 16, FileState.VERIFIED: len(many) - 16}
    assert _left(site) == len(many) - 16


async def test_a_drain_waits_while_the_migration_is_paused(migration: Migration, file_ids: list[FileId]) -> None:
    await migration.ledger.set_limits(Limits(paused=True))
    draining = asyncio.ensure_future(migration.drainer().drain(-1))
    done, _ = await asyncio.wait([draining], timeout=2.5)  # longer than it waits for routes
    assert not done
    assert await states(migration) == {FileState.VERIFIED: 3}
    await migration.ledger.set_limits(Limits())
    assert (await draining).drained == 3


async def test_a_drain_that_is_paused_can_be_stopped(migration: Migration, file_ids: list[FileId]) -> None:
    await migration.ledger.set_limits(Limits(paused=True))
    drainer = migration.drainer()
    draining = asyncio.ensure_future(drainer.drain(-1))
    drainer.stop()
    assert (await draining).drained == 0


async def test_a_drain_keeps_to_the_limit_of_files(migration: Migration, many: list[FileId]) -> None:
    await migration.ledger.set_limits(Limits(files_per_second=20))
    began = time.monotonic()
    assert (await migration.drainer().drain(-1)).drained == 40
    assert time.monotonic() - began > 3  # two for the routes, and then 40 files


async def test_how_long_ago_a_file_was_verified_goes_by_the_ledger_s_clock(
    migration: Migration, file_ids: list[FileId], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)  # this host's
    result = await migration.drainer().drain(600)
    assert (result.drained, result.too_young) == (0, len(file_ids))


async def test_a_drain_gives_up_when_nothing_works_any_more(
    site: Site, migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining_module, "_MOST_FAILURES", 2)
    await copied(migration, [await site.files.upload(b"stays") for _ in range(4)])
    await migration.verify()
    await s3_only(migration)
    for storage in site.group.storages:
        storage.misbehave(AnswerStatus(16), command=Command.DELETE, times=None)
    with pytest.raises(StorageUnavailableException, match="busy"):
        await migration.drainer().drain(-1)
    assert _left(site) == 4

"""Deletions that come while a step of a migration is under way, or while a server cannot follow them."""

from pathlib import Path

import pytest

from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.relocation import MigrationRelocation
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.ports.migration_target import NewObject, TargetObject
from s3py_helper.application.ports.relocation import DeleteAt
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.storage import FileNotFoundException, StorageManager, StorageUnavailableException
from tests.support.fastdfs import FakeCluster
from tests.support.migration.bench import Bench
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def bench(seaweedfs: S3Server, scenario_bucket: S3Inspector, fake_fastdfs: FakeCluster, tmp_path: Path) -> Bench:
    return Bench(seaweedfs, scenario_bucket, fake_fastdfs.tracker_address, tmp_path)


def deletes_at_head(bench: Bench, manager: StorageManager, file_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete a file when its object is about to be looked at."""
    real = S3MigrationTarget.head

    async def head(target: S3MigrationTarget, key: str) -> TargetObject | None:
        if key == bench.key_of(file_id) and file_id not in bench.truth.deleted:
            await bench.delete(manager, file_id)
        return await real(target, key)

    monkeypatch.setattr(S3MigrationTarget, "head", head)


async def test_a_file_that_is_deleted_while_it_is_verified_has_not_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, _ = await bench.upload(b"deleted", b"stays")
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        deletes_at_head(bench, manager, deleted, monkeypatch)
        result = await manager.migration.verify(VerifyOptions())
        assert (result.failed, sum(result.levels.values())) == ({}, 1)
    assert (await bench.audit()).damages == {}


async def test_a_file_that_is_deleted_while_it_is_drained_is_not_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, _ = await bench.upload(b"deleted", b"drained")
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        await bench.leave(manager)
        deletes_at_head(bench, manager, deleted, monkeypatch)
        result = await manager.migration.drainer().drain(-1)
        assert (result.kept, result.drained) == ({}, 1)
    assert (await bench.audit()).damages == {}


async def test_deletions_that_servers_have_not_counted_yet_make_no_listing_incomplete(
    bench: Bench, fake_fastdfs: FakeCluster
) -> None:
    files = await bench.upload(b"one", b"two", b"three")
    async with bench.manager() as manager:
        for storage in fake_fastdfs.storages:
            storage.hold_report()
        await bench.delete(manager, files[0])
        assert (await manager.migration.plan(PlanOptions(), settle_seconds=1)).complete
        await bench.delete_past_the_kit(files[1])
        result = await manager.migration.plan(PlanOptions(), settle_seconds=2)
        assert result.shortages == {"group1": 1}, "what the kit did not delete may be a file that is not listed"


async def test_a_copy_that_could_not_be_taken_back_is_not_served_and_removed_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    [file_id] = await bench.upload(b"deleted past the kit while it was copied")
    put, delete, sweep = S3MigrationTarget.put, S3MigrationTarget.delete, MigrationRelocation.sweep

    async def put_then_lose(target: S3MigrationTarget, new: NewObject, body: IncomingBody) -> TargetObject:
        stored = await put(target, new, body)
        await bench.delete_past_the_kit(file_id)
        return stored

    async def fails(_target: S3MigrationTarget, _key: str) -> None:
        raise StorageUnavailableException("S3 is away for a moment")

    async def nothing(_relocation: MigrationRelocation, _delete_at: DeleteAt, _limit: int = 100) -> int:
        return 0

    async with bench.manager() as manager:
        await manager.migration.preflight()
        await bench.plan(manager)
        monkeypatch.setattr(S3MigrationTarget, "put", put_then_lose)
        monkeypatch.setattr(S3MigrationTarget, "delete", fails)
        monkeypatch.setattr(MigrationRelocation, "sweep", nothing)
        await bench.apply(manager)
        assert await bench.state_of(manager, file_id) is FileState.GONE
        assert (await bench.audit()).damages == {"resurrected": [file_id]}
        await manager.migration.route("group1", Route.S3_FIRST)
        with pytest.raises(FileNotFoundException):
            await manager.download_service.download_bytes(file_id)
        monkeypatch.setattr(S3MigrationTarget, "delete", delete)
        monkeypatch.setattr(MigrationRelocation, "sweep", sweep)
        await bench.apply(manager)
    assert (await bench.audit()).damages == {}


async def test_metadata_without_its_file_are_removed_with_it(bench: Bench) -> None:
    """A copy begins with the second object, so that the file is never seen without it."""
    file_id, _ = await bench.upload(b"its worker died early", b"stays")
    await bench.inspector.put(f"{bench.key_of(file_id)}.meta.json", b"{}", Metadata={"s3py-fastdfs-id": file_id})
    async with bench.manager() as manager:
        await bench.delete(manager, file_id)
        assert (await bench.audit()).damages.keys() == {"lost"}, "of the file that was not copied yet"
        await bench.plan(manager)
        await bench.apply(manager)
    assert (await bench.audit()).damages == {}


async def test_what_one_worker_has_seen_of_a_target_others_need_not_try(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = 0
    real = S3MigrationTarget.probe

    async def probe(target: S3MigrationTarget, prefix: str) -> object:
        nonlocal probes
        probes += 1
        return await real(target, prefix)

    monkeypatch.setattr(S3MigrationTarget, "probe", probe)
    for _ in range(3):
        async with bench.manager() as manager:
            await bench.apply(manager)
    assert probes == 1
    async with bench.manager() as manager:
        await manager.migration.preflight()
    assert probes == 2, "whoever asks for it gets it"

"""The whole way from FastDFS to S3, through the library, on the servers of this test run."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, GateRefusedException, Route
from s3py_helper.entrypoints.container.config import MigrationConfig
from s3py_helper.storage import (
    FastdfsConfig,
    FileNotFoundException,
    InvalidArgumentException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(120)

BUCKET = "migrated"


class Deployment:
    """Makes managers of one deployment; each `ledger` is a migration of its own."""

    def __init__(self, seaweedfs: S3Server, site: FastdfsSite, folder: Path) -> None:
        self._s3 = seaweedfs.config(default_bucket=BUCKET)
        self._fastdfs = FastdfsConfig(tracker_servers=list(site.trackers))
        self._migration = MigrationConfig(ledger=str(folder / "ledger.db"), prefix="old/")

    def manager(self, mode: StorageMode = StorageMode.HYBRID, *, migrates: bool = True) -> StorageManager:
        return StorageManager(
            StorageModeConfig(mode=mode),
            s3_config=self._s3,
            fastdfs_config=self._fastdfs if mode is not StorageMode.S3 else None,
            migration_config=self._migration if migrates else None,
        )

    def before(self) -> StorageManager:
        """FastDFS alone, as it was before anybody thought of leaving."""
        return StorageManager(StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=self._fastdfs)


@pytest.fixture
async def deployment(
    seaweedfs: S3Server, fastdfs_site: FastdfsSite, tmp_path: Path, s3_inspector: S3Inspector
) -> AsyncIterator[Deployment]:
    yield Deployment(seaweedfs, fastdfs_site, tmp_path)
    for key in await s3_inspector.keys("old/"):
        await asyncio.to_thread(s3_inspector.sdk.delete_object, Bucket=BUCKET, Key=key)


@pytest.fixture
async def old_files(deployment: Deployment) -> AsyncIterator[dict[str, bytes]]:
    """Files in FastDFS: empty, small, and of several chunks."""
    contents = [b"", b"x", b"contract" * 100, hashlib.sha256(b"seed").digest() * 40_000]
    stored: dict[str, bytes] = {}
    async with deployment.before() as manager:
        for number, content in enumerate(contents):
            attach = await manager.upload_service.upload_bytes(
                f"Akte №{number}.txt", content, metadata={"Owner": "Ада", "n": str(number)}
            )
            stored[attach.file_id] = content
        yield stored
        for file_id in stored:
            try:
                await manager.delete_service.delete_file(file_id)
            except FileNotFoundException:
                continue


async def _ids(*file_ids: str) -> AsyncIterator[str]:
    for file_id in file_ids:
        yield file_id


async def _planned(manager: StorageManager, files: dict[str, bytes]) -> None:
    result = await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", _ids(*files))]))
    assert (result.found, result.new, result.gone) == (len(files), len(files), 0)


async def _states(manager: StorageManager) -> dict[FileState, int]:
    status = await manager.migration.status()
    return {state: status.files_in(state) for state in FileState if status.files_in(state)}


async def _assert_served(manager: StorageManager, files: dict[str, bytes]) -> None:
    for number, (file_id, content) in enumerate(files.items()):
        assert await manager.download_service.download_bytes(file_id) == content
        async with manager.download_service.open(file_id) as opened:
            assert opened.info.file_id == file_id
            assert opened.info.file_name == f"Akte №{number}.txt"
            assert opened.info.metadata == {"Owner": "Ада", "n": str(number)}
        info = await manager.info_service.get_file_info(file_id)
        assert (info.file_size, info.content_type) == (len(content), "text/plain")


async def test_every_old_id_goes_on_answering_from_plan_to_drain(
    deployment: Deployment, old_files: dict[str, bytes], s3_inspector: S3Inspector
) -> None:
    async with deployment.before() as manager:
        before = {file_id: await manager.info_service.get_file_info(file_id) for file_id in old_files}
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        await _assert_served(manager, old_files)
        progress = await (await manager.migration.applier()).apply(ApplyOptions())
        assert (progress.copied, progress.quarantined, progress.stopped_by) == (len(old_files), 0, "done")
        groups = {FileId.parse(file_id).bucket for file_id in old_files}
        for group in groups:
            with pytest.raises(GateRefusedException, match="not verified"):
                await manager.migration.route(group, Route.S3_ONLY)
            await manager.migration.route(group, Route.S3_FIRST)
        await _assert_served(manager, old_files)
        verified = await manager.migration.verify(VerifyOptions(read_share=1.0))
        assert verified.failed == {}
        assert verified.strangers == []
        for group in groups:
            with pytest.raises(GateRefusedException, match="not whole"):
                await manager.migration.route(group, Route.S3_ONLY)
            await manager.migration.route(group, Route.S3_ONLY, accept_incomplete=True)
    for file_id, content in old_files.items():
        assert await s3_inspector.read(f"old/fastdfs/{file_id}") == content
    async with deployment.manager() as manager:
        drained = await manager.migration.drainer().drain(0)
        assert drained.kept == {}
        if drained.too_young:
            await asyncio.sleep(1.1)
            drained = await manager.migration.drainer().drain(0)
        assert await _states(manager) == {FileState.DRAINED: len(old_files)}
        await _assert_served(manager, old_files)
        for file_id, known in before.items():
            now = await manager.info_service.get_file_info(file_id)
            assert now.last_modify_time == known.last_modify_time
            assert now.model_copy(update={"etag": known.etag, "checksum": known.checksum}) == known
    async with deployment.before() as manager:
        for file_id in old_files:
            with pytest.raises(FileNotFoundException):
                await manager.info_service.get_file_info(file_id)
    async with deployment.manager(StorageMode.S3) as manager:
        await _assert_served(manager, old_files)


async def test_a_second_run_copies_nothing(deployment: Deployment, old_files: dict[str, bytes]) -> None:
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        await (await manager.migration.applier()).apply(ApplyOptions())
        result = await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", _ids(*old_files))]))
        assert result.new == 0
        again = await (await manager.migration.applier()).apply(ApplyOptions())
        assert (again.copied, again.quarantined) == (0, 0)


async def test_a_lost_ledger_finds_the_copies_again(
    deployment: Deployment, old_files: dict[str, bytes], s3_inspector: S3Inspector, tmp_path: Path
) -> None:
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        await (await manager.migration.applier()).apply(ApplyOptions())
    before = {key: (await s3_inspector.head(key))["LastModified"] for key in await s3_inspector.keys("old/")}
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        progress = await (await manager.migration.applier()).apply(ApplyOptions())
        assert (progress.copied, progress.quarantined) == (len(old_files), 0)
    assert {key: (await s3_inspector.head(key))["LastModified"] for key in await s3_inspector.keys("old/")} == before


async def test_what_is_deleted_does_not_come_back(
    deployment: Deployment, old_files: dict[str, bytes], s3_inspector: S3Inspector
) -> None:
    planned, copied, *_ = old_files
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        await manager.delete_service.delete_file(planned)
        await (await manager.migration.applier()).apply(ApplyOptions())
        await manager.delete_service.delete_file(copied)
        for file_id in (planned, copied):
            assert await s3_inspector.keys(f"old/fastdfs/{file_id}") == []
            with pytest.raises(FileNotFoundException):
                await manager.download_service.download_bytes(file_id)
            with pytest.raises(FileNotFoundException):
                await manager.delete_service.delete_file(file_id)
        result = await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", _ids(*old_files))]))
        assert result.new == 0
        await (await manager.migration.applier()).apply(ApplyOptions())
        assert (await _states(manager))[FileState.DELETED] == 2
        assert await s3_inspector.keys(f"old/fastdfs/{copied}") == []


async def test_an_id_that_no_server_has_is_no_failure(deployment: Deployment, old_files: dict[str, bytes]) -> None:
    known = next(iter(old_files))
    # Another checksum digit: the source has no such file.
    made_up = known[:-5] + ("1" if known[-5] == "0" else "0") + known[-4:]
    async with deployment.manager() as manager:
        result = await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", _ids(made_up, "no id at all"))]))
        assert (result.found, result.gone, result.unplannable_count) == (0, 1, 1)
        assert result.unplannable[0][1] == 2
        with pytest.raises(FileNotFoundException):
            await manager.delete_service.delete_file(made_up)


async def test_a_moved_file_has_one_id(
    deployment: Deployment, old_files: dict[str, bytes], s3_inspector: S3Inspector
) -> None:
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        await (await manager.migration.applier()).apply(ApplyOptions())
        file_id = next(iter(old_files))
        with pytest.raises(InvalidArgumentException, match=f"use its id {file_id}"):
            await manager.download_service.download_bytes(f"s3:{BUCKET}/old/fastdfs/{file_id}")
        listed = [info.file_id async for info in manager.list_service.list_files("old/")]
        assert sorted(listed) == sorted(old_files)


async def test_another_object_under_the_key_is_left_alone(
    deployment: Deployment, old_files: dict[str, bytes], s3_inspector: S3Inspector
) -> None:
    taken = list(old_files)[1]
    await s3_inspector.put(f"old/fastdfs/{taken}", b"somebody else's")
    async with deployment.manager() as manager:
        await _planned(manager, old_files)
        progress = await (await manager.migration.applier()).apply(ApplyOptions())
        assert progress.quarantined == 1
        assert [code for code, _, _ in (await manager.migration.status()).reasons] == ["conflict"]
        await manager.migration.route(FileId.parse(taken).bucket, Route.S3_FIRST)
        assert await manager.download_service.download_bytes(taken) == old_files[taken]
    assert await s3_inspector.read(f"old/fastdfs/{taken}") == b"somebody else's"


@pytest.mark.timeout(120)
async def test_the_cluster_is_listed_and_counted(deployment: Deployment, old_files: dict[str, bytes]) -> None:
    async with deployment.manager() as manager:
        assert (await manager.migration.preflight()).passed
        ledger = manager.migration.ledger
        states: list[FileState] = []
        # Real servers write their records and report their counters some seconds late: a file of this moment may come
        # with the next plan.
        while len(states) < len(old_files):
            result = await manager.migration.plan(PlanOptions(), settle_seconds=2)
            assert result.incomplete == []
            files = [await ledger.find(FileId.parse(file_id)) for file_id in old_files]
            states = [file.state for file in files if file is not None]
        assert set(states) == {FileState.PLANNED}

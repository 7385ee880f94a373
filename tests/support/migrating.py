"""A migration between a protocol-level FastDFS, which can be told to misbehave, and an S3 server."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from s3py_helper.application.migration.applying import ApplyOptions, ApplyProgress
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.storage import (
    FastdfsConfig,
    MigrationConfig,
    S3Config,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.group import Group
from tests.support.fastdfs.special_files import RawFiles
from tests.support.fastdfs.storage import StorageServer
from tests.support.recorder import Recorder


class Site:
    """A cluster of two replicas of `group1` and one storage of `group2`, and a manager that moves its files.

    Attributes:
        cluster: FastDFS.
        files: Stores files there by the bare protocol, in `group1`.
        observer: What was reported.
        fastdfs: How the cluster is reached.
    """

    def __init__(self, cluster: FakeCluster, s3: S3Config, ledger: Path, prefix: str) -> None:
        self.cluster = cluster
        self.files = RawFiles(cluster.tracker_address)
        self.observer = Recorder()
        self.fastdfs = FastdfsConfig(
            tracker_servers=cluster.tracker_addresses, group_name="group1", connect_timeout=1, network_timeout=1
        )
        self._s3 = s3
        self._migration = MigrationConfig(ledger=str(ledger), prefix=prefix)

    @property
    def group(self) -> Group:
        return self.cluster.group("group1")

    def source_of(self, file_id: FileId) -> StorageServer:
        storage = self.cluster.group(file_id.bucket).source_of(file_id.key.encode())
        assert storage is not None
        return storage

    def manager(self) -> StorageManager:
        return StorageManager(
            StorageModeConfig(mode=StorageMode.HYBRID),
            s3_config=self._s3,
            fastdfs_config=self.fastdfs,
            migration_config=self._migration,
            observer=self.observer,
        )

    def before(self) -> StorageManager:
        """FastDFS alone, as it was before anybody thought of leaving."""
        return StorageManager(StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=self.fastdfs)


@asynccontextmanager
async def migrating(s3: S3Config, ledger: Path, prefix: str) -> AsyncGenerator[Site]:
    async with FakeCluster() as cluster:
        yield Site(cluster, s3, ledger, prefix)


async def texts(*file_ids: FileId | str) -> AsyncIterator[str]:
    for file_id in file_ids:
        yield str(file_id)


async def copied(migration: Migration, file_ids: Iterable[FileId]) -> ApplyProgress:
    """Plan these files, and copy them."""
    await migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(*file_ids))]))
    return await applied(migration)


async def applied(migration: Migration) -> ApplyProgress:
    return await (await migration.applier()).apply(ApplyOptions())


async def s3_only(migration: Migration, group: str = "group1") -> None:
    await migration.route(group, Route.S3_ONLY, accept_incomplete=True)


async def states(migration: Migration) -> dict[FileState, int]:
    status = await migration.status()
    return {state: status.files_in(state) for state in FileState if status.files_in(state)}

"""The library as the service uses it for old links."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, override

from benchmarks.child.store import Store, Target
from benchmarks.drivers.s3py_helper import ManagedStore, manager_for
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.domain.migration import Route
from s3py_helper.storage import FastdfsConfig, MigrationConfig, S3Config, StorageManager, StorageMode, StorageModeConfig

GROUP: Final = "group2"
"""It has one storage: nothing is replicated meanwhile."""


class LinkedFile(ManagedStore):
    """Of which one file is read."""

    def __init__(self, manager: StorageManager, file_id: str) -> None:
        super().__init__(manager, "")
        self._file_id = file_id

    @override
    def id_of(self, name: str) -> str:
        return self._file_id


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    async with _manager_for(target) as manager:
        yield LinkedFile(manager, target["link"])


def _manager_for(target: Target) -> StorageManager:
    """FastDFS alone, or in front of S3 where the target has a ledger."""
    fastdfs = FastdfsConfig(tracker_servers=[target["tracker"]], group_name=GROUP, network_timeout=30)
    if "ledger" not in target:
        return StorageManager(StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=fastdfs)
    s3 = S3Config(
        endpoint=target["endpoint"],
        access_key_id=target["access_key"],
        secret_access_key=target["secret_key"],
        default_bucket=target["bucket"],
    )
    return StorageManager(
        StorageModeConfig(mode=StorageMode.HYBRID),
        s3_config=s3,
        fastdfs_config=fastdfs,
        migration_config=MigrationConfig(ledger=target["ledger"]),
    )


def stored(target: Target, content: bytes) -> str:
    """The id of a file in FastDFS, which has moved to S3 where the target has a ledger."""

    async def store() -> str:
        async with manager_for({"kind": "fastdfs", "tracker": target["tracker"]}, group=GROUP) as before:
            file_id = (await before.upload_service.upload_bytes("file.bin", content)).file_id
        if "ledger" in target:
            async with _manager_for(target) as manager:
                await _move(manager, file_id)
        return file_id

    return asyncio.run(store())


async def _move(manager: StorageManager, file_id: str) -> None:
    async def ids() -> AsyncIterator[str]:
        yield file_id

    await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", ids())]))
    await (await manager.migration.applier()).apply(ApplyOptions())
    await manager.migration.route(GROUP, Route.S3_FIRST)

"""The library as the service uses it for old links."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import override

from benchmarks.child.store import Store, Target
from benchmarks.drivers.migration import GROUP, migrating, texts
from benchmarks.drivers.s3py_helper import ManagedStore, manager_for
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.domain.migration import Route
from s3py_helper.storage import StorageManager


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
    return migrating(target, target["ledger"]) if "ledger" in target else _fastdfs(target)


def _fastdfs(target: Target) -> StorageManager:
    return manager_for(target | {"kind": "fastdfs"}, GROUP)


def stored(target: Target, content: bytes) -> str:
    """The id of a file in FastDFS, which has moved to S3 where the target has a ledger."""

    async def store() -> str:
        async with _fastdfs(target) as before:
            file_id = (await before.upload_service.upload_bytes("file.bin", content)).file_id
        if "ledger" in target:
            async with _manager_for(target) as manager:
                await _move(manager, file_id)
        return file_id

    return asyncio.run(store())


async def _move(manager: StorageManager, file_id: str) -> None:
    await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", texts([file_id]))]))
    await (await manager.migration.applier()).apply(ApplyOptions())
    await manager.migration.route(GROUP, Route.S3_FIRST)

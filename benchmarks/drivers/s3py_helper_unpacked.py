"""s3py-helper without an archive: the same files one after another into the same output, as fast as they come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from benchmarks.child.store import Entry, Store, Target
from benchmarks.drivers.s3py_helper import manager_for, prefix_of_ids
from s3py_helper.storage import StorageManager


class UnpackedStore(Store):
    packs = False

    def __init__(self, manager: StorageManager, prefix: str) -> None:
        self._downloads = manager.download_service
        self._prefix = prefix

    def id_of(self, name: str) -> str:
        return self._prefix + name

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        for file_id, _ in files:
            await self._downloads.download_to_stream(file_id, out)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    async with manager_for(target) as manager:
        yield UnpackedStore(manager, prefix_of_ids(target))

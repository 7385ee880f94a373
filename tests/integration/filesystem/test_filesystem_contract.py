import asyncio
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.testing import BlobStoreContract, Inventory


class TestFilesystemBlobStore(BlobStoreContract):
    part_size = 256 * 1024
    durability = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> FilesystemConfig:
        return FilesystemConfig(root=tmp_path / "data", durability=self.durability)

    @pytest.fixture
    async def store(self, config: FilesystemConfig) -> AsyncGenerator[FilesystemBlobStore]:
        async with FilesystemBlobStore(config) as store:
            yield store

    @pytest.fixture
    def unopened_store(self, config: FilesystemConfig) -> FilesystemBlobStore:
        return FilesystemBlobStore(config)

    @pytest.fixture
    async def closed_store(self, config: FilesystemConfig) -> FilesystemBlobStore:
        async with FilesystemBlobStore(config) as store:
            return store

    @pytest.fixture
    def inventory(self, config: FilesystemConfig) -> Inventory:
        async def names() -> Collection[str]:
            return [
                str(path)
                for path in await asyncio.to_thread(lambda: list(Path(config.root).rglob("*")))
                if not path.is_dir()
            ]

        return names


class TestFilesystemBlobStoreWithoutDurability(TestFilesystemBlobStore):
    durability = False

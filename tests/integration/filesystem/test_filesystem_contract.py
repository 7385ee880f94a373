"""The contract kit on the local disk, with pages of two files so that listings have several."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem import listing
from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.listing import FilesystemListing
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.testing import BlobStoreContract, HealthContract, Inventory, ListingContract, NamedWritesContract


class TestFilesystemBlobStore(BlobStoreContract, ListingContract, NamedWritesContract, HealthContract):
    part_size = 256 * 1024
    durability = True

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "BATCH", 2)

    def listing_of(self, store: BlobStore) -> FilesystemListing:
        assert isinstance(store, FilesystemBlobStore)
        return FilesystemListing(store)

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
    async def unreachable_store(self, tmp_path: Path) -> AsyncGenerator[FilesystemBlobStore]:
        """Its folder is gone: removed by hand, or with its disk."""
        root = tmp_path / "lost"
        async with FilesystemBlobStore(FilesystemConfig(root=root, durability=self.durability)) as store:
            shutil.rmtree(root)
            yield store

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

from collections.abc import AsyncGenerator, Collection

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.domain.file_id import Backend
from s3py_helper.testing import BlobStoreContract, Inventory


class TestMemoryBlobStore(BlobStoreContract):
    part_size = 64 * 1024
    backend = Backend.FILESYSTEM

    @pytest.fixture
    async def store(self) -> AsyncGenerator[MemoryBlobStore]:
        async with MemoryBlobStore(self.backend) as store:
            yield store

    @pytest.fixture
    def unopened_store(self) -> MemoryBlobStore:
        return MemoryBlobStore(self.backend)

    @pytest.fixture
    async def closed_store(self) -> MemoryBlobStore:
        async with MemoryBlobStore(self.backend) as store:
            return store

    @pytest.fixture
    def inventory(self, store: MemoryBlobStore) -> Inventory:
        async def names() -> Collection[str]:
            return [str(file_id) for file_id in store.file_ids]

        return names


class TestMemoryBlobStoreInPlaceOfS3(TestMemoryBlobStore):
    backend = Backend.S3


class TestMemoryBlobStoreInPlaceOfFastDfs(TestMemoryBlobStore):
    backend = Backend.FASTDFS

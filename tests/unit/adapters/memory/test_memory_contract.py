from collections.abc import AsyncGenerator, Collection

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.domain.file_id import Backend
from s3py_helper.testing import (
    BlobStoreContract,
    HealthContract,
    Inventory,
    ListingContract,
    NamedWritesContract,
    ServerSideCopyContract,
)


class MemoryContract(BlobStoreContract, HealthContract):
    __test__ = False
    part_size = 64 * 1024
    backend: str

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
    def unreachable_store(self, closed_store: MemoryBlobStore) -> MemoryBlobStore:
        """Memory is nowhere else."""
        return closed_store

    @pytest.fixture
    def inventory(self, store: MemoryBlobStore) -> Inventory:
        async def names() -> Collection[str]:
            return [str(file_id) for file_id in store.file_ids]

        return names


class TestMemoryBlobStore(MemoryContract, ListingContract, ServerSideCopyContract, NamedWritesContract):
    __test__ = True
    backend = "memory"


class TestMemoryBlobStoreInPlaceOfTheLocalDisk(MemoryContract):
    __test__ = True
    backend = Backend.FILESYSTEM


class TestMemoryBlobStoreInPlaceOfS3(MemoryContract):
    __test__ = True
    backend = Backend.S3


class TestMemoryBlobStoreInPlaceOfFastDfs(MemoryContract):
    """Names files itself, as FastDFS does, which neither lists nor copies."""

    __test__ = True
    backend = Backend.FASTDFS

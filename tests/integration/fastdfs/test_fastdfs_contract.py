"""The contract kit, on the FastDFS of this test run and on protocol-level ones of several versions."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.testing import BlobStoreContract, BytesAlone, HealthContract, Inventory, ReadingContract
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.fastdfs.layout import STORAGES
from tests.support.fastdfs.site import FastdfsSite


class FastdfsContract(BlobStoreContract, HealthContract):
    __test__ = False

    @pytest.fixture
    async def store(self, config: FastdfsConfig) -> AsyncGenerator[FastdfsBlobStore]:
        async with FastdfsBlobStore(config) as store:
            yield store

    @pytest.fixture
    async def narrow_store(self, config: FastdfsConfig) -> AsyncGenerator[FastdfsBlobStore]:
        async with FastdfsBlobStore(config.model_copy(update={"connection_pool_size": 1})) as store:
            yield store

    @pytest.fixture
    def unopened_store(self, config: FastdfsConfig) -> FastdfsBlobStore:
        return FastdfsBlobStore(config)

    @pytest.fixture
    async def closed_store(self, config: FastdfsConfig) -> FastdfsBlobStore:
        async with FastdfsBlobStore(config) as store:
            return store

    @pytest.fixture
    async def unreachable_store(self) -> AsyncGenerator[FastdfsBlobStore]:
        """Nobody listens at either tracker's address."""
        async with FastdfsBlobStore(FastdfsConfig(tracker_servers=["127.0.0.1:9", "127.0.0.2:9"])) as store:
            yield store


class TestFastdfsBlobStore(FastdfsContract):
    __test__ = True
    address_size: ClassVar[Literal[15, 45]] = 15
    version: ClassVar[tuple[int, int, int]] = (6, 16, 1)

    @pytest.fixture
    def cluster(self) -> Iterator[ClusterInThread]:
        with cluster_in_thread(lambda: FakeCluster(address_size=self.address_size, version=self.version)) as cluster:
            yield cluster

    @pytest.fixture
    def config(self, cluster: ClusterInThread) -> FastdfsConfig:
        return FastdfsConfig(tracker_servers=cluster.tracker_addresses)

    @pytest.fixture
    def inventory(self, cluster: ClusterInThread) -> Inventory:
        return cluster.file_ids


class TestFastdfsBlobStoreWithLongAddresses(TestFastdfsBlobStore):
    address_size = 45
    version = (6, 12, 0)


class TestFastdfsBlobStoreOnAnOldServer(TestFastdfsBlobStore):
    """No regenerating of appender files: bodies of unknown size are spooled."""

    version = (5, 12, 0)


class TestFastdfsBlobStoreOnTheSite(FastdfsContract):
    __test__ = True

    @pytest.fixture
    def config(self, fastdfs_site: FastdfsSite) -> FastdfsConfig:
        return FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))

    @pytest.fixture
    def inventory(self, fastdfs_site: FastdfsSite, tmp_path_factory: pytest.TempPathFactory) -> Inventory:
        """All files on the disks of daemons that were started for the tests, each counted at the server that took it.

        Copies come and go with a delay. Of any other site nothing can be seen.
        """

        def on_disk() -> list[str]:
            return [
                f"{folder.name}/{path.name}"
                for number, (group, index) in enumerate(STORAGES)
                for folder in tmp_path_factory.getbasetemp().glob(f"fastdfs*/{group}-{index}")
                for path in folder.glob("data/??/??/*")
                if _made_by(path, 3 + number)
            ]

        async def names() -> Collection[str]:
            return await asyncio.to_thread(on_disk)

        return names


def _made_by(path: Path, last_part_of_address: int) -> bool:
    name = FastdfsName.decode("/".join(["M00", *path.parts[-3:]]).removesuffix("-m"))
    return name is None or name.source[-1] == last_part_of_address


class TestBytesAlone(ReadingContract):
    """Reading without descriptions keeps every promise of reading."""

    @pytest.fixture
    async def store(self, config: FastdfsConfig) -> AsyncGenerator[BytesAlone]:
        async with FastdfsBlobStore(config) as store:
            yield BytesAlone(store)

    @pytest.fixture
    async def narrow_store(self, config: FastdfsConfig) -> AsyncGenerator[BytesAlone]:
        async with FastdfsBlobStore(config.model_copy(update={"connection_pool_size": 1})) as store:
            yield BytesAlone(store)

    @pytest.fixture
    def config(self, fastdfs_site: FastdfsSite) -> FastdfsConfig:
        return FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))

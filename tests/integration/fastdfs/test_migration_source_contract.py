"""The contract of migration sources, on the FastDFS of this test run and on protocol-level ones of several versions."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import ClassVar, Literal

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.ports.migration_source import MigrationSource, SourceFacts
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.migration import FileKind
from s3py_helper.testing.contract.migration_source import MigrationSourceContract, SpecialFiles
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.site import FastdfsSite
from tests.support.fastdfs.special_files import RawFiles, raw_files


class FastdfsSourceContract(MigrationSourceContract):
    __test__ = False

    @pytest.fixture
    def trackers(self) -> list[str]:
        raise NotImplementedError

    @pytest.fixture
    def config(self, trackers: list[str]) -> FastdfsConfig:
        return FastdfsConfig(tracker_servers=trackers, group_name="group1")

    @pytest.fixture
    async def store(self, config: FastdfsConfig) -> AsyncGenerator[FastdfsBlobStore]:
        async with FastdfsBlobStore(config) as store:
            yield store

    @pytest.fixture
    def source(self, config: FastdfsConfig, store: FastdfsBlobStore) -> FastdfsMigrationSource:
        return FastdfsMigrationSource(config, store)

    @pytest.fixture
    async def files(self, trackers: list[str]) -> AsyncGenerator[RawFiles]:
        async with raw_files(trackers[0]) as files:
            yield files


class TestOnTheSite(FastdfsSourceContract):
    __test__ = True
    reports_within = 2.5

    @pytest.fixture
    def trackers(self, fastdfs_site: FastdfsSite) -> list[str]:
        return list(fastdfs_site.trackers)


class TestOnARealServerWithStorageIds(FastdfsSourceContract):
    __test__ = True
    reports_within = 2.5

    @pytest.fixture
    def trackers(self, storage_id_site: RealSite) -> list[str]:
        return list(storage_id_site.trackers)


class TestOnARealServerWithTrunkFiles(FastdfsSourceContract):
    __test__ = True
    reports_within = 2.5

    @pytest.fixture
    def trackers(self, trunk_site: RealSite) -> list[str]:
        return list(trunk_site.trackers)

    @pytest.mark.parametrize(
        ("prefix", "extension", "told"), [("_150x150", "jpg", True), ("_s-m", "x", True), ("-b", "", False)]
    )
    async def test_the_facts_of_a_slave_are_its_own(
        self, source: MigrationSource, files: SpecialFiles, prefix: str, extension: str, *, told: bool
    ) -> None:
        """Names of other lengths: a slave with as long a name as its master's cannot be reached."""
        await super().test_the_facts_of_a_slave_are_its_own(source, files, prefix, extension, told=told)

    async def test_small_files_lie_within_trunk_files_and_others_do_not(
        self, source: MigrationSource, files: SpecialFiles
    ) -> None:
        small, large = await files.upload(b"small"), await files.upload(bytes(2_000_000))
        slave = await files.upload_slave(small, "_s", "txt", b"a slave")
        assert [kind_of(file_id) for file_id in (small, large, slave)] == [
            FileKind.TRUNK,
            FileKind.NORMAL,
            FileKind.SLAVE,
        ]
        await source.delete(small)
        server = (await source.replicas(small))[0]
        async with asyncio.timeout(20):
            while not {small.key, large.key, slave.key} <= set(await _names(source, server)):
                await asyncio.sleep(0.05)
        assert await source.facts(small) == SourceFacts(exists=False, at_source=True), (
            "deleted, and listed all the same"
        )

    async def test_a_slave_that_no_server_can_find_is_listed(
        self, source: MigrationSource, files: SpecialFiles
    ) -> None:
        slave = await files.upload_slave(await files.upload(b"small"), "-big", "", b"a slave")
        assert kind_of(slave) is FileKind.UNSERVABLE
        server = (await source.replicas(slave))[0]
        async with asyncio.timeout(20):
            while slave.key not in await _names(source, server):
                await asyncio.sleep(0.05)
        assert not (await source.facts(slave)).exists
        with pytest.raises(FileNotFoundException):
            async with source.open(slave):
                pass


class TestOnTheProtocolLevelServer(FastdfsSourceContract):
    __test__ = True
    address_size: ClassVar[Literal[15, 45]] = 15
    version: ClassVar[tuple[int, int, int]] = (6, 16, 1)
    uses_storage_ids: ClassVar[bool] = False

    @pytest.fixture
    def cluster(self) -> Iterator[ClusterInThread]:
        def make() -> FakeCluster:
            return FakeCluster(
                address_size=self.address_size, version=self.version, uses_storage_ids=self.uses_storage_ids
            )

        with cluster_in_thread(make) as cluster:
            yield cluster

    @pytest.fixture
    def trackers(self, cluster: ClusterInThread) -> list[str]:
        return cluster.tracker_addresses


class TestWithLongAddresses(TestOnTheProtocolLevelServer):
    address_size = 45
    version = (6, 12, 0)


class TestOnAnOldServer(TestOnTheProtocolLevelServer):
    version = (6, 8, 0)


class TestWithStorageIds(TestOnTheProtocolLevelServer):
    uses_storage_ids = True


async def _names(source: MigrationSource, server: str) -> list[str]:
    async with source.listing("group1", server, 0) as listed:
        return [name async for name in listed]

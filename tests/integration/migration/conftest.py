"""What is moved, and from where.

Scenarios run twice: on a real FastDFS of their own, where there is one, and on the protocol-level server.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.storage import StorageManager
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
from tests.support.migrating import Site, migrating
from tests.support.migration.bench import BUCKET, Bench
from tests.support.migration.servers import ProtocolServers, RealServers, Servers
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.server import S3Server


@pytest.fixture(scope="session")
def damaged_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    """A real FastDFS that scenarios may damage."""
    if not installed_version():
        pytest.skip("no fdfs_trackerd and fdfs_storaged on PATH")
    site = RealSite("to be damaged", tmp_path_factory.mktemp("fastdfs-damaged"), LocalDaemon)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(params=["real", "protocol-level"])
async def servers(request: pytest.FixtureRequest) -> AsyncIterator[Servers]:
    if request.param == "real":
        yield RealServers(request.getfixturevalue("damaged_site"))
    else:
        async with FakeCluster() as cluster:
            yield ProtocolServers(cluster)


@pytest.fixture
def s3_inspector(seaweedfs: S3Server, request: pytest.FixtureRequest) -> Iterator[S3Inspector]:
    """boto3 for the bucket that the module names."""
    inspector = inspector_of(seaweedfs, request.module.BUCKET)
    yield inspector
    inspector.sdk.close()


@pytest.fixture
async def site(seaweedfs: S3Server, tmp_path: Path, s3_inspector: S3Inspector) -> AsyncIterator[Site]:
    """A protocol-level FastDFS, whose files move to the module's bucket."""
    async with migrating(seaweedfs.config(default_bucket=s3_inspector.bucket), tmp_path / "ledger.db", "") as site:
        yield site


@pytest.fixture
async def manager(site: Site) -> AsyncIterator[StorageManager]:
    async with site.manager() as manager:
        yield manager


@pytest.fixture
def migration(manager: StorageManager) -> Migration:
    return manager.migration


@pytest.fixture(scope="session")
def scenario_bucket(seaweedfs: S3Server) -> Iterator[S3Inspector]:
    inspector = inspector_of(seaweedfs, BUCKET)
    yield inspector
    inspector.sdk.close()


@pytest.fixture
def bench_ledger(request: pytest.FixtureRequest) -> str | None:
    """The URL of a ledger on PostgreSQL where a scenario asks for one (`on_both_ledgers`); else a file."""
    return request.getfixturevalue("ledger_url") if getattr(request, "param", "") == "postgres" else None


@pytest.fixture
async def bench(
    seaweedfs: S3Server, scenario_bucket: S3Inspector, servers: Servers, tmp_path: Path, bench_ledger: str | None
) -> AsyncIterator[Bench]:
    bench = Bench(seaweedfs, scenario_bucket, servers.tracker, tmp_path, bench_ledger)
    yield bench
    await bench.files.clean_up()

"""Scenarios run twice: on a real FastDFS of their own, where there is one, and on the protocol-level server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
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


@pytest.fixture(scope="session")
def scenario_bucket(seaweedfs: S3Server) -> Iterator[S3Inspector]:
    inspector = inspector_of(seaweedfs, BUCKET)
    yield inspector
    inspector.sdk.close()


@pytest.fixture
async def bench(
    seaweedfs: S3Server, scenario_bucket: S3Inspector, servers: Servers, tmp_path: Path
) -> AsyncIterator[Bench]:
    bench = Bench(seaweedfs, scenario_bucket, servers.tracker, tmp_path)
    yield bench
    await bench.files.clean_up()

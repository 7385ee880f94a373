"""A store behind a proxy that fails on command."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from tests.support.proxy import FaultProxy, fault_proxy
from tests.support.s3.certificate import Certificate, make_certificate
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.released import every_client_is_empty_in_the_end
from tests.support.s3.server import S3Server

__all__ = ["every_client_is_empty_in_the_end"]

PART_SIZE = 5 * 1024 * 1024

# Short enough for tests that wait for a timeout, long enough for a machine under load.
PERF = S3PerfConfig(
    multipart_part_size=PART_SIZE, multipart_threshold=PART_SIZE, read_timeout=2.0, connect_timeout=2.0, max_retries=2
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Cancelling at each of many moments takes its time on a real server: the contract kit knows none."""
    for item in items:
        if "cancelled_at_any_moment" in item.name and item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
async def proxy(seaweedfs: S3Server) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(seaweedfs.endpoint) as proxy:
        yield proxy


@pytest.fixture
async def connection(seaweedfs: S3Server, proxy: FaultProxy) -> AsyncIterator[S3Session]:
    """To SeaweedFS, through the proxy."""
    async with S3Session(seaweedfs.config(endpoint=proxy.endpoint, perf=PERF)) as connection:
        yield connection


@pytest.fixture
def store(connection: S3Session) -> S3BlobStore:
    return S3BlobStore(connection)


@pytest.fixture
def inspector(seaweedfs: S3Server) -> S3Inspector:
    """Looks past the proxy."""
    return inspector_of(seaweedfs)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)

"""Raw protocol exchanges run twice: against the FastDFS of this test run and against the protocol-level server."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.samples import Sample, sample_on

if TYPE_CHECKING:
    from tests.support.fastdfs.site import FastdfsSite


@pytest.fixture(params=["site", "protocol-level"])
async def tracker(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """`host:port` of a tracker."""
    if request.param == "site":
        site: FastdfsSite = request.getfixturevalue("fastdfs_site")
        yield site.trackers[0]
    else:
        async with FakeCluster() as cluster:
            yield cluster.tracker_address


@pytest.fixture
async def sample(tracker: str) -> AsyncIterator[Sample]:
    async with sample_on(tracker) as sample:
        yield sample

"""The source of a migration over two servers that have the same file, and answer what a test says."""

from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from tests.support.fastdfs.migration_source import group_server
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import reply
from tests.support.fastdfs.scripted_cluster import OTHER, SOURCE, ScriptedCluster, stat


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ScriptedCluster:
    cluster = ScriptedCluster(monkeypatch)
    for host in (SOURCE, OTHER):
        cluster.on(host, Command.QUERY_INFO, stat(5, 0xCAFE))
        cluster.on(host, Command.DOWNLOAD, reply(b"hello"))
        cluster.on(host, Command.GET_METADATA, reply(b"OriginFileName\2a.txt\1lang\2de"))
        cluster.on(host, Command.DELETE, reply())
    return cluster


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[GroupServer]:
    """What trackers list."""
    listed = [group_server(OTHER), group_server(SOURCE)]

    async def servers_of(_: Trackers, group: str) -> list[GroupServer]:
        assert group == "group1"
        return listed

    async def groups(_: Trackers) -> list[str]:
        return ["group1"]

    monkeypatch.setattr(Trackers, "servers_of", servers_of)
    monkeypatch.setattr(Trackers, "groups", groups)
    return listed


@pytest.fixture
async def source(cluster: ScriptedCluster, servers: list[GroupServer]) -> AsyncIterator[FastdfsMigrationSource]:
    config = cluster.config()
    async with FastdfsBlobStore(config, cluster.observer) as store:
        yield FastdfsMigrationSource(config, store)
        cluster.require_nothing_left(store.session)

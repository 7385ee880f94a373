"""The servers of a group: which of them have a file, and what each is said to have."""

import zlib
from dataclasses import replace

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.application.ports.migration_source import SourceGroup, SourceServer
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.migration_source import group_server
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_cluster import OTHER, SOURCE, TRACKER, ScriptedCluster, named, server

pytestmark = pytest.mark.timeout(30)

_HELLO = named(5, zlib.crc32(b"hello"))
_HANDMADE = FileId.parse("group1/M00/00/00/handmade.txt")


async def test_replicas_begin_with_the_source_and_end_with_those_that_are_down(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, servers: list[GroupServer]
) -> None:
    third = group_server("127.0.0.4", is_active=False)
    servers[:] = [third, group_server(OTHER), group_server(SOURCE)]
    cluster.on(TRACKER, Command.UPDATE, server(OTHER))
    assert await source.replicas(_HELLO) == [f"{host}:23000" for host in (SOURCE, OTHER, "127.0.0.4")]
    assert await source.replicas(_HANDMADE) == [f"{host}:23000" for host in (OTHER, SOURCE, "127.0.0.4")]


async def test_a_group_is_described_server_by_server(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, servers: list[GroupServer]
) -> None:
    servers[:] = [
        group_server(SOURCE, last_change=300, synced_until=200, store_paths=2),
        group_server(OTHER, last_change=250, synced_until=299, is_active=False, last_heartbeat=0),
    ]
    plain = SourceServer(
        name=f"{SOURCE}:23000",
        store_paths=2,
        version="6.16",
        active=True,
        files=7,
        synced_until=200,
        free_bytes=1 << 30,
        heard_at=500,
    )
    other = replace(plain, name=f"{OTHER}:23000", store_paths=1, active=False, synced_until=299, heard_at=None)
    assert await source.groups() == [SourceGroup("group1", [plain, other])]


@pytest.mark.parametrize(
    ("synced_until", "changes", "expected"),
    [
        (200, [], None),
        (200, [0, 0], 500),
        (200, [100, 200, 300], 500),
        (200, [201, 300], 200),
        (200, [0, 201], 200),
        (200, [200], 500),
    ],
    ids=["alone", "nothing changed", "one is behind it", "all are ahead", "one never changed", "level"],
)
async def test_a_server_is_level_with_the_first_of_its_peers(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    servers: list[GroupServer],
    synced_until: int,
    changes: list[int],
    expected: int | None,
) -> None:
    peers = [group_server(f"127.0.1.{number}", last_change=change) for number, change in enumerate(changes)]
    servers[:] = [group_server(SOURCE, synced_until=synced_until, last_change=900), *peers]
    [group] = await source.groups()
    assert group.servers[0].synced_until == expected

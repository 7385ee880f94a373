"""The records of groups and storage servers, of every layout that trackers have used."""

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault, Role
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer, read_group_names, read_group_servers
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.content import Content
from tests.support.fastdfs.listing import group_record, listing_record
from tests.support.fastdfs.settings import Settings

_PEER = Peer(Role.TRACKER, Address("127.0.0.2", 22122))

_VERSIONS = [
    Settings(15, (5, 12, 0)),
    Settings(15, (6, 10, 0)),
    Settings(45, (6, 11, 0)),
    Settings(45, (6, 12, 2)),
    Settings(45, (6, 13, 0)),
    Settings(15, (6, 13, 2)),
    Settings(15, (6, 16, 1)),
    Settings(45, (6, 16, 1)),
]


def _cluster(count: int) -> FakeCluster:
    cluster = FakeCluster({"group1": count}, uses_storage_ids=True)
    for storage in cluster.storages:
        storage.port = 23000
        for number in range(5):
            storage.files.put(b"M00/00/00/%d" % number, Content(), is_appender=False)
        storage.files.delete(b"M00/00/00/0")
        storage.files.report.last_change, storage.files.report.synced_until = 1_800_000_001, 1_800_000_002
    return cluster


@pytest.mark.parametrize("settings", _VERSIONS, ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_servers_are_read_whatever_the_layout(settings: Settings, count: int) -> None:
    storages = _cluster(count).storages
    for storage in storages[1:]:
        storage.is_announced = True
    servers = read_group_servers(b"".join(listing_record(storage, settings) for storage in storages), _PEER)
    assert servers == [
        GroupServer(
            server_id=storage.server_id,
            address=Address(storage.host, 23000),
            is_active=number > 0,
            version=".".join(map(str, settings.version)),
            store_paths=1,
            free_bytes=900 * 1024 * 1024,
            uploaded=5,
            deleted=1,
            last_change=1_800_000_001,
            synced_until=1_800_000_002,
            last_heartbeat=servers[number].last_heartbeat,
        )
        for number, storage in enumerate(storages)
    ]
    assert all(server.last_heartbeat >= 1_700_000_000 for server in servers)


@pytest.mark.parametrize("settings", _VERSIONS, ids=str)
def test_groups_are_read_whatever_the_layout(settings: Settings) -> None:
    counts = {f"group-{number}": 1 for number in range(9)}
    cluster = FakeCluster({**counts, "fifteen-letters": 1, "sixteen--letters": 1})
    reply = b"".join(group_record(group, settings) for group in cluster.groups)
    assert read_group_names(reply, _PEER) == [*counts, "fifteen-letters", "sixteen--letters"]
    assert read_group_names(b"", _PEER) == []


def test_as_many_groups_as_make_the_length_ambiguous() -> None:
    cluster = FakeCluster({f"g{number:05}": 1 for number in range(113)})
    old, new = Settings(15, (6, 8, 0)), Settings(15, (6, 16, 1))
    names = [group.name for group in cluster.groups]
    assert read_group_names(b"".join(group_record(group, old) for group in cluster.groups), _PEER) == names
    reply = b"".join(group_record(group, new) for group in cluster.groups[:105])
    assert read_group_names(reply, _PEER) == names[:105]


@pytest.mark.parametrize("reply", [b"x", b"\xff" * 113, b"\0" * 105, b"\1" * 226], ids=len)
def test_what_is_no_list_of_groups_is_refused(reply: bytes) -> None:
    with pytest.raises(ProtocolFault, match=rf"listed the groups in {len(reply)} bytes"):
        read_group_names(reply, _PEER)


@pytest.mark.parametrize("reply", [b"x", b"\xff" * 487, b"\7" * 612, b"\7\6" + b"1" * 485], ids=len)
def test_what_is_no_list_of_servers_is_refused(reply: bytes) -> None:
    with pytest.raises(ProtocolFault, match=rf"listed the servers of a group in {len(reply)} bytes"):
        read_group_servers(reply, _PEER)


def test_more_store_paths_than_a_server_can_have_are_refused() -> None:
    settings = Settings(15, (6, 16, 1))
    [storage] = _cluster(1).storages
    record = bytearray(listing_record(storage, settings))
    paths_at = 2 + 16 + 16 + 16 + 8 + 6 * 8
    assert record[paths_at : paths_at + 8] == (1).to_bytes(8)
    record[paths_at : paths_at + 8] = (257).to_bytes(8)
    with pytest.raises(ProtocolFault):
        read_group_servers(bytes(record), _PEER)

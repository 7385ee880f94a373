"""Groups and the storage servers in them, as trackers list them.

A reply has one record for each group or server. Records have grown over the versions (`TrackerGroupStat` and
`TrackerStorageStat` in FastDFS' tracker_proto.h) and do not name their layout, but no two layouts have the same length.
"""

import struct
from dataclasses import dataclass
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault
from s3py_helper.adapters.fastdfs.protocol.fields import host_in, text_in

LIST_GROUPS: Final = 91
LIST_STORAGES: Final = 92

_GROUP_RECORDS: Final = (113, 105)
"""Lengths of a group's record, from 6.13.2 on and before."""

_GROUP_BYTES: Final = 17
_ID_BYTES: Final = 16
_MIB: Final = 1024 * 1024
_NUMBER: Final = struct.Struct("!Q")

_STATISTICS: Final = struct.Struct("!3I42Q")
"""Three counts of connections; then pairs of tries and successes, uploads first; last four times."""

_UPLOADED: Final = 3 + 1
_DELETED: Final = 3 + 11
_LAST_CHANGE: Final = 3 + 38
_SYNCED_UNTIL: Final = 3 + 40
_LAST_HEARTBEAT: Final = 3 + 41

_MOST_STORE_PATHS: Final = 256
_ACTIVE: Final = 7
_ADDRESSLESS: Final = frozenset({3, 4})
"""States of a server whose address has changed, and of one that was deleted."""


@dataclass(frozen=True, slots=True)
class GroupServer:
    """A storage server of a group, whether it is up or not; counters and times as it last reported them.

    Attributes:
        server_id: Its name in the cluster: a number with `use_storage_id`, else its address.
        address: Where it listens.
        is_active: Whether the tracker sends clients to it.
        version: Its version.
        store_paths: Number of its store paths.
        free_bytes: Free space.
        uploaded: Files that it took from clients.
        deleted: Files that clients deleted there.
        last_change: Unix seconds of the last change that a client made there; 0 for none.
        synced_until: Unix seconds up to which it has the changes of the group's other servers; 0 for none.
        last_heartbeat: Unix seconds of its last sign of life; 0 for none.
    """

    server_id: str
    address: Address
    is_active: bool
    version: str
    store_paths: int
    free_bytes: int
    uploaded: int
    deleted: int
    last_change: int
    synced_until: int
    last_heartbeat: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Offsets of the fields in a record of `size` bytes."""

    id_at: int
    address_at: int
    address_bytes: int
    version_at: int
    version_bytes: int
    numbers_at: int
    port: int
    statistics_at: int
    size: int


def _layout(*, id_at: int, address_bytes: int, domain: int = 0, version_bytes: int, numbers: int, port: int) -> _Layout:
    address_at = id_at + _ID_BYTES
    version_at = address_at + address_bytes + domain + _ID_BYTES  # behind the id of the server that it is filled from
    numbers_at = version_at + version_bytes
    statistics_at = numbers_at + numbers * _NUMBER.size
    size = statistics_at + _STATISTICS.size + 1
    return _Layout(id_at, address_at, address_bytes, version_at, version_bytes, numbers_at, port, statistics_at, size)


_LAYOUTS: Final = (
    *(_layout(id_at=2, address_bytes=size, version_bytes=8, numbers=10, port=9) for size in (16, 46)),  # from 6.13.2
    _layout(id_at=2, address_bytes=46, version_bytes=8, numbers=9, port=8),  # 6.13.0
    _layout(id_at=1, address_bytes=46, domain=128, version_bytes=8, numbers=10, port=8),  # 6.12
    _layout(id_at=1, address_bytes=46, domain=128, version_bytes=6, numbers=10, port=8),  # 6.11
    _layout(id_at=1, address_bytes=16, domain=128, version_bytes=6, numbers=10, port=8),  # up to 6.10
)

_FREE_MIB: Final = 3
_STORE_PATHS_BEFORE_PORT: Final = 3
"""The numbers are: time of joining, of the start, MiB in total, free, (since 6.13.2) reserved, priority, store paths,
folders in each, path to write to, port, (up to 6.12) port for HTTP."""


def read_group_names(reply: bytes, peer: Peer) -> list[str]:
    """The names of all groups."""
    for size in _GROUP_RECORDS:
        if len(reply) % size == 0:
            try:
                names = [text_in(reply[start : start + _GROUP_BYTES]) for start in range(0, len(reply), size)]
            except ValueError:
                continue
            if all(names):
                return names
    raise ProtocolFault(peer, f"listed the groups in {len(reply)} bytes of unknown layout")


def read_group_servers(reply: bytes, peer: Peer) -> list[GroupServer]:
    """The servers that may have files of the group, without those that were removed from it."""
    for layout in _LAYOUTS:
        if len(reply) % layout.size == 0:
            starts = range(0, len(reply), layout.size)
            try:
                return [server for start in starts if (server := _read_record(reply, start, layout)) is not None]
            except ValueError:
                continue
    raise ProtocolFault(peer, f"listed the servers of a group in {len(reply)} bytes of unknown layout")


def _read_record(reply: bytes, start: int, layout: _Layout) -> GroupServer | None:
    """One server, `None` for one without an address; raises `ValueError` where fields make no sense."""
    server_id = text_in(reply[start + layout.id_at :][:_ID_BYTES])
    address_field = reply[start + layout.address_at :][: layout.address_bytes]
    if reply[start] in _ADDRESSLESS or not address_field.strip(b"\0"):
        return None

    def number(index: int) -> int:
        value: int = _NUMBER.unpack_from(reply, start + layout.numbers_at + index * _NUMBER.size)[0]
        return value

    store_paths = number(layout.port - _STORE_PATHS_BEFORE_PORT)
    if store_paths > _MOST_STORE_PATHS:
        raise ValueError(f"{store_paths} are more store paths than a server can have")
    statistics = _STATISTICS.unpack_from(reply, start + layout.statistics_at)
    return GroupServer(
        server_id=server_id,
        address=Address.numeric(host_in(address_field), number(layout.port)),
        is_active=reply[start] == _ACTIVE,
        version=text_in(reply[start + layout.version_at :][: layout.version_bytes]),
        store_paths=store_paths,
        free_bytes=number(_FREE_MIB) * _MIB,
        uploaded=statistics[_UPLOADED],
        deleted=statistics[_DELETED],
        last_change=statistics[_LAST_CHANGE],
        synced_until=statistics[_SYNCED_UNTIL],
        last_heartbeat=statistics[_LAST_HEARTBEAT],
    )

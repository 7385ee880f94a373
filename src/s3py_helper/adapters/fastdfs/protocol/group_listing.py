"""The storage servers of a group, as trackers list them.

The reply is one record for each server. Records have grown over the versions (`TrackerStorageStat` in FastDFS'
tracker_proto.h) and do not say which kind they are, but no two kinds are of the same length.
"""

import struct
from dataclasses import dataclass
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault
from s3py_helper.adapters.fastdfs.protocol.fields import host_in, text_in

LIST_STORAGES: Final = 92

_ID_BYTES: Final = 16
_STATISTICS_BYTES: Final = 348
_NUMBER: Final = struct.Struct("!Q")

_ADDRESSLESS: Final = frozenset({3, 4})
"""States of a server whose address has changed, and of one that was deleted."""


@dataclass(frozen=True, slots=True)
class GroupServer:
    """A storage server of a group, whether it is up or not.

    Attributes:
        server_id: What the cluster calls it: a number with `use_storage_id`, else its address.
        address: Where it listens.
    """

    server_id: str
    address: Address


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where in a record of `size` bytes the fields begin."""

    id_at: int
    address_at: int
    address_bytes: int
    port_at: int
    size: int


def _layout(*, id_at: int, address_bytes: int, before_numbers: int, numbers: int, port: int) -> _Layout:
    address_at = id_at + _ID_BYTES
    numbers_at = address_at + address_bytes + before_numbers
    size = numbers_at + numbers * _NUMBER.size + _STATISTICS_BYTES + 1
    return _Layout(id_at, address_at, address_bytes, numbers_at + port * _NUMBER.size, size)


_WITH_DOMAIN: Final = 128 + _ID_BYTES

_LAYOUTS: Final = (
    *(_layout(id_at=2, address_bytes=size, before_numbers=24, numbers=10, port=9) for size in (16, 46)),  # from 6.13.2
    _layout(id_at=2, address_bytes=46, before_numbers=24, numbers=9, port=8),  # 6.13.0
    _layout(id_at=1, address_bytes=46, before_numbers=_WITH_DOMAIN + 8, numbers=10, port=8),  # 6.12
    _layout(id_at=1, address_bytes=46, before_numbers=_WITH_DOMAIN + 6, numbers=10, port=8),  # 6.11
    _layout(id_at=1, address_bytes=16, before_numbers=_WITH_DOMAIN + 6, numbers=10, port=8),  # up to 6.10
)


def read_group_servers(reply: bytes, peer: Peer) -> list[GroupServer]:
    """The servers that may have files of the group; those that were removed from it are left out."""
    for layout in _LAYOUTS:
        if len(reply) % layout.size == 0:
            starts = range(0, len(reply), layout.size)
            try:
                return [server for start in starts if (server := _read_record(reply, start, layout)) is not None]
            except ValueError:
                continue
    raise ProtocolFault(peer, f"listed the servers of a group in {len(reply)} bytes of unknown layout")


def _read_record(reply: bytes, start: int, layout: _Layout) -> GroupServer | None:
    """One server, `None` for one that has no address (any more); raises `ValueError` where fields make no sense."""
    server_id = text_in(reply[start + layout.id_at :][:_ID_BYTES])
    address_field = reply[start + layout.address_at :][: layout.address_bytes]
    if reply[start] in _ADDRESSLESS or not address_field.strip(b"\0"):
        return None
    (port,) = _NUMBER.unpack_from(reply, start + layout.port_at)
    return GroupServer(server_id, Address.numeric(host_in(address_field), port))

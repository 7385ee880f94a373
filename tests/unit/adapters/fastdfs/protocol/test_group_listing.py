"""The list of a group's servers, as trackers of all versions send it."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault, Role
from s3py_helper.adapters.fastdfs.protocol.group_listing import read_group_servers

_PEER = Peer(Role.TRACKER, Address("127.0.0.1", 22122))
_ACTIVE, _OFFLINE, _IP_CHANGED, _DELETED = 7, 5, 3, 4

# Lengths of a record and where its address and port are: written down from `tracker_proto.h` of each version.
_LAYOUTS = {
    "5.12 to 6.10": (612, 1, 17, 16, 183 + 8 * 8),
    "6.11": (642, 1, 17, 46, 213 + 8 * 8),
    "6.12": (644, 1, 17, 46, 215 + 8 * 8),
    "6.13.0": (509, 2, 18, 46, 88 + 8 * 8),
    "from 6.13.2, IPv4": (487, 2, 18, 16, 58 + 9 * 8),
    "from 6.13.2, IPv6": (517, 2, 18, 46, 88 + 9 * 8),
}


def _record(layout: str, server_id: str, host: str, port: int = 23000, status: int = _ACTIVE) -> bytes:
    size, id_at, address_at, address_bytes, port_at = _LAYOUTS[layout]
    record = bytearray(size)
    record[0] = status
    record[id_at : id_at + 16] = server_id.encode().ljust(16, b"\0")
    record[address_at : address_at + address_bytes] = host.encode().ljust(address_bytes, b"\0")
    struct.pack_into("!Q", record, port_at, port)
    return bytes(record)


def _named(reply: bytes) -> list[tuple[str, Address]]:
    return [(server.server_id, server.address) for server in read_group_servers(reply, _PEER)]


@pytest.mark.parametrize("layout", _LAYOUTS)
@pytest.mark.parametrize("count", [0, 1, 2, 5, 40])
def test_every_layout_is_read(layout: str, count: int) -> None:
    reply = b"".join(_record(layout, str(100_000 + n), f"127.0.0.{n}", 23_000 + n) for n in range(count))
    assert _named(reply) == [(str(100_000 + n), Address(f"127.0.0.{n}", 23_000 + n)) for n in range(count)]


@pytest.mark.parametrize("layout", [name for name, (*_, size, _) in _LAYOUTS.items() if size > 16])
def test_addresses_may_be_of_ipv6(layout: str) -> None:
    reply = _record(layout, "1", "::1")
    assert _named(reply) == [("1", Address("::1", 23000))]


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_those_that_are_down_are_listed_and_those_that_are_gone_are_not(layout: str) -> None:
    reply = b"".join(
        [
            _record(layout, "1", "127.0.0.1", status=_OFFLINE),
            _record(layout, "2", "127.0.0.2", status=_DELETED),
            _record(layout, "3", "127.0.0.3", status=_IP_CHANGED),
            _record(layout, "4", ""),
        ]
    )
    assert [server.server_id for server in read_group_servers(reply, _PEER)] == ["1"]


@pytest.mark.parametrize(
    "reply",
    [
        b"x",
        bytes(486),
        _record("6.11", "1", "no address"),
        _record("6.12", "1", "no.address"),
        _record("6.12", "1", "127.0.0.1", port=0),
        _record("6.12", "1", "127.0.0.1", port=65_536),
        _record("6.12", "\x01", "127.0.0.1"),
        _record("6.12", "1", "127.0.0.1")[:-1],
    ],
    ids=range(8),
)
def test_what_is_no_list_is_a_fault_of_the_tracker(reply: bytes) -> None:
    with pytest.raises(ProtocolFault, match=r"listed the servers of a group in \d+ bytes of unknown layout"):
        read_group_servers(reply, _PEER)


@given(st.sampled_from([size for size, *_ in _LAYOUTS.values()]), st.integers(1, 3), st.data())
def test_nothing_else_is_raised(size: int, count: int, data: st.DataObject) -> None:
    with contextlib.suppress(ProtocolFault):
        read_group_servers(data.draw(st.binary(min_size=size * count, max_size=size * count)), _PEER)

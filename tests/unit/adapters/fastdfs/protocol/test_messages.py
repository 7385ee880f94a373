"""Bytes as the official clients and a 6.16.1 server exchanged them."""

import struct
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.protocol import messages as wire
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault, Role

_PEER = Peer(Role.TRACKER, Address("127.0.0.1", 22122))
_GROUP = b"group2" + bytes(10)
_NAME = "M00/09/00/fwAABGsCvwCAW15-AAAADFPHxQg806.bin"


def test_a_download_is_asked_for_as_the_official_client_does() -> None:
    fields = wire.download_fields("group2", _NAME, 0, 0)
    assert wire.request(14, len(fields), fields) == (
        bytes.fromhex("000000000000004c 0e00 0000000000000000 0000000000000000") + _GROUP + _NAME.encode()
    )


def test_an_upload_begins_as_the_official_client_begins_it() -> None:
    fields = wire.upload_fields(0, 12, "bin")
    assert wire.request(11, len(fields) + 12, fields) == bytes.fromhex(
        "000000000000001b 0b00 00 000000000000000c 62696e000000"
    )


def test_an_append_has_the_length_of_the_name_and_of_the_content() -> None:
    assert wire.append_fields("abc", 7) == struct.pack("!QQ", 3, 7) + b"abc"


@pytest.mark.parametrize("size", [15, 45])
@pytest.mark.parametrize("host", ["127.0.0.4", "127.20.30.40"])
def test_a_storage_server_is_read_from_addresses_of_both_sizes(size: int, host: str) -> None:
    reply = _GROUP + host.encode().ljust(size, b"\0") + struct.pack("!Q", 23001)
    server: Any = wire.read_storage(reply, _PEER, with_path=False)
    assert (server.group_name, server.ip_addr, server.port) == (b"group2", host.encode(), 23001)
    server = wire.read_storage(reply + b"\x07", _PEER, with_path=True)
    assert (server.ip_addr, server.store_path_index) == (host.encode(), 7)


def test_a_storage_server_may_have_an_ipv6_address() -> None:
    reply = _GROUP + b"fd00::1".ljust(45, b"\0") + struct.pack("!Q", 23000)
    assert wire.read_storage(reply, _PEER, with_path=False).ip_addr == b"fd00::1"


@pytest.mark.parametrize("length", [0, 1, 38, 40, 62, 68, 70, 1000])
def test_a_storage_server_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ProtocolFault, match=f"in {length} bytes"):
        wire.read_storage(bytes(length), _PEER, with_path=False)


@pytest.mark.parametrize(
    ("group", "host", "port"),
    [
        (b"group2", b"example.com", 23000),
        (b"group2", b"127.0.0.256", 23000),
        (b"group2", b"", 23000),
        (b"group2", b"\xff\xfe", 23000),
        (b"gr\xfcup", b"127.0.0.4", 23000),
        (b"group2", b"127.0.0.4", 0),
        (b"group2", b"127.0.0.4", 65536),
    ],
)
def test_a_storage_server_that_is_none_is_refused(group: bytes, host: bytes, port: int) -> None:
    reply = group.ljust(16, b"\0") + host.ljust(15, b"\0") + struct.pack("!Q", port)
    with pytest.raises(ProtocolFault, match="named a storage server that is none"):
        wire.read_storage(reply, _PEER, with_path=False)


def test_the_id_of_a_new_file_is_read_up_to_the_first_nul() -> None:
    assert str(wire.read_new_id(_GROUP + _NAME.encode(), _PEER)) == f"group2/{_NAME}"
    assert str(wire.read_new_id(b"g\0rest of a buffer"[:16] + _NAME.encode() + b"\0x", _PEER)) == f"g/{_NAME}"


@pytest.mark.parametrize("reply", [b"", _GROUP, bytes(60), b"\xff" * 60, _GROUP + b"../../etc/passwd"])
def test_an_id_that_is_none_is_refused(reply: bytes) -> None:
    with pytest.raises(ProtocolFault, match="an id that is none"):
        wire.read_new_id(reply, _PEER)


@pytest.mark.parametrize("address_size", [16, 46])
def test_size_and_time_are_read_whatever_follows(address_size: int) -> None:
    # The checksum is sign-extended by the server.
    reply = struct.pack("!QQq", 12, 1_700_000_000, -1) + bytes(address_size)
    assert wire.read_stat(reply, _PEER) == wire.FileStat(12, 1_700_000_000)


def test_a_stat_that_is_too_short_is_refused() -> None:
    with pytest.raises(ProtocolFault, match="with 23 bytes"):
        wire.read_stat(bytes(23), _PEER)

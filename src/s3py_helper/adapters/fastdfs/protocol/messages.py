"""Requests, replies and their fields, on top of aiofdfs' header. All integers are in network order."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from aiofdfs.async_fdfs_protol import (
    FDFS_FILE_EXT_NAME_MAX_LEN,
    FDFS_GROUP_NAME_MAX_LEN,
    FDFS_PROTO_CMD_ACTIVE_TEST,
    FDFS_PROTO_PKG_LEN_SIZE,
    Storage_server,
    Tracker_header,
    fdfs_pack_metadata,
)

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault
from s3py_helper.adapters.fastdfs.protocol.fields import host_in, text_in
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId

ACTIVE_TEST: Final[int] = FDFS_PROTO_CMD_ACTIVE_TEST
"""Every server that works replies to it at once."""

_HEADER: Final[struct.Struct] = Tracker_header().st  # type: ignore[no-untyped-call]  # aiofdfs has few annotations
_GROUP: Final[int] = FDFS_GROUP_NAME_MAX_LEN
_TWO_LENGTHS: Final = struct.Struct("!QQ")
_UPLOAD_FIELDS: Final = struct.Struct(f"!BQ{FDFS_FILE_EXT_NAME_MAX_LEN}s")
_STAT_FIELDS: Final = struct.Struct("!QQQ")

_ADDRESS_SIZES: Final = (15, 45)
"""Lengths of the address: 45 where `response_ip_addr_size` or the server's version provides for IPv6."""

_MAX_SIZE: Final = 1 << 63
_LATEST_TIME: Final = 253_402_300_799
"""The end of the year 9999, and of what a `datetime` can hold."""

_LONGEST_SMALL_REPLY: Final = 1024 * 1024
"""More than any reply has except for a download: metadata have less than 256 KiB."""


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a storage server knows of a file: size in bytes, creation time in Unix seconds."""

    size: int
    created_at: int


def request(command: int, length: int, fields: bytes, *, flags: int = 0) -> bytes:
    """The beginning of a request whose body has `length` bytes: its header, and the first fields of the body."""
    return _HEADER.pack(length, command, flags) + fields


async def ask(
    connection: FramedConnection, command: int, body: bytes = b"", *, flags: int = 0, allowance: float = 0.0
) -> bytes:
    """Send a request that fits into one segment, return the body of the reply."""
    await connection.send(request(command, len(body), body, flags=flags))
    return await reply(connection, allowance=allowance)


async def reply(connection: FramedConnection, *, allowance: float = 0.0) -> bytes:
    """The body of a reply that is small enough to be held; `allowance` as in `FramedConnection.begin_reply`."""
    length = await connection.begin_reply(allowance=allowance)
    if length > _LONGEST_SMALL_REPLY:
        raise ProtocolFault(connection.peer, f"announced an answer of {length} bytes")
    return await connection.receive_exactly(length) if length else b""


def group_field(group: str) -> bytes:
    """A group's name as requests have it."""
    return group.encode().ljust(_GROUP, b"\0")


def download_fields(group: str, name: str, offset: int, size: int) -> bytes:
    """Body of a download request; size 0 means "to the end"."""
    return _TWO_LENGTHS.pack(offset, size) + group_field(group) + name.encode()


def upload_fields(path_index: int, size: int, extension: str) -> bytes:
    """What comes before the content of an upload."""
    return _UPLOAD_FIELDS.pack(path_index, size, extension.encode())


def append_fields(name: str, size: int) -> bytes:
    """What comes before the content that is appended."""
    return _TWO_LENGTHS.pack(len(name), size) + name.encode()


def metadata_fields(group: str, name: str, pairs: Mapping[str, str], flag: str) -> bytes:
    """Body of a request that sets metadata."""
    packed: bytes = fdfs_pack_metadata(pairs).encode()  # type: ignore[no-untyped-call]  # as above
    return _TWO_LENGTHS.pack(len(name), len(packed)) + flag.encode() + group_field(group) + name.encode() + packed


def read_new_id(reply: bytes, peer: Peer) -> FileId:
    """The id of a file that was just stored."""
    try:
        return FileId(Backend.FASTDFS, text_in(reply[:_GROUP]), text_in(reply[_GROUP:]))
    except (ValueError, InvalidArgumentException) as error:
        raise ProtocolFault(peer, f"gave a new file an id that is none: {error}") from error


def read_stat(reply: bytes, peer: Peer) -> FileStat:
    """Size and time of a file. The address behind them has one of two lengths, and is not needed."""
    if len(reply) < _STAT_FIELDS.size:
        raise ProtocolFault(peer, f"answered a query for a file with {len(reply)} bytes")
    size, created_at, _ = _STAT_FIELDS.unpack_from(reply)
    if size >= _MAX_SIZE or created_at > _LATEST_TIME:
        raise ProtocolFault(peer, f"described a file of {size} bytes, made {created_at} s after 1970")
    return FileStat(size, created_at)


def read_crc32(reply: bytes) -> int:
    """The CRC-32 in a reply that `read_stat` takes: 64 bits, of which the server fills the upper half with the sign."""
    crc32: int = _STAT_FIELDS.unpack_from(reply)[2]
    return crc32 & 0xFFFFFFFF


def read_storage(reply: bytes, peer: Peer, *, with_path: bool) -> Storage_server:
    """The storage server that a tracker names; versions differ in the length of its address."""
    tail = FDFS_PROTO_PKG_LEN_SIZE + with_path
    address_size = len(reply) - _GROUP - tail
    if address_size not in _ADDRESS_SIZES:
        raise ProtocolFault(peer, f"named a storage server in {len(reply)} bytes")
    group, host, port = struct.unpack_from(f"!{_GROUP}s{address_size}sQ", reply)
    try:
        address = Address.numeric(host_in(host), port)
        server = storage_server(text_in(group).encode(), address.host.encode(), port)
    except ValueError as error:
        raise ProtocolFault(peer, f"named a storage server that is none: {error}") from error
    server.store_path_index = reply[-1] if with_path else 0
    return server


def storage_server(group: bytes, host: bytes, port: int) -> Storage_server:
    """A storage server, as aiofdfs' commands take it."""
    # Its annotations are those of the defaults in its constructor; what its clients put there and read is bytes.
    server: Any = Storage_server()  # type: ignore[no-untyped-call]  # as above
    server.group_name, server.ip_addr, server.port = group, host, port
    return cast("Storage_server", server)

"""The words of the FastDFS protocol: commands, statuses, the ten-byte header and fixed-size fields.

Written from a description of the protocol and checked against a FastDFS 6.16.1 by `test_server_faithfulness.py`.
All integers are big endian and, as the server keeps them, signed.
"""

import errno
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

GROUP_FIELD: Final = 16
EXTENSION_FIELD: Final = 6
SHORT_ADDRESS: Final = 15
LONG_ADDRESS: Final = 45
BUFFER_SIZE: Final = 256 * 1024
"""What a server keeps for one request, its header included. Only file contents may be longer."""


class Command(IntEnum):
    UPLOAD = 11
    DELETE = 12
    SET_METADATA = 13
    DOWNLOAD = 14
    GET_METADATA = 15
    UPLOAD_SLAVE = 21
    QUERY_INFO = 22
    UPLOAD_APPENDER = 23
    APPEND = 24
    LIST_STORE_PATH = 26
    MODIFY = 34
    TRUNCATE = 36
    REGENERATE = 38
    QUIT = 82
    LIST_GROUPS = 91
    LIST_STORAGES = 92
    REPLY = 100
    STORE_ANYWHERE = 101
    FETCH_ONE = 102
    UPDATE = 103
    STORE_IN_GROUP = 104
    FETCH_ALL = 105
    STORE_ANYWHERE_ALL = 106
    STORE_IN_GROUP_ALL = 107
    ACTIVE_TEST = 111


class Status(IntEnum):
    """A reply's status is an `errno` of Linux."""

    OK = 0
    MISSING = errno.ENOENT
    INVALID = errno.EINVAL
    EXISTS = errno.EEXIST
    FULL = errno.ENOSPC


@dataclass(frozen=True, slots=True)
class Header:
    length: int
    command: int
    status: int = Status.OK

    FORMAT = struct.Struct("!qBB")

    def encode(self) -> bytes:
        return self.FORMAT.pack(self.length, self.command, self.status)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        return cls(*cls.FORMAT.unpack(data))


def text_field(text: str, size: int) -> bytes:
    data = text.encode("ascii")
    if len(data) > size:
        raise ValueError(f"{text!r} does not fit into a field of {size} bytes")
    return data.ljust(size, b"\0")


def field_text(field: bytes) -> bytes:
    """What stands before the first NUL: servers ignore the rest of a field."""
    return field.partition(b"\0")[0]


def numbers(*values: int) -> bytes:
    """The integers as eight bytes each."""
    return struct.pack(f"!{len(values)}q", *values)


def read_numbers(data: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"!{count}q", data)

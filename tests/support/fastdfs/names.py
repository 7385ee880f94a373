"""File names as a storage gives them: `M00/00/00/`, 27 characters of Base64, a tail of random digits and extension."""

import base64
import random
import re
import struct
import zlib
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Self

from tests.support.fastdfs.protocol import EXTENSION_FIELD

NAME_PATTERN: Final = re.compile(rb"M([0-9A-F]{2})/([0-9A-F]{2})/([0-9A-F]{2})/(.{28,})", re.DOTALL)
EXTENSION_PATTERN: Final = re.compile(rb"[A-Za-z0-9._-]{0,6}")

_FIELDS = struct.Struct("!4sIQI")
_ENCODED = slice(10, 37)
_TAIL = slice(37, 44)
_APPENDER = 1 << 58
_TRUNK = 1 << 59
_NAME_LENGTH = 44
_TRUNK_NAME_LENGTH = 60
_SMALL = 1 << 63
_FOUR_GIB = 1 << 32


def crc32(data: bytes, start: int = 0) -> int:
    return zlib.crc32(data, start)


def random_tail(extension: bytes) -> str:
    """Seven characters: the extension with its dot, digits before it where it is shorter than six characters."""
    missing = EXTENSION_FIELD - len(extension)
    suffix = f".{extension.decode('ascii')}" if extension else str(random.randrange(10))
    return "".join(random.choices("0123456789", k=missing)) + suffix


@dataclass(frozen=True, slots=True)
class StoredName:
    """What a name says of its file. An appender's size is not in its name; its CRC is that of its first bytes.

    `source` are the four bytes of an IPv4 address, or of a storage id, least significant byte first.
    """

    source: bytes
    created: int
    size: int
    crc32: int
    tail: str
    is_appender: bool = False

    def encode(self) -> bytes:
        """Two calls give two names: the unused bits of the size are random, as on a real server."""
        fields = _FIELDS.pack(self.source, self.created, self._size_field(), self.crc32)
        return b"M00/00/00/" + base64.b64encode(fields, altchars=b"-_").rstrip(b"=") + self.tail.encode("ascii")

    @classmethod
    def decode(cls, name: bytes) -> Self | None:
        """None for a name that no storage can have given."""
        if not NAME_PATTERN.fullmatch(name):
            return None
        try:
            source, created, size, crc = _FIELDS.unpack(base64.b64decode(name[_ENCODED] + b"=", b"-_", validate=True))
            tail = name[_TAIL].decode("ascii")
        except ValueError:
            return None
        is_appender = bool(size & _APPENDER)
        plain_size = 0 if is_appender else size % _FOUR_GIB if size & _SMALL else size
        return cls(source, created, plain_size, crc, tail, is_appender=is_appender)

    @property
    def address(self) -> str:
        """The source, where it is one."""
        return str(IPv4Address(self.source))

    @classmethod
    def issued(cls, name: bytes) -> Self:
        """The meaning of a name that a storage holds a file of."""
        stored = cls.decode(name)
        if stored is None:
            raise ValueError(f"{name!r} was never given by a storage")
        return stored

    def _size_field(self) -> int:
        noise = random.getrandbits(23) << 32
        if self.is_appender:
            return _SMALL | _APPENDER | noise
        return self.size if self.size >= _FOUR_GIB else _SMALL | noise | self.size


def source_of_address(host: str) -> bytes:
    return IPv4Address(host).packed


def source_of_id(server_id: str) -> bytes:
    """As `use_storage_id` writes it."""
    return int(server_id).to_bytes(4, "little")


def lies_in_trunk(name: bytes) -> bool:
    """Whether storages take it for the name of a file within a trunk file."""
    return len(name) == _TRUNK_NAME_LENGTH and bool(_size_field_of(name) & _TRUNK)


def is_slaves(name: bytes) -> bool:
    """Whether storages take it for the name of a slave: they go by its length alone."""
    limit = _TRUNK_NAME_LENGTH if _size_field_of(name) & _TRUNK else _NAME_LENGTH
    return len(name) > limit


def _size_field_of(name: bytes) -> int:
    try:
        _, _, size, _ = _FIELDS.unpack(base64.b64decode(name[_ENCODED] + b"=", b"-_", validate=True))
    except ValueError:
        return 0
    return int(size)


def slave_name(master: bytes, prefix: bytes, extension: bytes) -> bytes:
    """The master's name up to its extension, the prefix, and an extension of the slave's own."""
    last = master[-EXTENSION_FIELD - 1 :]
    stem = master[: len(master) - len(last)] + last.partition(b".")[0]
    dot = b"" if not extension or extension.startswith(b".") else b"."
    return stem + prefix + dot + extension

"""Byte layout of a zip archive (PKWARE APPNOTE.TXT 6.3.10), as plain functions."""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from s3py_helper.application.zip.format.timestamps import dos_date_time, extended_timestamp

UINT16_MAX: Final = 0xFFFF
UINT32_MAX: Final = 0xFFFFFFFF

_LOCAL_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_DESCRIPTOR: Final = struct.Struct("<4sIII")
_WIDE_DESCRIPTOR: Final = struct.Struct("<4sIQQ")
_CENTRAL_HEADER: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_WIDE_END: Final = struct.Struct("<4sQHHIIQQQQ")
_WIDE_END_LOCATOR: Final = struct.Struct("<4sIQI")
_EXTRA_FIELD: Final = struct.Struct("<HH")

_VERSION: Final = 20
_ZIP64_VERSION: Final = 45
_ZIP64_FIELD: Final = 0x0001
_MADE_ON_UNIX: Final = 3 << 8
_REGULAR_FILE: Final = 0o100644 << 16
_UTF8_NAME: Final = 0x0800
_SIZES_FOLLOW: Final = 0x0008


class Method(IntEnum):
    """How an entry's data is written."""

    STORED = 0
    DEFLATED = 8


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry's data is: CRC-32 and size of the file, and its size in the archive."""

    crc32: int
    size: int
    compressed_size: int

    @property
    def wide(self) -> bool:
        """A data descriptor needs eight bytes for a size. Java decides by the same rule."""
        return max(self.size, self.compressed_size) > UINT32_MAX


@dataclass(frozen=True, slots=True)
class EntryHeader:
    """What is known of an entry before its data, besides its name.

    Attributes:
        modified: Time of last modification, with time zone; `None` when unknown.
        method: How the data is written.
        content: What the data will be; `None` when that follows it, in a data descriptor.
        wide: Whether the descriptor will have sizes of eight bytes.
    """

    modified: datetime | None
    method: Method
    content: Content | None
    wide: bool = False


def local_header(path: str, header: EntryHeader) -> bytes:
    """The record before an entry's data (4.3.7); `path` is its name in the archive."""
    name = path.encode()
    if header.content is None:
        content = Content(0, 0, 0)
        zip64 = header.wide
    else:
        content = header.content
        zip64 = max(content.size, content.compressed_size) >= UINT32_MAX
    extra = extended_timestamp(header.modified)
    size, compressed_size = content.size, content.compressed_size
    if zip64:
        # Unlike in the central directory, the field always holds both sizes here (4.5.3).
        extra = _zip64_field([size, compressed_size]) + extra
        size = compressed_size = UINT32_MAX
    fixed = _LOCAL_HEADER.pack(
        b"PK\3\4",
        _ZIP64_VERSION if zip64 else _VERSION,
        _flags(header),
        header.method,
        *reversed(dos_date_time(header.modified)),
        content.crc32,
        compressed_size,
        size,
        len(name),
        len(extra),
    )
    return fixed + name + extra


def data_descriptor(content: Content) -> bytes:
    """The record behind the data of an entry whose header could not tell (4.3.9)."""
    layout = _WIDE_DESCRIPTOR if content.wide else _DESCRIPTOR
    return layout.pack(b"PK\7\10", content.crc32, content.compressed_size, content.size)


def central_header(path: str, header: EntryHeader, content: Content, offset: int) -> bytes:
    """An entry's line in the central directory (4.3.12); `offset` is where its local header begins."""
    name = path.encode()
    numbers = (content.size, content.compressed_size, offset)
    large = [number for number in numbers if number >= UINT32_MAX]
    size, compressed_size, short_offset = [min(number, UINT32_MAX) for number in numbers]
    extra = (_zip64_field(large) if large else b"") + extended_timestamp(header.modified)
    version = _ZIP64_VERSION if large or header.wide else _VERSION
    fixed = _CENTRAL_HEADER.pack(
        b"PK\1\2",
        _MADE_ON_UNIX | _ZIP64_VERSION,
        version,
        _flags(header),
        header.method,
        *reversed(dos_date_time(header.modified)),
        content.crc32,
        compressed_size,
        size,
        len(name),
        len(extra),
        0,  # no comment
        0,  # first disk
        0,  # no hint whether it is text
        _REGULAR_FILE,
        short_offset,
    )
    return fixed + name + extra


def end_of_archive(entries: int, directory_size: int, directory_offset: int) -> bytes:
    """The records behind the central directory (4.3.14 to 4.3.16)."""
    wide = entries >= UINT16_MAX or max(directory_size, directory_offset) >= UINT32_MAX
    end = _END.pack(
        b"PK\5\6",
        0,
        0,
        min(entries, UINT16_MAX),
        min(entries, UINT16_MAX),
        min(directory_size, UINT32_MAX),
        min(directory_offset, UINT32_MAX),
        0,
    )
    return (_wide_end(entries, directory_size, directory_offset) if wide else b"") + end


def _wide_end(entries: int, directory_size: int, directory_offset: int) -> bytes:
    end = _WIDE_END.pack(
        b"PK\6\6",
        _WIDE_END.size - 12,  # its own size, without this number and the signature
        _MADE_ON_UNIX | _ZIP64_VERSION,
        _ZIP64_VERSION,
        0,
        0,
        entries,
        entries,
        directory_size,
        directory_offset,
    )
    return end + _WIDE_END_LOCATOR.pack(b"PK\6\7", 0, directory_offset + directory_size, 1)


def _zip64_field(numbers: list[int]) -> bytes:
    return _EXTRA_FIELD.pack(_ZIP64_FIELD, 8 * len(numbers)) + struct.pack(f"<{len(numbers)}Q", *numbers)


def _flags(header: EntryHeader) -> int:
    return _UTF8_NAME | (_SIZES_FOLLOW if header.content is None else 0)

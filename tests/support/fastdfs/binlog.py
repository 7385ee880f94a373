"""What a storage writes down of the files that it gets, and lists for those who ask: its own and copies of others'."""

import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.support.fastdfs.content import PIECE

ENDLESS: Final = 1 << 58
"""The length of a reply that goes on until the storage closes the connection."""

_TRAILER: Final = struct.Struct("!q")
_OWN: Final = b"C"
_COPY: Final = b"c"


@dataclass(frozen=True, slots=True)
class Record:
    made: int
    operation: bytes
    name: bytes

    def line(self) -> bytes:
        return b"%d %b %b\n" % (self.made, self.operation, self.name)


@dataclass(slots=True)
class Binlog:
    """Only records of created files, which are all that is listed. A test may remove and add some."""

    records: list[Record] = field(default_factory=list[Record])
    lacks_beginning: bool = False
    """The first of its files is missing. (One missing in the middle are records that are missing: nobody is told.)"""
    poison: bytes | None = None
    """The name of a record that cannot be read: a listing ends there, without a word."""
    lacks_trailer: bool = False
    """End listings without their last eight bytes."""

    def note(self, name: bytes, *, copied: bool) -> None:
        self.records.append(Record(int(time.time()), _COPY if copied else _OWN, name))

    def listing(self, is_there: Callable[[bytes], bool]) -> Iterator[bytes]:
        """In the order in which the files came; one that came twice is listed twice."""
        sent, piece = 0, b""
        for record in self.records:
            if record.name == self.poison:
                yield piece
                return
            if is_there(record.name):
                piece += record.line()
            if len(piece) >= PIECE:
                sent += len(piece)
                yield piece
                piece = b""
        yield piece if self.lacks_trailer else piece + _TRAILER.pack(sent + len(piece))

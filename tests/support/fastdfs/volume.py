"""The files that one storage holds, and the changes that travel between the storages of a group."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.support.fastdfs.binlog import Binlog
from tests.support.fastdfs.content import Content
from tests.support.fastdfs.metadata import merged, overwritten
from tests.support.fastdfs.names import lies_in_trunk
from tests.support.fastdfs.report import Report

_METADATA: Final = b"-m"


@dataclass(slots=True)
class StoredFile:
    content: Content
    is_appender: bool = False
    metadata: bytes = b""
    modified: int = field(default_factory=lambda: int(time.time()))

    def damage(self, offset: int = 0) -> None:
        """Flip every bit of one byte, as a failing disk does."""
        (byte,) = next(self.content.pieces(offset, 1))
        self.content.write(offset, bytes([byte ^ 0xFF]))


type Change = Callable[[Volume], None]
"""Something that happened to a file at its source, repeated at a replica later."""


class Volume:
    """What is on a storage's disk: files, its records of them, its count of what clients did."""

    def __init__(self) -> None:
        self._files: dict[bytes, StoredFile] = {}
        self._orphans: set[bytes] = set()
        self.binlog = Binlog()
        self.report = Report()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: bytes) -> bool:
        return name in self._files

    def __getitem__(self, name: bytes) -> StoredFile:
        return self._files[name]

    def get(self, name: bytes) -> StoredFile | None:
        return self._files.get(name)

    def clear(self) -> None:
        self._files.clear()

    def is_listed(self, name: bytes) -> bool:
        """Whether a record of it is given to those who ask. Nobody looks into trunk files for that."""
        if name in self._files or name in self._orphans or lies_in_trunk(name):
            return True
        file = self._files.get(name.removesuffix(_METADATA))
        return file is not None and bool(file.metadata)

    def put(self, name: bytes, content: Content, *, is_appender: bool) -> Change:
        """An appender's content may change, so a replica gets its own copy of what it is now."""
        self._files[name] = StoredFile(content, is_appender)
        self.binlog.note(name, copied=False)
        self.report.upload()
        snapshot = content.copy() if is_appender else content

        def repeat(replica: Volume) -> None:
            replica._files[name] = StoredFile(snapshot, is_appender)
            replica.binlog.note(name, copied=True)

        return repeat

    def delete(self, name: bytes) -> Change:
        def repeat(volume: Volume) -> None:
            volume._discard(name)

        repeat(self)
        self.report.delete()
        return repeat

    def set_metadata(self, name: bytes, sent: bytes, *, merge: bool) -> Change:
        file = self._files[name]
        result = merged(file.metadata, sent) if merge else overwritten(sent)

        def repeat(volume: Volume) -> None:
            file = volume.get(name)
            if file is not None:
                if result and not file.metadata:
                    volume.binlog.note(name + _METADATA, copied=volume is not self)
                file.metadata = result

        repeat(self)
        self.report.change()
        return repeat

    def write(self, name: bytes, offset: int, piece: Content) -> Change:
        def write(file: StoredFile) -> None:
            file.content.overlay(offset, piece)

        return self._applied(name, write)

    def resize(self, name: bytes, size: int) -> Change:
        def resize(file: StoredFile) -> None:
            file.content.resize(size)

        return self._applied(name, resize)

    def finish(self, name: bytes, new_name: bytes) -> Change:
        """Turn an appender into a normal file of another name. Its metadata is lost, as on a real server.

        Replicas follow only while the file is there under its new name; else they keep what they have, for ever.
        """

        def repeat(volume: Volume) -> None:
            if volume is not self and new_name not in self:
                return
            file = volume._discard(name)
            if file is not None:
                volume._files[new_name] = StoredFile(file.content, modified=file.modified)
                volume.binlog.note(new_name, copied=volume is not self)
                if file.metadata:
                    volume._orphans.add(name + _METADATA)

        repeat(self)
        self.report.change()
        return repeat

    def _discard(self, name: bytes) -> StoredFile | None:
        return self._files.pop(name, None)

    def _applied(self, name: bytes, change: Callable[[StoredFile], None]) -> Change:
        file = self._files[name]
        change(file)
        file.modified = int(time.time())
        self.report.change()
        return self._repeated(name, change)

    @staticmethod
    def _repeated(name: bytes, change: Callable[[StoredFile], None]) -> Change:
        def repeat(replica: Volume) -> None:
            file = replica.get(name)
            if file is not None:
                change(file)

        return repeat

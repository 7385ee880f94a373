"""The files that one storage holds, and the changes that travel between the storages of a group."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.fastdfs.content import Content
from tests.support.fastdfs.metadata import merged, overwritten


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
    def __init__(self) -> None:
        self._files: dict[bytes, StoredFile] = {}

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

    def put(self, name: bytes, content: Content, *, is_appender: bool) -> Change:
        """An appender's content may change, so a replica gets its own copy of what it is now."""
        self._files[name] = StoredFile(content, is_appender)
        snapshot = content.copy() if is_appender else content

        def repeat(replica: Volume) -> None:
            replica._files[name] = StoredFile(snapshot, is_appender)

        return repeat

    def delete(self, name: bytes) -> Change:
        def repeat(volume: Volume) -> None:
            volume._discard(name)

        repeat(self)
        return repeat

    def set_metadata(self, name: bytes, sent: bytes, *, merge: bool) -> Change:
        file = self._files[name]
        file.metadata = merged(file.metadata, sent) if merge else overwritten(sent)
        result = file.metadata

        def repeat(file: StoredFile) -> None:
            file.metadata = result

        return self._repeated(name, repeat)

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

        repeat(self)
        return repeat

    def _discard(self, name: bytes) -> StoredFile | None:
        return self._files.pop(name, None)

    def _applied(self, name: bytes, change: Callable[[StoredFile], None]) -> Change:
        file = self._files[name]
        change(file)
        file.modified = int(time.time())
        return self._repeated(name, change)

    @staticmethod
    def _repeated(name: bytes, change: Callable[[StoredFile], None]) -> Change:
        def repeat(replica: Volume) -> None:
            file = replica.get(name)
            if file is not None:
                change(file)

        return repeat

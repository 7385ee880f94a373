"""The files that archives are made of, and the proof that an archive is right."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.child.content import Pattern
from benchmarks.child.text import Text

_COMPARED: Final = 5
_COMPARED_SIZE: Final = 64 * 1024 * 1024


class Originals:
    """Files of one size: `text` that compresses or `random` bytes that do not."""

    def __init__(self, kind: str, count: int, size: int) -> None:
        self._text = Text() if kind == "text" else None
        self._pattern = Pattern()
        self._suffix = "log" if kind == "text" else "bin"
        self.count = count
        self.size = size

    @property
    def total(self) -> int:
        return self.count * self.size

    @property
    def names(self) -> list[str]:
        return [f"file-{index:05}.{self._suffix}" for index in range(self.count)]

    def content(self, index: int) -> bytes:
        if self._text is not None:
            return self._text.file(index, self.size)
        return self._pattern.at(index * 7919, self.size)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for index, name in enumerate(self.names):
            yield name, self.content(index)

    def check(self, archive: Path) -> None:
        """Raise `ValueError` unless the archive holds these files; every CRC is checked, some bytes compared."""
        with zipfile.ZipFile(archive) as opened:
            if opened.namelist() != self.names:
                raise ValueError(f"the archive's {len(opened.namelist())} entries are not the {self.count} files")
            if (bad := opened.testzip()) is not None:
                raise ValueError(f"the archive's entry {bad} is damaged")
            if self.size > _COMPARED_SIZE:
                return
            for index in range(0, self.count, max(1, self.count // _COMPARED)):
                name, content = self.names[index], self.content(index)
                entry = opened.getinfo(name)
                if zlib.crc32(content) != entry.CRC or opened.read(name) != content:
                    raise ValueError(f"the archive's entry {name} has other content than the file")


class Discard(io.BytesIO):
    """An output that only counts, and like a network connection cannot seek or tell."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, piece: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # any buffer at hand
        self.count += len(piece)
        return len(piece)

    def writelines(self, pieces: Iterable[bytes | bytearray | memoryview], /) -> None:  # type: ignore[override]  # as above
        # BytesIO's own would not call the method above.
        for piece in pieces:
            self.write(piece)

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")

    def seekable(self) -> bool:
        return False

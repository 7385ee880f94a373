"""The bookkeeping of an archive: what was written where."""

from collections.abc import Iterator
from itertools import batched
from typing import Final

from s3py_helper.application.zip.format.records import (
    Content,
    EntryHeader,
    central_header,
    data_descriptor,
    end_of_archive,
    local_header,
)

_HEADERS_AT_ONCE: Final = 1024


class ArchiveWriter:
    """Makes the bytes between the entries' data, in order; the caller writes these and the data.

    For each entry `begin`, `add` for every piece of data, `end`; finally `finish`.

    Attributes:
        offset: Size of the archive so far.
    """

    def __init__(self) -> None:
        self.offset = 0
        self._current: tuple[str, EntryHeader, int] | None = None
        self._directory: list[bytes] = []

    def begin(self, path: str, header: EntryHeader) -> bytes:
        """The local header of a new entry; `path` is its name in the archive."""
        self._current = path, header, self.offset
        return self._counted(local_header(path, header))

    def add(self, length: int) -> None:
        """Note that many further bytes of data."""
        self.offset += length

    def end(self, content: Content) -> bytes:
        """Complete the data: its descriptor, empty where the header has said everything."""
        if self._current is None:
            raise RuntimeError("end() without begin()")
        path, header, offset = self._current
        self._current = None
        self._directory.append(central_header(path, header, content, offset))
        return self._counted(data_descriptor(content)) if header.content is None else b""

    def finish(self) -> Iterator[bytes]:
        """The central directory. Without it no reader takes the archive for whole."""
        start = self.offset
        for headers in batched(self._directory, _HEADERS_AT_ONCE):
            yield self._counted(b"".join(headers))
        yield self._counted(end_of_archive(len(self._directory), self.offset - start, start))

    def _counted(self, written: bytes) -> bytes:
        self.offset += len(written)
        return written

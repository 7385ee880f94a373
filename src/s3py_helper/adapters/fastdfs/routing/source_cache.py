"""A short memory of where the sources of files are.

An id names its source by an address or a number of the server's own, and the tracker knows where that one is reached,
or what stands in for it. Its answer is the same for all files of a source, so asking anew for each only costs time.
"""

from time import monotonic
from typing import Final

from s3py_helper.adapters.fastdfs.describe import decoded
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.domain.file_id import FileId

REMEMBERED_SECONDS: Final = 1.0
_REMEMBERED_SOURCES: Final = 1_000

type _Source = tuple[str, str]


class SourceCache:
    """Group and source as an id names them, and the server that the tracker named for them."""

    def __init__(self) -> None:
        self._known: dict[_Source, tuple[Address, float]] = {}

    def address_for(self, file_id: FileId) -> Address | None:
        """The server to ask, when the tracker was asked within the last second."""
        source = _source(file_id)
        address, until = self._known.get(source, (None, 0.0)) if source is not None else (None, 0.0)
        return address if until > monotonic() else None

    def add(self, file_id: FileId, address: Address) -> None:
        """Remember a tracker's answer."""
        if (source := _source(file_id)) is not None:
            if len(self._known) >= _REMEMBERED_SOURCES:
                self._known.clear()  # nobody has so many servers: these are made-up ids
            self._known[source] = address, monotonic() + REMEMBERED_SECONDS

    def forget(self, address: Address) -> None:
        """A server that cannot be reached may have a stand-in by now."""
        self._known = {source: known for source, known in self._known.items() if known[0] != address}


def _source(file_id: FileId) -> _Source | None:
    name = decoded(file_id.key)
    return None if name is None else (file_id.bucket, name.source)

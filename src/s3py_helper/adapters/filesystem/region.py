"""Parts of a file that is being read, for the system to send."""

import errno
from dataclasses import dataclass
from typing import Final

from s3py_helper.adapters.filesystem.errors import translated
from s3py_helper.adapters.filesystem.reader import BlobReader
from s3py_helper.application.ports.region import Region
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.file_id import FileId

MOST_SENT: Final = 4 * 1024 * 1024
"""Bytes that the system is given at once. It copies none, but goes on as long as the client takes them."""

_OF_THE_DISK: Final = frozenset({errno.EIO})
"""All other errors are the socket's."""


@dataclass(frozen=True, slots=True)
class FileRegion:
    """See `Region`.

    Attributes:
        file_id: The file.
        reader: Has it open.
        span: Which bytes.
    """

    file_id: FileId
    reader: BlobReader
    span: Span

    @property
    def size(self) -> int:
        """See `Region.size`."""
        return len(self.span)

    def send(self, socket: int, start: int) -> int:
        """See `Region.send`."""
        with translated("download", self.file_id, only=_OF_THE_DISK):
            return self.reader.send(socket, self.span.start + start, min(MOST_SENT, len(self.span) - start))


_: type[Region] = FileRegion

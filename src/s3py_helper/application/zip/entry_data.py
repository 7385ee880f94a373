"""An entry's data in the making: joining, summing and compressing, which belong into a thread."""

from isal import isal_zlib

from s3py_helper.application.zip.batches import Batch
from s3py_helper.application.zip.deflate import Encoder, deflated, shrinks
from s3py_helper.application.zip.records import Content, Method


class EntryData:
    """The data of a large file, batch by batch; by one thread at a time.

    Attributes:
        size: Bytes of the file so far.
        crc32: Their CRC-32.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.size = 0
        self.crc32 = 0
        self._encoder = encoder
        self._written = 0

    def add(self, batch: Batch) -> bytes:
        """The data of the next batch; may be empty."""
        content = b"".join(batch)
        self.size += len(content)
        self.crc32 = isal_zlib.crc32(content, self.crc32)
        return self._counted(self._encoder.encode(content))

    def finish(self) -> bytes:
        """The end of the data; may be empty."""
        return self._counted(self._encoder.finish())

    @property
    def content(self) -> Content:
        """What has become of the file."""
        return Content(self.crc32, self.size, self._written)

    def _counted(self, data: bytes) -> bytes:
        self._written += len(data)
        return data


def small_entry(batch: Batch, *, compress: bool) -> tuple[Method, bytes, Content]:
    """The data of a file that is one batch: compressed where that is wanted and makes it smaller."""
    content = b"".join(batch)
    method, data = Method.STORED, content
    if compress and (smaller := deflated(content)) is not None and len(smaller) < len(content):
        method, data = Method.DEFLATED, smaller
    return method, data, Content(isal_zlib.crc32(content), len(content), len(data))


def large_entry_shrinks(first: Batch) -> bool:
    """Whether compressing is worth the while, judged by the beginning of a large file."""
    return shrinks(b"".join(first))

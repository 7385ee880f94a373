"""Several parts of a file in one response: `multipart/byteranges` (RFC 9110, 14.6)."""

import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

from s3py_helper.application.download import DownloadService
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.files import FileBasicInfo

READ_THROUGH: Final = 64 * 1024
"""Bytes between two parts that are read and dropped: opening the file once more would take longer."""


class MultipartRanges:
    """The body of one response.

    Args:
        spans: The parts, in ascending order, at least two.
        info: The file.
        content_type: Its type, as it is sent.

    Attributes:
        content_type: Type of the response.
        length: Bytes of the body.
        visits: How often the file has to be opened.
    """

    def __init__(self, spans: Sequence[Span], info: FileBasicInfo, content_type: str) -> None:
        self._info = info
        boundary = secrets.token_hex(16)
        # The line end before a boundary belongs to it, and not to the part before it (RFC 2046, 5.1.1).
        heads = [
            f"{'\r\n' if number else ''}--{boundary}\r\nContent-Type: {content_type}\r\n"
            f"Content-Range: bytes {span.start}-{span.stop - 1}/{info.file_size}\r\n\r\n"
            for number, span in enumerate(spans)
        ]
        self._parts = [(span, head.encode("latin-1")) for span, head in zip(spans, heads, strict=True)]
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self.length = sum(len(span) + len(head) for span, head in self._parts) + len(self._end)
        self._groups = _grouped(self._parts)
        self.visits = len(self._groups)

    async def body(self, service: DownloadService, file_id: str) -> AsyncGenerator[bytes]:
        """The bytes.

        Raises:
            StorageException: As `DownloadService.open`.
            IntegrityException: The file is no longer the one that was described.
        """
        for group in self._groups:
            covering = ByteRange(group[0][0].start, group[-1][0].stop - 1)
            async with service.open(file_id, covering) as opened:
                if (opened.info.etag, opened.info.file_size) != (self._info.etag, self._info.file_size):
                    raise IntegrityException("the file was replaced while it was read", operation="download")
                cutter = _Cutter(opened.span.start, group)
                async for chunk in opened.body:
                    for piece in cutter.pieces(chunk):
                        yield piece
        yield self._end


type _Part = tuple[Span, bytes]


def _grouped(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Parts that are read in one go."""
    groups = [[parts[0]]]
    for part in parts[1:]:
        if part[0].start - groups[-1][-1][0].stop <= READ_THROUGH:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


class _Cutter:
    """Cuts a body that begins at an offset of the file into parts, each behind its head."""

    def __init__(self, at: int, parts: Sequence[_Part]) -> None:
        self._at = at
        self._pending = iter(parts)
        self._span, self._head = next(self._pending)

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What is to be sent of the next chunk."""
        start, stop = self._at, self._at + len(chunk)
        self._at = stop
        while self._span.start < stop:
            if self._head:
                yield self._head
                self._head = b""
            if piece := chunk[max(0, self._span.start - start) : max(0, self._span.stop - start)]:
                yield piece
            if self._span.stop > stop or (following := next(self._pending, None)) is None:
                return
            self._span, self._head = following

"""The body of a response with several parts."""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.application.describe import file_info
from s3py_helper.application.download import DownloadService, OpenFile
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.range_set import spans_of
from s3py_helper.entrypoints.http.downloads.multipart_ranges import READ_THROUGH, MultipartRanges

CONTENT = os.urandom(300_000)
BLOB = BlobInfo(FileId.parse("s3:bucket/k"), len(CONTENT), etag='"v1"')
INFO = file_info(BLOB, "s3:bucket/k")


class Opener:
    """Opens the content, in chunks of any size, as a download service does."""

    def __init__(self, chunk_size: int, info: BlobInfo = BLOB) -> None:
        self.opened: list[ByteRange] = []
        self._chunk_size = chunk_size
        self._info = info

    @asynccontextmanager
    async def open(self, _file_id: str, byte_range: ByteRange) -> AsyncIterator[OpenFile]:
        self.opened.append(byte_range)
        span = byte_range.resolve(len(CONTENT))
        async with aclosing(self._chunks(span)) as body:
            yield OpenFile(OpenBlob(self._info, span, body), INFO.file_id)

    async def _chunks(self, span: Span) -> AsyncGenerator[bytes]:
        for at in range(span.start, span.stop, self._chunk_size):
            yield CONTENT[at : min(at + self._chunk_size, span.stop)]


async def _body(parts: MultipartRanges, opener: Opener) -> bytes:
    async with aclosing(parts.body(cast("DownloadService", opener), INFO.file_id)) as body:
        return b"".join([chunk async for chunk in body])


async def test_each_part_says_what_it_is() -> None:
    parts = MultipartRanges([Span(0, 3), Span(200_000, 200_004)], INFO, "text/plain")
    body = await _body(parts, Opener(1000))
    boundary = parts.content_type.partition("boundary=")[2]
    assert body == (
        f"--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/300000\r\n\r\n".encode()
        + CONTENT[:3]
        + f"\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 200000-200003/300000\r\n\r\n".encode()
        + CONTENT[200_000:200_004]
        + f"\r\n--{boundary}--\r\n".encode()
    )
    assert parts.length == len(body)


async def test_parts_that_are_near_are_read_in_one_go() -> None:
    near, far = 1000 + READ_THROUGH, 1000 + 3 * READ_THROUGH
    spans = [Span(0, 1000), Span(near, near + 1), Span(far, far + 1)]
    parts, opener = MultipartRanges(spans, INFO, "a/b"), Opener(4096)
    await _body(parts, opener)
    assert opener.opened == [ByteRange(0, near), ByteRange(far, far)]
    assert parts.visits == 2


@pytest.mark.parametrize("change", [{"etag": '"v2"'}, {"size": len(CONTENT) + 1}], ids=str)
async def test_a_file_that_was_replaced_meanwhile_is_not_mixed(change: dict[str, Any]) -> None:
    parts = MultipartRanges([Span(0, 1), Span(5000, 5001)], INFO, "a/b")
    with pytest.raises(IntegrityException, match="replaced"):
        await _body(parts, Opener(100, replace(BLOB, **change)))


_RANGES = st.lists(st.tuples(st.integers(0, 299_999), st.integers(0, 2000)), min_size=2, max_size=6)


@given(ranges=_RANGES, chunk_size=st.sampled_from([1000, 4096, 70_000, 256 * 1024]))
async def test_parts_are_the_bytes_of_the_file(ranges: list[tuple[int, int]], chunk_size: int) -> None:
    spans = spans_of([ByteRange(first, first + more) for first, more in ranges], len(CONTENT))
    if len(spans) == 1:
        return
    parts = MultipartRanges(spans, INFO, "application/octet-stream")
    body = await _body(parts, Opener(chunk_size))
    assert len(body) == parts.length
    at = 0
    for span in spans:
        told = f"Content-Range: bytes {span.start}-{span.stop - 1}/300000\r\n\r\n".encode()
        at = body.index(told, at) + len(told)
        assert body[at : at + len(span)] == CONTENT[span.start : span.stop]
        at += len(span)
    assert body[at:].startswith(b"\r\n--")

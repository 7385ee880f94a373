"""From a file's bytes to the pieces of its entry."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from isal import isal_zlib

from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip.batches import Batch, batched, one_batch
from s3py_helper.application.zip.format.deflate import (
    BATCH,
    AsItIs,
    Deflating,
    Encoder,
    StoredBlocks,
    deflated,
    may_outgrow_32_bits,
    shrinks,
    stored_blocks_length,
)
from s3py_helper.application.zip.format.records import UINT32_MAX, Content, EntryHeader, Method
from s3py_helper.application.zip.source import wrong_content
from s3py_helper.domain.blob import BlobInfo

type Piece = EntryHeader | bytes | Content
"""An entry comes as one `EntryHeader`, then its data in pieces, then its `Content`."""

_WORTH_A_TURN: Final = 16 * 1024
"""Compressing this many bytes takes 0.05 ms: all files under way may do so one after the other."""

_WORTH_A_THREAD: Final = 64 * 1024
"""Compressing this many bytes takes 0.2 ms, about as long as going to a thread and back."""


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
        """The file's size and CRC-32, and its size in the archive."""
        return Content(self.crc32, self.size, self._written)

    def _counted(self, data: bytes) -> bytes:
        self._written += len(data)
        return data


class EntryEncoder:
    """Makes entries' data, in threads where that takes time.

    Args:
        threads: How many may work at a time; more than there are cores would take time from the event loop.
    """

    def __init__(self, threads: int) -> None:
        self._threads = asyncio.Semaphore(threads)
        self._turn = asyncio.Lock()

    def encode(self, blob: OpenBlob, *, compress: bool) -> AsyncGenerator[Piece]:
        """The pieces of one entry; `compress` says whether to try that.

        Raises (while iterating):
            IntegrityException: The bytes do not have the size or CRC-32 of the blob's description.
        """
        encode = self._small if blob.info.size <= BATCH else self._large
        return encode(blob, compress=compress)

    async def _small(self, blob: OpenBlob, *, compress: bool) -> AsyncGenerator[Piece]:
        info = blob.info
        batch = await one_batch(blob.body, info.size)
        if batch is None:
            raise wrong_content(info, f"it does not have {info.size} bytes")
        if info.size <= _WORTH_A_TURN:
            method, data, content = small_entry(batch, compress=compress)
        else:
            run = self._in_turn if info.size <= _WORTH_A_THREAD else self._in_thread
            method, data, content = await run(small_entry, batch, compress=compress)
        _check_crc32(content, info)
        yield EntryHeader(info.last_modified, method, content)
        if data:
            yield data
        yield content

    async def _large(self, blob: OpenBlob, *, compress: bool) -> AsyncGenerator[Piece]:
        info = blob.info
        async with aclosing(batched(blob.body, BATCH)) as batches:
            batch: Batch | None = await anext(batches, [])
            header, data = await self._begun(batch or [], info, compress=compress)
            yield header
            while batch is not None:
                encoded = await self._in_thread(data.add, batch)
                if data.size > info.size:
                    raise wrong_content(info, f"it has more than {info.size} bytes")
                if encoded:
                    yield encoded
                batch = await anext(batches, None)
        if data.size != info.size:
            raise wrong_content(info, f"it has {data.size} bytes instead of {info.size}")
        rest = await self._in_thread(data.finish)
        _check_crc32(data.content, info)
        if rest:
            yield rest
        yield data.content

    async def _begun(self, first: Batch, info: BlobInfo, *, compress: bool) -> tuple[EntryHeader, EntryData]:
        compress = compress and not may_outgrow_32_bits(info.size)
        if compress and await self._in_thread(large_entry_shrinks, first):
            header = EntryHeader(info.last_modified, Method.DEFLATED, None, wide=info.size > UINT32_MAX)
            return header, EntryData(Deflating())
        header = header_when_stored(info)
        return header, EntryData(StoredBlocks() if header.content is None else AsItIs())

    async def _in_turn[**Arguments, Result](
        self, work: Callable[Arguments, Result], *args: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        # The files under way may all arrive at the same time: between them the event loop gets its turn.
        async with self._turn:
            await asyncio.sleep(0)
            return work(*args, **options)

    async def _in_thread[**Arguments, Result](
        self, work: Callable[Arguments, Result], *args: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        async with self._threads:
            return await asyncio.to_thread(work, *args, **options)


def _check_crc32(content: Content, info: BlobInfo) -> None:
    expected = _known_crc32(info)
    if expected is not None and content.crc32 != expected:
        raise wrong_content(info, f"its CRC-32 is {content.crc32:08x}, not {expected:08x}")


def header_when_stored(info: BlobInfo) -> EntryHeader:
    """The header of a file that is not compressed: it follows from size and CRC-32 alone.

    A stored entry must have its size and CRC-32 in its header, because Java refuses others; where the CRC-32 is not
    known in time, deflate's stored blocks are used instead.
    """
    crc32 = _known_crc32(info)
    if info.size <= BATCH:
        # Read as a whole, so its CRC-32 will be known; the header's length does not depend on it.
        crc32 = crc32 or 0
    if crc32 is not None:
        return EntryHeader(info.last_modified, Method.STORED, Content(crc32, info.size, info.size))
    wide = stored_blocks_length(info.size) > UINT32_MAX
    return EntryHeader(info.last_modified, Method.DEFLATED, None, wide=wide)


def _known_crc32(info: BlobInfo) -> int | None:
    return None if info.checksum is None else info.checksum.crc32_value


def small_entry(batch: Batch, *, compress: bool) -> tuple[Method, bytes, Content]:
    """The data of a file of one batch: compressed where that is wanted and makes it smaller."""
    content = b"".join(batch)
    method, data = Method.STORED, content
    if compress and (smaller := deflated(content)) is not None and len(smaller) < len(content):
        method, data = Method.DEFLATED, smaller
    return method, data, Content(isal_zlib.crc32(content), len(content), len(data))


def large_entry_shrinks(first: Batch) -> bool:
    """Whether compressing a large file is worthwhile, judged by its beginning."""
    return shrinks(b"".join(first))

"""From a file's bytes to an entry's data."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from isal import isal_zlib

from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip.batches import batched_bytes
from s3py_helper.application.zip.deflate import (
    BATCH,
    SAMPLE,
    AsItIs,
    Deflating,
    Encoder,
    StoredBlocks,
    deflated,
    may_outgrow_32_bits,
    shrinks,
    stored_blocks_length,
)
from s3py_helper.application.zip.records import UINT32_MAX, Content, Method
from s3py_helper.application.zip.source import wrong_content
from s3py_helper.domain.blob import BlobInfo

_WORTH_A_THREAD: Final = 128 * 1024
"""Compressing fewer bytes takes 0.2 to 0.5 ms, about as long as going to a thread and back."""


@dataclass(frozen=True, slots=True)
class Form:
    """What an entry's header has to say, except for its name.

    Attributes:
        info: The file.
        method: How its data is written.
        content: What the data will be, `None` when that is only known behind it.
        wide: The data descriptor will have sizes of eight bytes.
    """

    info: BlobInfo
    method: Method
    content: Content | None
    wide: bool = False


type Piece = Form | bytes | Content
"""An entry comes as one `Form`, then its data in pieces, at last its `Content`."""


def form_when_stored(info: BlobInfo) -> tuple[Form, int]:
    """The form of a file that is not compressed, and the length of its data: both follow from size and CRC-32 alone."""
    crc32 = None if info.checksum is None else info.checksum.crc32_value
    if info.size <= BATCH:
        # Read as a whole, so its CRC will be known; the length of the header does not depend on its value.
        return Form(info, Method.STORED, Content(crc32 or 0, info.size, info.size)), info.size
    if crc32 is not None:
        return Form(info, Method.STORED, Content(crc32, info.size, info.size)), info.size
    length = stored_blocks_length(info.size)
    return Form(info, Method.DEFLATED, None, wide=length > UINT32_MAX), length


class EntryEncoder:
    """Makes entries' data, in threads where that takes time.

    Args:
        threads: How many threads may compress at a time; more than there are cores would take time from the event loop.
    """

    def __init__(self, threads: int) -> None:
        self._threads = asyncio.Semaphore(threads)

    async def encode(self, blob: OpenBlob, *, compress: bool) -> AsyncGenerator[Piece]:
        """The pieces of one entry; `compress` says whether to try that.

        Raises:
            IntegrityException: The bytes do not have the size or CRC-32 that the blob's description says.
        """
        info = blob.info
        async with aclosing(batched_bytes(blob.body, BATCH)) as batches:
            if info.size <= BATCH:
                content = await anext(batches, b"")
                if len(content) != info.size or await anext(batches, None) is not None:
                    raise wrong_content(info, f"it does not have {info.size} bytes")
                pieces = self._encode_whole(content, info, compress=compress)
            else:
                pieces = self._encode_batches(batches, info, compress=compress)
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece

    async def _encode_whole(self, content: bytes, info: BlobInfo, *, compress: bool) -> AsyncGenerator[Piece]:
        crc32 = isal_zlib.crc32(content)
        _check_crc32(crc32, info)
        data, method = content, Method.STORED
        if compress and (len(content) <= SAMPLE or shrinks(content)):
            smaller = await self._deflated(content)
            if len(smaller) < len(content):
                data, method = smaller, Method.DEFLATED
        result = Content(crc32, len(content), len(data))
        yield Form(info, method, result)
        if data:
            yield data
        yield result

    async def _encode_batches(
        self, batches: AsyncGenerator[bytes], info: BlobInfo, *, compress: bool
    ) -> AsyncGenerator[Piece]:
        first = await anext(batches, b"")
        form, _ = form_when_stored(info)
        encoder: Encoder = AsItIs() if form.content is not None else StoredBlocks()
        if compress and not may_outgrow_32_bits(info.size) and shrinks(first):
            form = Form(info, Method.DEFLATED, None, wide=info.size > UINT32_MAX)
            encoder = Deflating()
        yield form
        crc32 = size = written = 0
        batch: bytes | None = first
        while batch is not None:
            crc32 = isal_zlib.crc32(batch, crc32)
            size += len(batch)
            if size > info.size:
                raise wrong_content(info, f"it has more than {info.size} bytes")
            data = await self._encoded(encoder, batch)
            if data:
                written += len(data)
                yield data
            batch = await anext(batches, None)
        if size != info.size:
            raise wrong_content(info, f"it has {size} bytes instead of {info.size}")
        _check_crc32(crc32, info)
        if rest := encoder.finish():
            written += len(rest)
            yield rest
        yield Content(crc32, size, written)

    async def _deflated(self, content: bytes) -> bytes:
        if len(content) < _WORTH_A_THREAD:
            return deflated(content)
        async with self._threads:
            return await asyncio.to_thread(deflated, content)

    async def _encoded(self, encoder: Encoder, batch: bytes) -> bytes:
        if not isinstance(encoder, Deflating):
            return encoder.encode(batch)
        async with self._threads:
            return await asyncio.to_thread(encoder.encode, batch)


def _check_crc32(crc32: int, info: BlobInfo) -> None:
    expected = None if info.checksum is None else info.checksum.crc32_value
    if expected is not None and crc32 != expected:
        raise wrong_content(info, f"its CRC-32 is {crc32:08x}, not {expected:08x}")

"""The deflate format (RFC 1951): compressed by ISA-L, or only framed."""

import struct
from typing import Final, Protocol

from isal import isal_zlib

from s3py_helper.application.zip.format.records import UINT32_MAX

LEVEL: Final = 2
"""ISA-L's levels 1 and 2 are equally fast, 2 is a few per cent smaller; 3 takes half as long again for one per cent."""

BLOCK: Final = 65535
"""The most bytes that a stored block holds (RFC 1951, 3.2.4)."""

BATCH: Final = 17 * BLOCK
"""Bytes that are encoded at a time: full blocks, and just over 1 MiB, about 3 ms of compression in a thread."""

SAMPLE: Final = 32 * 1024
"""Bytes that decide whether compressing a file is worthwhile."""

_WORTHWHILE: Final = 0.95
_RAW: Final = -15
_BLOCK_HEADER: Final = struct.Struct("<BHH")
_LAST_BLOCK: Final = _BLOCK_HEADER.pack(1, 0, 0xFFFF)


class Encoder(Protocol):
    """Turns batches of a file (each of `BATCH` bytes, but the last) into an entry's data."""

    def encode(self, batch: bytes) -> bytes:
        """The data of the next batch; may be empty."""
        ...

    def finish(self) -> bytes:
        """The end of the data, after all batches."""
        ...


class Deflating:
    """Compresses."""

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _RAW)

    def encode(self, batch: bytes) -> bytes:
        """About 3 ms per batch, without the interpreter's lock."""
        return self._compressor.compress(batch)

    def finish(self) -> bytes:
        """The rest."""
        return self._compressor.flush()


class StoredBlocks:
    """Frames the bytes uncompressed: for readers that need deflate's end mark to find the end of the data."""

    def encode(self, batch: bytes) -> bytes:
        """Blocks of 65535 bytes, the last of the file shorter."""
        view = memoryview(batch)
        parts: list[bytes | memoryview] = []
        for start in range(0, len(view), BLOCK):
            block = view[start : start + BLOCK]
            parts += (_BLOCK_HEADER.pack(0, len(block), len(block) ^ 0xFFFF), block)
        return b"".join(parts)

    def finish(self) -> bytes:
        """An empty block, marked as the last."""
        return _LAST_BLOCK


class AsItIs:
    """Leaves the bytes unchanged."""

    def encode(self, batch: bytes) -> bytes:
        """The batch."""
        return batch

    def finish(self) -> bytes:
        """Nothing."""
        return b""


def stored_blocks_length(size: int) -> int:
    """How many bytes `StoredBlocks` makes of `size` bytes."""
    return size + _BLOCK_HEADER.size * (-(-size // BLOCK) + 1)


def deflated(content: bytes) -> bytes | None:
    """The whole content compressed; `None` where its first 32 KiB show that this is not worthwhile."""
    view = memoryview(content)
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _RAW)
    beginning = compressor.compress(view[:SAMPLE])
    if len(content) > SAMPLE:
        # Ending a block early costs a few bytes; compressing the beginning again would cost time.
        beginning += compressor.flush(isal_zlib.Z_SYNC_FLUSH)
        if not _is_worthwhile(len(beginning), SAMPLE):
            return None
    return b"".join((beginning, compressor.compress(view[SAMPLE:]), compressor.flush()))


def shrinks(beginning: bytes) -> bool:
    """Whether compressing is worthwhile, judged by the first 32 KiB (0.1 ms)."""
    sample = beginning[:SAMPLE]
    return _is_worthwhile(len(isal_zlib.compress(sample, LEVEL, _RAW)), len(sample))


def _is_worthwhile(compressed: int, size: int) -> bool:
    return compressed < _WORTHWHILE * size


def may_outgrow_32_bits(size: int) -> bool:
    """Whether a file that has less than 4 GiB could have more when compressed.

    Data that does not shrink grows by its blocks' headers, far less than the 0.8 per cent assumed here.
    """
    return size <= UINT32_MAX < size + size // 128

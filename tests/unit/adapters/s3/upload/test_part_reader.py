import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.upload.part_reader import PartReader
from s3py_helper.testing import body_of, breaking_after


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@given(
    chunks=st.lists(st.integers(0, 40_000).map(_noise), max_size=12),
    sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=8),
)
async def test_pieces_have_the_sizes_asked_for_and_are_the_body(chunks: list[bytes], sizes: list[int]) -> None:
    reader = PartReader(body_of(chunks))
    whole, read = b"".join(chunks), b""
    for size in sizes:
        piece = await reader.read(size)
        content = b"".join(piece.chunks)
        assert piece.crc32 == zlib.crc32(content)
        assert len(content) == piece.size == min(size, len(whole) - len(read))
        read += content
        assert reader.ended is (len(read) == len(whole))
    assert whole.startswith(read)


@given(
    chunks=st.lists(st.integers(0, 40_000).map(_noise), max_size=12),
    holds=st.lists(st.integers(1, 60_000), min_size=1, max_size=3).map(sorted),
    more=st.integers(0, 60_000),
)
async def test_what_was_held_comes_with_the_next_piece(chunks: list[bytes], holds: list[int], more: int) -> None:
    reader = PartReader(body_of(chunks))
    whole = b"".join(chunks)
    for size in holds:
        await reader.hold(size)
        assert reader.ended is (len(whole) <= size)
    content = b""
    for size in (holds[-1] + more, 10_000_000):
        piece = await reader.read(size)
        content += b"".join(piece.chunks)
        assert (piece.size, piece.crc32) == (len(b"".join(piece.chunks)), zlib.crc32(b"".join(piece.chunks)))
        assert len(content) == min(len(whole), size)
    assert content == whole


async def test_a_large_chunk_is_not_copied() -> None:
    content = bytes(1_000_000)
    reader = PartReader(body_of(content))
    for _ in range(4):
        piece = await reader.read(250_000)
        assert [chunk.obj for chunk in piece.chunks if isinstance(chunk, memoryview)] == [content]
    assert reader.ended


async def test_small_chunks_are_gathered() -> None:
    piece = await PartReader(body_of([b"x"] * 20_000)).read(1_000_000)
    assert piece.size == 20_000
    assert len(piece.chunks) == 1


async def test_an_error_at_the_end_of_the_body_comes_with_the_last_piece() -> None:
    reader = PartReader(body_of(breaking_after([b"abc"], OSError("source broke"))))
    with pytest.raises(OSError, match="source broke"):
        await reader.read(3)

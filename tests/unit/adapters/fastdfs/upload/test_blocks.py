from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.upload.blocks import Blocks
from s3py_helper.testing import one_by_one


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=20), st.integers(1, 50))
async def test_blocks_are_long_enough_and_lose_nothing(chunks: list[bytes], at_least: int) -> None:
    blocks = Blocks(one_by_one(chunks))
    taken: list[bytes] = []
    while block := await blocks.take(at_least):
        taken.append(block)
    assert blocks.ended
    assert b"".join(taken) == b"".join(chunks)
    assert all(len(block) >= at_least for block in taken[:-1])
    assert await blocks.take(1) == b""


async def test_a_chunk_that_is_long_enough_is_not_copied() -> None:
    chunk = b"x" * 100
    blocks = Blocks(one_by_one([chunk, b"y"]))
    assert await blocks.take(10) is chunk
    assert not blocks.ended


async def test_what_was_looked_at_is_taken_first_and_kept_no_longer() -> None:
    chunk = b"x" * 100
    blocks = Blocks(one_by_one([chunk, b"y"]))
    assert await blocks.hold(10) == len(chunk)
    assert not blocks.ended
    assert await blocks.take(1) is chunk
    assert await blocks.take(1) == b"y"

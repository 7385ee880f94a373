"""A body counts, limits and sums its bytes as they pass."""

import asyncio
from collections.abc import AsyncIterator
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def drained(body: IncomingBody) -> list[bytes]:
    return [chunk async for chunk in body]


async def test_empty_chunks_are_left_out() -> None:
    assert await drained(IncomingBody(chunks(b"", b"ab", b"", b"c", b""))) == [b"ab", b"c"]


async def test_count_and_checksum_are_those_of_the_bytes() -> None:
    body = IncomingBody(chunks(b"he", b"llo"))
    await drained(body)
    assert (body.received, body.crc32) == (5, crc32(b"hello"))
    assert str(body.checksum) == "crc32:3610a686"


async def test_a_large_chunk_is_summed_alike() -> None:
    large = bytes(range(256)) * 20_000
    body = IncomingBody(chunks(b"x", large))
    await drained(body)
    assert body.crc32 == crc32(b"x" + large)


async def test_looking_at_the_first_bytes_takes_none_away() -> None:
    body = IncomingBody(chunks(b"", b"ab", b"c"))
    assert await body.first_bytes() == b"ab"
    assert await body.first_bytes() == b"ab"
    assert body.received == 0
    assert await drained(body) == [b"ab", b"c"]


async def test_an_empty_body_has_no_first_bytes_and_ends() -> None:
    body = IncomingBody(chunks(), size=0)
    assert await body.first_bytes() == b""
    assert await drained(body) == []


async def test_a_buffer_that_its_owner_reuses_is_copied() -> None:
    buffer = bytearray(b"first")

    async def reusing() -> AsyncIterator[bytes]:
        yield memoryview(buffer)  # type: ignore[misc]  # callers do this, and it worked where bytes were joined at once
        buffer[:] = b"other"
        yield memoryview(buffer)  # type: ignore[misc]  # as above

    assert await drained(IncomingBody(reusing())) == [b"first", b"other"]


async def test_others_get_their_turn_while_a_source_never_waits() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    await drained(IncomingBody(chunks(*[bytes(1024 * 1024)] * 40)))
    task.cancel()
    assert turns >= 9, "one for every 4 MiB but the first, in which it starts"


async def test_more_than_the_limit_is_refused_before_it_is_handed_on() -> None:
    body = IncomingBody(chunks(b"abc", b"def"), limit=5)
    assert await anext(body) == b"abc"
    with pytest.raises(FileTooLargeException) as caught:
        await anext(body)
    assert caught.value.limit == 5
    assert body.received == 3


@pytest.mark.parametrize(
    ("size", "message"), [(4, "more bytes than the 4 that were declared"), (6, "ended after 5 of the 6 bytes")]
)
async def test_another_size_than_declared_is_refused(size: int, message: str) -> None:
    with pytest.raises(InvalidArgumentException, match=message):
        await drained(IncomingBody(chunks(b"hello"), size=size))


async def test_an_error_of_the_source_passes_unchanged() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise ValueError("broken pipe of the caller")

    with pytest.raises(ValueError, match="broken pipe"):
        await drained(IncomingBody(failing()))


async def test_closing_closes_the_source() -> None:
    closed = False

    async def watched() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            yield b"a"
            yield b"b"
        finally:
            closed = True

    body = IncomingBody(watched())
    await anext(body)
    await body.aclose()
    assert closed


@given(st.lists(st.binary(max_size=20), max_size=8))
async def test_the_bytes_pass_unchanged(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    body = IncomingBody(chunks(*parts), size=len(whole), limit=len(whole))
    assert b"".join(await drained(body)) == whole
    assert (body.received, body.crc32) == (len(whole), crc32(whole))

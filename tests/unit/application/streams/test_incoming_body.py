"""A body counts, limits and sums its bytes as they pass."""

import asyncio
from collections.abc import AsyncIterator
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import (
    FileTooLargeException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
)

MIB = 1024 * 1024


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


async def test_no_more_is_read_beforehand_than_is_looked_at() -> None:
    source = chunks(b"ab", b"cd", b"ef")
    body = IncomingBody(source)
    assert await body.first_bytes(4) == b"abcd"
    assert [chunk async for chunk in source] == [b"ef"]
    assert await drained(body) == [b"abcd"]


async def test_there_are_no_first_bytes_once_some_have_passed() -> None:
    body = IncomingBody(chunks(b"ab", b"cd"))
    assert await anext(body) == b"ab"
    assert await body.first_bytes() == b""
    assert await drained(body) == [b"cd"]


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


@pytest.mark.parametrize("piece", [1, 2, 4])
async def test_others_get_their_turn_every_4_mib_and_no_more_often(piece: int) -> None:
    """More often would cost uploads a fifth more processor time."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await drained(IncomingBody(chunks(*[bytes(piece * MIB)] * (32 // piece))))
    task.cancel()
    assert turns == 8


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


class Uncloseable:
    """An async iterator that is no generator."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = iter(parts)

    def __aiter__(self) -> "Uncloseable":
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


async def test_a_source_or_a_layer_that_cannot_be_closed_need_not_be() -> None:
    original = IncomingBody(Uncloseable(b"a"))
    mapped = original.mapped(lambda _: Uncloseable(b"b"))
    assert await anext(mapped) == b"b"
    await mapped.aclose()
    assert await drained(original) == [b"a"]
    await original.aclose()


@pytest.mark.parametrize("given", [72, 0, "text", "", None, [1], False], ids=repr)
async def test_an_iterator_that_yields_no_bytes_is_refused(given: object) -> None:
    async def odd() -> AsyncIterator[bytes]:
        yield b"a"
        yield given  # type: ignore[misc]  # that is the point

    with pytest.raises(
        InvalidArgumentException, match=f"the async iterator gave {type(given).__name__.removesuffix('Type')}"
    ):
        await drained(IncomingBody(odd()))


async def doubled(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A layer: every chunk twice, and an end mark."""
    async for chunk in source:
        yield chunk * 2
    yield b"."


async def test_a_mapped_body_counts_and_sums_what_comes_out_and_the_original_what_goes_in() -> None:
    original = IncomingBody(chunks(b"ab", b"c"), size=3, limit=3)
    assert await original.first_bytes() == b"ab"
    mapped = original.mapped(doubled, size=7)
    assert mapped.size == 7
    assert await mapped.first_bytes() == b"abab"
    assert b"".join(await drained(mapped)) == b"ababcc."
    assert (mapped.received, mapped.crc32) == (7, crc32(b"ababcc."))
    assert (original.received, original.crc32) == (3, crc32(b"abc"))


@pytest.mark.parametrize(
    ("declared", "coming_out", "message"),
    [
        ({"size": 4}, 7, "ended after 3 of the 4 bytes"),
        ({"size": 2}, 7, "more bytes than the 2 that were declared"),
        ({"limit": 2}, 7, "more than the 2 bytes allowed"),
        ({"size": 3}, 8, "ended after 7 of the 8 bytes"),
        ({"size": 3}, 6, "more bytes than the 6 that were declared"),
    ],
)
async def test_both_bodies_check_their_bytes(declared: dict[str, int], coming_out: int, message: str) -> None:
    with pytest.raises(InvalidArgumentException, match=message):
        await drained(IncomingBody(chunks(b"ab", b"c"), **declared).mapped(doubled, size=coming_out))


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (3, StorageOperationException, "left some of its bytes out"),
        (2, InvalidArgumentException, "ended after 1 of the 2"),
    ],
)
async def test_a_layer_that_stops_early_does_not_escape_the_checks(
    size: int, error: type[StorageException], message: str
) -> None:
    async def first_only(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield await anext(source)

    parts = (b"a", b"bc") if size == 3 else (b"a",)
    with pytest.raises(error, match=message):
        await drained(IncomingBody(chunks(*parts), size=size).mapped(first_only))


async def test_closing_a_mapped_body_closes_the_layer_and_leaves_the_original_to_its_owner() -> None:
    closed: list[str] = []

    async def watched(name: str, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in source:
                yield chunk
        finally:
            closed.append(name)

    original = IncomingBody(watched("source", chunks(b"a", b"b")))
    mapped = original.mapped(lambda body: watched("layer", body))
    await anext(mapped)
    await mapped.aclose()
    assert closed == ["layer"]
    await original.aclose()
    assert closed == ["layer", "source"]


@given(st.lists(st.binary(max_size=20), max_size=8))
async def test_the_bytes_pass_unchanged(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    body = IncomingBody(chunks(*parts), size=len(whole), limit=len(whole))
    assert b"".join(await drained(body)) == whole
    assert (body.received, body.crc32) == (len(whole), crc32(whole))

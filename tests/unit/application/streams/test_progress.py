"""What passes while somebody watches how far it has come."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest

from s3py_helper.application.streams.progress import Progress, reported, reporting, require_progress, together


class Pieces:
    """Two pieces, and whether their generator was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def given(self) -> AsyncGenerator[bytes]:
        try:
            yield b"one"
            yield b"three"
        finally:
            self.closed = True


@pytest.mark.parametrize("to_the_end", [False, True])
async def test_they_are_closed_with_the_report_of_them(to_the_end: bool) -> None:
    pieces, told = Pieces(), list[tuple[int, int | None]]()
    async with reported(pieces.given(), lambda done, total: told.append((done, total)), 8) as chunks:
        async for _ in chunks:
            if not to_the_end:
                break
    assert (told, pieces.closed) == ([(3, 8), (8, 8)] if to_the_end else [(3, 8)], True)


class Plain:
    """An async iterator that cannot be closed."""

    def __init__(self) -> None:
        self._pieces = [b"one", b"three"]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)


async def test_what_cannot_be_closed_is_reported_all_the_same() -> None:
    told = list[tuple[int, int | None]]()
    async with reported(Plain(), lambda done, total: told.append((done, total)), None) as chunks:
        assert [chunk async for chunk in chunks] == [b"one", b"three"]
    assert told == [(3, None), (8, None)]


async def test_several_are_reported_as_one() -> None:
    told = list[tuple[int, int | None]]()
    one = together(lambda done, total: told.append((done, total)))
    first, second = one(), one()
    first(5, 10)
    second(3, None)
    first(10, 10)
    one()(1, 1)
    assert told == [(5, None), (8, None), (13, None), (14, None)]


def test_a_function_that_does_not_tell_what_it_takes_is_believed() -> None:
    function = cast("Progress", max)
    assert require_progress(function) is function


async def test_they_are_closed_when_the_one_who_watches_fails() -> None:
    def fails(_done: int, _total: int | None) -> None:
        raise ConnectionError("nobody watches any more")

    pieces = Pieces()
    with pytest.raises(ConnectionError):
        await anext(reporting(pieces.given(), fails, None))
    assert pieces.closed

"""What passes while somebody watches how far it has come."""

from collections.abc import AsyncGenerator

import pytest

from s3py_helper.application.streams.progress import reported, reporting


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


async def test_they_are_closed_when_the_one_who_watches_fails() -> None:
    def fails(_done: int, _total: int | None) -> None:
        raise ConnectionError("nobody watches any more")

    pieces = Pieces()
    with pytest.raises(ConnectionError):
        await anext(reporting(pieces.given(), fails, None))
    assert pieces.closed

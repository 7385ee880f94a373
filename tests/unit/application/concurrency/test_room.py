"""Memory that tasks share."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from s3py_helper.application.concurrency.room import Room
from tests.support.waiting import until


async def test_pieces_are_admitted_while_they_fit_in_the_order_in_which_they_came() -> None:
    room = Room(10)
    got: list[int] = []

    async def take(size: int) -> None:
        async with room.of(size):
            got.append(size)

    async with AsyncExitStack() as held:
        await held.enter_async_context(room.of(6))
        large, small = asyncio.ensure_future(take(5)), asyncio.ensure_future(take(1))
        await asyncio.sleep(0)
        assert got == [], "the small one would fit, but came later"
    await asyncio.gather(large, small)
    assert got == [5, 1]


async def test_what_is_larger_than_the_room_goes_alone() -> None:
    room = Room(10)
    async with room.of(99):
        other = asyncio.ensure_future(room.of(1).__aenter__())
        await asyncio.sleep(0)
        assert not other.done()
    await other


async def test_who_leaves_lets_the_next_one_in() -> None:
    room = Room(10)
    async with room.of(6):
        large = asyncio.ensure_future(room.of(9).__aenter__())
        small = asyncio.ensure_future(room.of(4).__aenter__())
        await asyncio.sleep(0)
        assert not small.done()
        large.cancel()
        async with asyncio.timeout(5):
            await small


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "with its turn"])
async def test_who_is_cancelled_takes_nothing(*, late: bool) -> None:
    room = Room(10)
    async with AsyncExitStack() as held:
        await held.enter_async_context(room.of(10))
        waiting = asyncio.ensure_future(room.of(10).__aenter__())
        await asyncio.sleep(0)
        if not late:
            waiting.cancel()
            await until(waiting.done)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    async with asyncio.timeout(5), room.of(10):
        pass

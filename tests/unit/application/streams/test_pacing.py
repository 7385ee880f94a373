"""Long work leaves others their turn."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from s3py_helper.application.streams.pacing import Paced, Pause


async def turns_during(work: Callable[[], Awaitable[None]]) -> int:
    """How often others got their turn."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await work()
    task.cancel()
    return turns


@pytest.mark.parametrize(("items", "turns"), [(0, 0), (23, 0), (25, 1), (100, 4)])
async def test_a_loop_pauses_at_every_25th_item(items: int, turns: int) -> None:
    async def loop() -> None:
        assert [item async for item in Paced(range(items))] == list(range(items))

    assert await turns_during(loop) == turns


@pytest.mark.parametrize(("chunks", "turns"), [([9], 0), ([10], 1), ([9, 1, 9], 1), ([4] * 9, 3), ([30, 9], 1)])
async def test_a_pause_comes_whenever_so_many_bytes_have_passed(chunks: list[int], turns: int) -> None:
    async def work() -> None:
        pause = Pause(10)
        for size in chunks:
            await pause.after(bytes(size))

    assert await turns_during(work) == turns

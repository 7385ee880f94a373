import asyncio
import warnings
from pathlib import Path

import pytest

from s3py_helper.testing import leak_guard


async def test_a_task_that_goes_on_is_noticed() -> None:
    task: asyncio.Task[None] | None = None
    with pytest.raises(AssertionError, match="tasks left behind"):
        async with leak_guard(within=0.02):
            task = asyncio.create_task(asyncio.sleep(30))
    assert task is not None
    task.cancel()


async def test_a_task_that_ends_soon_is_not() -> None:
    async with leak_guard():
        _ = asyncio.create_task(asyncio.sleep(0.01))  # noqa: RUF006 - the guard waits for it


async def test_a_file_left_open_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"left unclosed.*unclosed file"):
        async with leak_guard():
            Path(__file__).open()  # noqa: SIM115 - left open on purpose


async def test_other_warnings_are_not_its_business() -> None:
    async with leak_guard():
        warnings.warn("old", DeprecationWarning, stacklevel=1)


async def test_the_error_of_the_block_comes_first() -> None:
    async def fail() -> None:
        async with leak_guard(within=0):
            tasks.append(asyncio.create_task(asyncio.sleep(0)))
            raise ZeroDivisionError

    tasks: list[asyncio.Task[None]] = []
    with pytest.raises(ZeroDivisionError):
        await fail()
    await asyncio.wait(tasks)

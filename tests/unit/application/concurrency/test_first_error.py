"""Which of several errors callers get to see."""

import asyncio

import pytest

from s3py_helper.application.concurrency.first_error import first_error_of


async def test_it_is_that_of_the_task_that_failed_first() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("first")

    async def fail_when_stopped() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("echo")

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail_when_stopped())
            group.create_task(fail())

    with pytest.raises(KeyError, match="first"):
        await first_error_of(run())

"""Nothing may be left running when the work is done."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import gc
import time
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_SIGNS = (ResourceWarning, RuntimeWarning)
"""Unclosed files and sockets cause the first, coroutines that nobody awaited the second."""


@asynccontextmanager
async def leak_guard(*, within: float = 1.0) -> AsyncGenerator[None]:
    """Fail when the block leaves tasks that are still running `within` seconds later, or warnings of unclosed things.

    Nothing is checked when the block itself fails: its error is the one to read.
    """
    before = asyncio.all_tasks()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        left = await _left_after(before, within)
        gc.collect()
    assert not left, f"tasks left behind: {left}"
    leaks = [str(warning.message) for warning in caught if issubclass(warning.category, _SIGNS)]
    assert not leaks, f"left unclosed: {leaks}"


async def _left_after(before: set[asyncio.Task[object]], within: float) -> set[asyncio.Task[object]]:
    deadline = time.monotonic() + within
    # ASYNC110: these are tasks of others, which set no event.
    while (left := asyncio.all_tasks() - before) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return left

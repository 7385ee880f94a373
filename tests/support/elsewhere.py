"""Servers in a thread and an event loop of their own: their tasks are not taken for those of the code under test."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any


@asynccontextmanager
async def elsewhere[Value](context: AbstractAsyncContextManager[Value]) -> AsyncIterator[Value]:
    """Enter and leave the context in another thread's event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="elsewhere", daemon=True)
    thread.start()
    opened: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
    enough = asyncio.Event()

    # One task for both: a context may be left only where it was entered.
    async def hold() -> None:
        async with context as value:
            here.call_soon_threadsafe(opened.set_result, value)
            await enough.wait()

    here = asyncio.get_running_loop()
    holding = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(hold(), loop))
    try:
        either: list[asyncio.Future[Any]] = [opened, holding]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await holding  # raises what kept it from being opened
        yield opened.result()
    finally:
        loop.call_soon_threadsafe(enough.set)
        await holding
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()

"""Opens the store of a subject."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, cast

from benchmarks.child.store import Store, Target

type Parameters = dict[str, Any]


def open_store(driver: str, target: Target) -> AbstractAsyncContextManager[Store]:
    """The store of a module of `benchmarks.drivers`."""
    module = import_module(f"benchmarks.drivers.{driver.partition('+')[0]}")
    return cast("AbstractAsyncContextManager[Store]", module.open_store(target))


def run_in_loop[R](driver: str, work: Callable[[], Awaitable[R]]) -> R:
    """Run to its end; a driver called `name+uvloop` runs on uvloop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if driver.endswith("+uvloop"):
        factory = import_module("uvloop").new_event_loop

    async def main() -> R:
        return await work()

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())

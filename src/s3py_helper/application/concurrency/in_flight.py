"""Work that goes on while its owner does something else."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from s3py_helper.application.concurrency.completion import completed


class InFlight[Result]:
    """At most one piece of work at a time; ended with the block, however that ends."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Result] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (task := self._task) is not None:
            task.cancel()
            # Waits without reading the outcome: a block that is left early has a reason of its own.
            await completed(_ended(task))

    def start(self, work: Coroutine[Any, Any, Result]) -> None:
        """Start; the result of earlier work must have been collected."""
        self._task = asyncio.ensure_future(work)

    async def collect(self) -> Result:
        """The result, or the error, of the work that was started."""
        if self._task is None:
            raise RuntimeError("nothing was started")
        result = await self._task
        self._task = None
        return result

    async def settle(self) -> None:
        """Wait for the work, if there is any; raises its error."""
        if self._task is not None:
            await self.collect()


async def _ended(task: asyncio.Task[Any]) -> None:
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()

"""Where something may be used: in the process and the event loop that it was made in."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakSet

from s3py_helper.adapters.s3.http.faults import ForeignClient

_PATIENCE: Final = 30.0
"""Seconds for another event loop to do what it is asked for."""


class Owner:
    """The event loop that something was made in, in the process that made it.

    A process that was forked off has the same sockets: two that write to one would get each other's responses. In
    another event loop nothing would ever wake up.

    Attributes:
        loop: The event loop; `None` in a forked process. Whether it is the running one is all that a request has to
            check.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        _owners.add(self)

    @property
    def has_loop(self) -> bool:
        """Whether the event loop can still be notified of something, by this process."""
        return self.loop is not None and not self.loop.is_closed()

    def check(self) -> None:
        """Raise `ForeignClient` unless the caller runs in the event loop."""
        if self.loop is None:
            raise ForeignClient("in the process that this one was forked off")
        if asyncio.get_running_loop() is not self.loop:
            raise ForeignClient("in another event loop")

    async def run(self, work: Callable[[], Awaitable[None]], otherwise: Callable[[], None]) -> None:
        """Run `work` in the event loop, wherever the caller is; where that is impossible, do `otherwise`.

        Raises:
            TimeoutError: The event loop runs in another thread, and does not do it.
        """
        if asyncio.get_running_loop() is self.loop:
            await work()
        elif self.loop is not None and self.loop.is_running():
            async with asyncio.timeout(_PATIENCE):
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(work), self.loop))
        else:
            otherwise()


_owners: Final[WeakSet[Owner]] = WeakSet()


def _disown() -> None:
    """In a process that was just forked off: everything belongs to its parent."""
    for owner in _owners:
        owner.loop = None


os.register_at_fork(after_in_child=_disown)


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()

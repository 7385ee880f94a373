"""Where something may be used: in the process and the event loop that it was made in."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

from s3py_helper.adapters.s3.http.faults import ForeignClient

_PATIENCE: Final = 30.0
"""Seconds for another event loop to do what it is asked for."""


class _Process:
    """The current process: every request asks for it, and the system takes longer to tell than to be told of a fork."""

    pid = os.getpid()

    @classmethod
    def forked(cls) -> None:
        cls.pid = os.getpid()


os.register_at_fork(after_in_child=_Process.forked)


class Owner:
    """The current process and the running event loop.

    A process that was forked off has the same sockets: two that write to one would get each other's responses. In
    another event loop nothing would ever wake up.
    """

    def __init__(self) -> None:
        self._process = _Process.pid
        self._loop = asyncio.get_running_loop()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in it."""
        return _Process.pid == self._process and asyncio.get_running_loop() is self._loop

    @property
    def has_loop(self) -> bool:
        """Whether the event loop can still be told of something, by this process."""
        return _Process.pid == self._process and not self._loop.is_closed()

    def check(self) -> None:
        """Raise `ForeignClient` unless the caller runs in it."""
        if _Process.pid != self._process:
            raise ForeignClient("in the process that this one was forked off")
        if asyncio.get_running_loop() is not self._loop:
            raise ForeignClient("in another event loop")

    async def run(self, work: Callable[[], Awaitable[None]], otherwise: Callable[[], None]) -> None:
        """Run `work` in the event loop, wherever the caller is; where that is impossible, do `otherwise`.

        Raises:
            TimeoutError: The event loop runs in another thread, and does not do it.
        """
        if self.is_here:
            await work()
        elif _Process.pid == self._process and self._loop.is_running():
            async with asyncio.timeout(_PATIENCE):
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(work), self._loop))
        else:
            otherwise()


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()

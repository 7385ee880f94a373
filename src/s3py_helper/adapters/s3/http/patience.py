"""How one task waits for a connection, and for how long."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from s3py_helper.adapters.s3.http.faults import NoResponseInTime

_LOOKS: Final = 4
"""How often a hurried wait is checked within its limit: progress is known to this fraction of it."""


def _no_more() -> bool:
    return False


class Patience:
    """Waits for what `wake` reports, unless there is no progress for too long.

    One timer serves all waits, and is set anew only when it fires: setting and cancelling one for each would cost more
    than the wait itself.

    Args:
        seconds: How long to wait after the last progress.
        has_moved: Asked now and then whether there was progress that nobody has reported.
        give_up: Called when there was none for too long.

    Attributes:
        last_progress: When `renew` was called last, by `time.monotonic`, which takes half as long as the event loop's
            clock.
        fault: Why waiting is no use; `wait` raises it.
    """

    def __init__(self, seconds: float, has_moved: Callable[[], bool], give_up: Callable[[], object]) -> None:
        self.last_progress = 0.0
        self.fault: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._usual = self._seconds = self._period = seconds
        self._has_moved = has_moved
        self._give_up = give_up
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def renew(self) -> None:
        """Note progress, or the beginning of a wait."""
        self.last_progress = monotonic()

    def hurry(self, seconds: float) -> None:
        """Wait for at most `seconds`, and a quarter more, until `relax`; to be followed by `renew`."""
        self._seconds = min(seconds, self._usual)
        self._period = self._seconds / _LOOKS
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def relax(self) -> None:
        """Wait as long as usual again."""
        self._seconds = self._period = self._usual

    async def wait(self) -> None:
        """Return at the next `wake`; raises `fault`."""
        if self.fault is not None:
            raise self.fault
        if self._timer is None:
            self._timer = self._loop.call_later(self._period, self._look)
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            # The next task may be waiting already: a response that is complete frees its connection at once.
            if self._waiter is waiter:
                self._waiter = None

    def wake(self) -> None:
        """Report that what is waited for may have happened."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def stop(self) -> None:
        """End all waiting; `fault` says why."""
        # They belong to an object that refers to this one: the cycle would wait for the garbage collector.
        self._has_moved, self._give_up = _no_more, _no_more
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.wake()

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._has_moved():
            self.renew()
        left = self.last_progress + self._seconds - monotonic()
        if left > 0:
            self._timer = self._loop.call_later(min(self._period, left), self._look)
            return
        self.fault = NoResponseInTime(f"{self._seconds:g} s")
        self._give_up()
        self.wake()

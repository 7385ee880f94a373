"""Time limits for operations so short that a timer for each would show."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Final, Self

_TICK_SHARE: Final = 20
_LONGEST_TICK: Final = 1.0


class DeadlineWatch:
    """Ends work that takes too long; one timer looks after all of it.

    `asyncio.timeout` sets and cancels a timer each time, which takes as long as signing a request. Here a limit is an
    entry in a set that the timer looks at now and then, so that its end is noticed up to that much later.

    Args:
        usual: Seconds of a usual limit; the timer runs twenty times in that, and at least once a second.
    """

    def __init__(self, usual: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._tick = min(_LONGEST_TICK, usual / _TICK_SHARE)
        self._running: set[Limit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, seconds: float) -> "Limit":
        """`with watch.limit(seconds): ...` raises `TimeoutError` when the block takes longer."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._tick, self._look)
        return Limit(self._running, monotonic() + seconds)

    def _look(self) -> None:
        now = monotonic()
        for limit in [limit for limit in self._running if limit.until <= now]:
            self._running.discard(limit)
            limit.expire()
        self._timer = self._loop.call_later(self._tick, self._look) if self._running else None


class Limit:
    """The limit of one block; see `DeadlineWatch.limit`.

    Args:
        running: The limits that are looked at; this one is among them inside the block.
        until: When it ends, by `time.monotonic`, which takes half as long as the event loop's clock.
    """

    __slots__ = ("_cancelling", "_expired", "_running", "_task", "until")

    def __init__(self, running: set["Limit"], until: float) -> None:
        self.until = until
        self._running = running
        self._expired = False

    def expire(self) -> None:
        """End the block: what it waits for is cancelled."""
        self._expired = True
        self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit works inside a task only")
        self._task = task
        self._cancelling = task.cancelling()
        self._running.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.discard(self)
        # Somebody else may have cancelled the task as well: that is not for the limit to turn into a timeout.
        timed_out = self._expired and self._task.uncancel() <= self._cancelling
        # The task refers to the error that ends it, and the error, by its traceback, to this limit.
        del self._task
        if timed_out and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

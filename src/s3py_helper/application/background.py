"""Clean-up that may outlive the operation that caused it, but not the session."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from s3py_helper.application.ports.observer import Observer, RollbackFailed
from s3py_helper.domain.errors import StorageException

PATIENCE: Final = 2.0
"""Seconds for which a failed or cancelled operation waits for its clean-up before it leaves it to the background. A use
case and the backend under it may both do so: together they stay below 5 s."""

CLEAN_UP_SECONDS: Final = 60.0
"""Seconds after which a clean-up counts as failed, whether it was running or waiting for its turn."""

closing_seconds: Final = ContextVar("closing_seconds", default=10.0)
"""Seconds for which closing waits for clean-up; a program that has to end at once sets fewer."""

_AT_ONCE: Final = 16
_MOST: Final = 10_000

type Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, eq=False)
class CleanUp:
    """One piece of clean-up work.

    Attributes:
        backend: The backend whose files are concerned.
        what: Names what would be left, for an operator to remove, e.g. `"the object s3:docs/a.pdf"`.
        work: Does it. It should hold no more than the names of what it removes: it may outlive the operation.
    """

    backend: str
    what: str
    work: Work


class BackgroundCleanUp:
    """Runs clean-up work in tasks of its own, so that cancelling a caller neither cuts it short nor waits for it.

    On a healthy backend everything is cleaned up before the operation's error reaches its caller. On a silent one the
    caller gets its error after `PATIENCE` seconds, and the work goes on in the background. What cannot be cleaned up is
    reported as `RollbackFailed`, never raised: the error that led here is the one to report.

    Memory is bounded: at most 16 pieces of work run at once, at most 10 000 are outstanding, each for 60 seconds.

    It is open from the start. As a context manager it is closed with the block, and may be opened again.

    Args:
        observer: Is notified of what could not be cleaned up.
        seconds: Limit for each piece of work, its waiting for a turn included.
    """

    def __init__(self, observer: Observer, *, seconds: float = CLEAN_UP_SECONDS) -> None:
        self._observer = observer
        self._seconds = seconds
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()
        self._scheduled: dict[CleanUp, asyncio.TimerHandle] = {}
        self._closing = False
        self._closed = False

    async def __aenter__(self) -> Self:
        self._closing = self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def outstanding(self) -> int:
        """How many pieces of work have not ended, including those that have not begun."""
        return len(self._running) + len(self._scheduled)

    async def run(self, backend: str, what: str, work: Work, *, patience: float = PATIENCE) -> None:
        """Clean up, and return when that is done, or after `patience` seconds while it goes on.

        A caller that is cancelled meanwhile need not wait; the work goes on all the same.

        Args:
            backend: Whose files are concerned: `"s3"`, `"fastdfs"` or `"filesystem"`.
            what: Names what would be left, for an operator to remove, e.g. `"the object s3:docs/a.pdf"`.
            work: Does it. It should hold no more than the names of what it removes: it may outlive the operation.
            patience: Seconds to wait for it.
        """
        task = self.start(backend, what, work)
        if task is not None:
            await asyncio.wait([task], timeout=patience)

    async def run_all(self, pieces: Iterable[CleanUp], *, patience: float = PATIENCE) -> None:
        """As `run`, for several pieces of work and `patience` seconds in all.

        As many are outstanding as run at once while the caller waits, so that their number is bounded only afterwards.
        All are taken on, however early the caller is cancelled.
        """
        deadline = asyncio.get_running_loop().time() + patience
        waiting = iter(pieces)

        async def take_turns() -> None:
            for piece in waiting:
                left = deadline - asyncio.get_running_loop().time()
                await self.run(piece.backend, piece.what, piece.work, patience=max(0.0, left))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(take_turns())
        finally:
            for piece in waiting:
                self.start(piece.backend, piece.what, piece.work)

    def start(self, backend: str, what: str, work: Work) -> asyncio.Task[None] | None:
        """As `run`, without waiting; returns the task, which never fails, or `None` where the work is not taken on."""
        job = CleanUp(backend, what, work)
        return self._start(job) if self._takes_on(job) else None

    def later(self, seconds: float, backend: str, what: str, work: Work) -> None:
        """As `start`, but after `seconds`, or as soon as closing begins."""
        job = CleanUp(backend, what, work)
        if not self._takes_on(job):
            return
        if self._closing:
            _ = self._start(job)
            return
        self._scheduled[job] = asyncio.get_running_loop().call_later(seconds, self._due, job)

    async def aclose(self, *, within: float | None = None) -> None:
        """Start at once what was to be done later, wait up to `within` seconds for all work, and cancel the rest.

        Without `within`, as many as `closing_seconds` says.
        """
        self._closing = True
        for job, timer in list(self._scheduled.items()):
            timer.cancel()
            self._due(job)
        deadline = asyncio.get_running_loop().time() + (closing_seconds.get() if within is None else within)
        # Work that ends may have started further work.
        while self._running and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._running, timeout=left)
        self._closed = True
        late = list(self._running)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _takes_on(self, job: CleanUp) -> bool:
        if not self._closed and self.outstanding < _MOST:
            return True
        reason = "the session is closed" if self._closed else f"{_MOST:,} other clean-ups are outstanding"
        self._observer.notify(RollbackFailed(job.backend, job.what, reason))
        return False

    def _due(self, job: CleanUp) -> None:
        del self._scheduled[job]
        _ = self._start(job)

    def _start(self, job: CleanUp) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self._run(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _run(self, job: CleanUp) -> None:
        try:
            async with asyncio.timeout(self._seconds), self._gate:
                await job.work()
        except TimeoutError:
            self._report(job, f"not done within {self._seconds:g} s")
        except asyncio.CancelledError:
            self._report(job, "the session was closed before it was done")
        except StorageException as error:
            self._report(job, str(error))
        except Exception as error:  # noqa: BLE001 - a defect: nobody awaits this task, so the event loop reports it
            self._report(job, f"{type(error).__name__}: {error}")
            context = {"message": f"clean-up failed: {job.what}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _report(self, job: CleanUp, reason: str) -> None:
        self._observer.notify(RollbackFailed(job.backend, job.what, reason))

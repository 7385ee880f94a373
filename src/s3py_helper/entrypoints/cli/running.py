"""Running a command's work: settings, services, signals, exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from s3py_helper.application.background import closing_seconds
from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.cli.exits import HANDLED, ExitCode, reported
from s3py_helper.entrypoints.cli.logs import log_to_stderr
from s3py_helper.entrypoints.container.config import KitConfig
from s3py_helper.entrypoints.container.container import open_services
from s3py_helper.entrypoints.settings import Settings, load_settings

STDERR: Final = 2

type Report = Callable[[], None]
"""Writes the result of a job."""

type Work = Callable[[FileServices, Settings], Awaitable[ExitCode]]


type Configure = Callable[[Settings], KitConfig]
"""Which deployment a command works with."""

type NewLoop = Callable[[], asyncio.AbstractEventLoop]


def run(
    work: Work,
    before: Callable[[Settings], None] | None = None,
    *,
    configure: Configure = Settings.kit_config,
    new_loop: NewLoop | None = None,
) -> ExitCode:
    """Do the work with the services that the environment describes; interrupted once, it cleans up first.

    Args:
        work: What to do.
        before: Called before anything is opened or made.
        configure: Which deployment it works with.
        new_loop: Makes the event loop; asyncio's by default.
    """
    try:
        settings = load_settings()
        if settings.log_level == "debug":
            log_to_stderr(verbose=True)
        if before is not None:
            before(settings)
        code = asyncio.run(_with_services(work, settings, configure), loop_factory=new_loop)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except _Stopped as stopped:
        return stopped.code
    except HANDLED as error:
        code = reported(error)
    if code is ExitCode.BROKEN_PIPE:
        # The reader of our output has left. Python would say so once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


async def each[Job](
    jobs: Iterable[Job] | AsyncIterable[Job], do: Callable[[Job], Awaitable[Report]], *, at_once: int
) -> ExitCode:
    """Do every job, several at a time, whatever becomes of the others.

    Results and errors come out in the order of the jobs. The code is that of the first job that failed. Jobs that come
    one by one are begun as they come; when there are no more because of an error, that error is the last outcome.
    """
    outcomes: asyncio.Queue[asyncio.Task[Report | Exception] | None] = asyncio.Queue(_MOST_WAITING)
    gate = asyncio.Semaphore(at_once)

    async def outcome_of(job: Job) -> Report | Exception:
        try:
            return await do(job)
        except HANDLED as error:
            return error
        finally:
            gate.release()

    async def begin_all() -> None:
        try:
            async for job in _one_by_one(jobs):
                await gate.acquire()
                await outcomes.put(group.create_task(outcome_of(job)))
        except HANDLED as error:
            await outcomes.put(group.create_task(_as_it_is(error)))
        await outcomes.put(None)

    first_failure = ExitCode.OK
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(begin_all())
            while (task := await outcomes.get()) is not None:
                code = _written(await task)
                first_failure = first_failure or code
                if code is ExitCode.BROKEN_PIPE:
                    raise _ReaderLeftError
    except* _ReaderLeftError:
        pass  # the jobs under way have been cancelled
    return first_failure


_MOST_WAITING: Final = 1000
"""Results that may wait for one before them: they are in memory."""


class _ReaderLeftError(Exception):
    """Nobody reads the results any more."""


async def _one_by_one[Job](jobs: Iterable[Job] | AsyncIterable[Job]) -> AsyncGenerator[Job]:
    if isinstance(jobs, AsyncIterable):
        async for job in jobs:
            yield job
    else:
        for job in jobs:
            yield job


async def _as_it_is(error: Exception) -> Exception:
    return error


def _written(outcome: Report | Exception) -> ExitCode:
    try:
        if not isinstance(outcome, Exception):
            outcome()
            return ExitCode.OK
    except BrokenPipeError as error:
        outcome = error
    return reported(outcome)


class _Stopped(BaseException):
    """A signal came."""

    def __init__(self, code: ExitCode) -> None:
        self.code = code


@contextmanager
def finishing(finish: Callable[[], None]) -> Generator[Callable[[], ExitCode | None]]:
    """In the block the first signal lets the work finish what is at hand, and only a second one cancels it.

    Gives what tells the exit code of the signal that came, `None` while none has.
    """
    stop = _stop_of_this_run.get()
    stop.finish = finish
    try:
        yield lambda: stop.code
    finally:
        stop.finish = None


async def _with_services(work: Work, settings: Settings, configure: Configure) -> ExitCode:
    stop = _Stop()
    _stop_of_this_run.set(stop)
    # asyncio.run cancels for SIGINT as well, but the second one would wait for the clean-up like the first.
    for signal_number, code in _SIGNALS.items():
        asyncio.get_running_loop().add_signal_handler(signal_number, stop, code)
    try:
        async with open_services(configure(settings)) as services:
            try:
                return await work(services, settings)
            except asyncio.CancelledError:
                # Users who interrupt are waiting. What cannot be cleaned up by then is reported.
                closing_seconds.set(_CLOSING_WHEN_STOPPED)
                raise
    except asyncio.CancelledError:
        if stop.code is not None:
            raise _Stopped(stop.code) from None
        raise


class _Stop:
    """What a signal does: the first cancels the work, which cleans up; the second ends the process at once.

    Attributes:
        code: Exit code of the first signal that came, `None` before.
        finish: What the first signal does instead of cancelling; the second cancels then, and the third ends.
    """

    def __init__(self) -> None:
        self.code: ExitCode | None = None
        self.finish: Callable[[], None] | None = None
        self._task = asyncio.current_task()
        self._cancelled = False

    def __call__(self, code: ExitCode) -> None:
        self.code = self.code or code
        if self.finish is not None:
            finish, self.finish = self.finish, None
            _say("finishing the files at hand; interrupt again to stop at once")
            finish()
            return
        if self._cancelled or self._task is None:
            _say("stopped; what was not finished may be left")
            os._exit(code)
        self._cancelled = True
        self._task.cancel()
        loop = asyncio.get_running_loop()
        loop.call_later(_WORTH_MENTIONING, _say, "cleaning up; interrupt again to stop at once")


_stop_of_this_run: ContextVar[_Stop] = ContextVar("_stop_of_this_run")


def _say(text: str) -> None:
    # Directly: the process may be about to end, and bars, if there are any, are about to go.
    os.write(STDERR, f"s3py: {text}\n".encode())


_WORTH_MENTIONING: Final = 1.0
"""Seconds of clean-up after which the user is told what is being waited for."""


_CLOSING_WHEN_STOPPED: Final = 1.0
"""Seconds for clean-up that is still under way, after those for which the interrupted operation has waited for it."""


_SIGNALS: Final = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

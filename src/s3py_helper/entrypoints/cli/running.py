"""Running a command's work: settings, services, signals, exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable

from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.cli.exits import HANDLED, ExitCode, reported
from s3py_helper.entrypoints.container.container import open_services
from s3py_helper.entrypoints.settings import Settings, load_settings

type Report = Callable[[], None]
"""Writes the result of a job."""

type Work = Callable[[FileServices, Settings], Awaitable[ExitCode]]


def run(work: Work) -> ExitCode:
    """Do the work with the services that the environment describes; interrupted, it cleans up first."""
    try:
        settings = load_settings()
        code = asyncio.run(_with_services(work, settings))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except _Terminated:
        return ExitCode.TERMINATED
    except HANDLED as error:
        code = reported(error)
    if code is ExitCode.BROKEN_PIPE:
        # Whoever read our output has left. Python would say so once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


async def each[Job](jobs: Iterable[Job], do: Callable[[Job], Awaitable[Report]], *, at_once: int) -> ExitCode:
    """Do every job, several at a time, whatever becomes of the others.

    Results and errors come out in the order of the jobs. The code is that of the first job that failed.
    """
    gate = asyncio.Semaphore(at_once)

    async def outcome_of(job: Job) -> Report | Exception:
        async with gate:
            try:
                return await do(job)
            except HANDLED as error:
                return error

    codes: list[ExitCode] = []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome_of(job)) for job in jobs]
        for task in tasks:
            codes.append(_written(await task))
            if codes[-1] is ExitCode.BROKEN_PIPE:
                for other in tasks:
                    other.cancel()
                break
    return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


def _written(outcome: Report | Exception) -> ExitCode:
    try:
        if not isinstance(outcome, Exception):
            outcome()
            return ExitCode.OK
    except BrokenPipeError as error:
        outcome = error
    return reported(outcome)


class _Terminated(Exception):
    """SIGTERM came."""


async def _with_services(work: Work, settings: Settings) -> ExitCode:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run made one
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    # asyncio.run does the same for SIGINT. Without it, temporary files would stay.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    try:
        async with open_services(settings.kit_config()) as services:
            return await work(services, settings)
    except asyncio.CancelledError:
        if terminated:
            raise _Terminated from None
        raise

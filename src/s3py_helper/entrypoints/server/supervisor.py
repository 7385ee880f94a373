"""Several processes that serve on one socket."""

import contextlib
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Generator
from importlib.util import find_spec
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Semaphore
from time import monotonic
from types import FrameType
from typing import Final

from s3py_helper.application.observing import LOGGER_NAME
from s3py_helper.entrypoints.http.crew import Crew
from s3py_helper.entrypoints.http.limits.rates import CELLS
from s3py_helper.entrypoints.settings import Settings

_SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_LOOK_SECONDS: Final = 0.2

_TOO_SOON: Final = 5.0
"""Seconds: a process that ends within them would probably do so again at once."""

_PATIENCE: Final = 5.0
"""Seconds beyond those for draining after which a process is killed."""

_log: Final = logging.getLogger(LOGGER_NAME)
_spawning: Final = multiprocessing.get_context("spawn")


class Supervisor:
    """Starts processes, replaces those that die, and stops them all when it is stopped itself.

    Args:
        announce: Called when all of them take requests for the first time.
        settings: The deployment's; `workers` says how many there are.
        listening: The socket that all of them take connections from.
        access_log: Whether each request has a line in the log.
    """

    def __init__(
        self, announce: Callable[[], None], settings: Settings, listening: socket.socket, *, access_log: bool
    ) -> None:
        self._announce: Callable[[], None] | None = announce
        self._to_come_up = settings.workers
        self._up = _spawning.Semaphore(0)
        self._settings = settings
        self._listening = listening
        self._access_log = access_log
        self._crew = Crew(settings.workers, _spawning.RawArray("d", CELLS), secrets.token_bytes(16))
        self._started: dict[BaseProcess, float] = {}
        self._stopping: int | None = None

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        with _metrics_shared(), self._signals():
            for _ in range(self._settings.workers):
                self._start()
            while self._stopping is None:
                for sentinel in wait([process.sentinel for process in self._started], _LOOK_SECONDS):
                    self._replace(sentinel)
                self._announce_when_all_are_up()
            self._stop()

    def _announce_when_all_are_up(self) -> None:
        while self._to_come_up and self._up.acquire(block=False):
            self._to_come_up -= 1
        if not self._to_come_up and self._announce is not None:
            self._announce()
            self._announce = None

    def _start(self) -> None:
        process = _spawning.Process(
            target=_work,
            args=(self._settings, self._listening, self._crew, self._up),
            kwargs={"access_log": self._access_log},
        )
        process.start()
        self._started[process] = monotonic()

    def _replace(self, sentinel: object) -> None:
        [dead] = [process for process in self._started if process.sentinel == sentinel]
        lived = monotonic() - self._started.pop(dead)
        _forget_metrics_of(dead)
        if self._stopping is not None:
            return
        _log.error("worker %s has ended with %s: another one takes its place", dead.pid, dead.exitcode)
        if lived < _TOO_SOON:
            wait([process.sentinel for process in self._started], _TOO_SOON - lived)
        self._start()

    def _stop(self) -> None:
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGTERM)
        deadline = monotonic() + self._settings.shutdown_delay + self._settings.drain_seconds + _PATIENCE
        for process in self._started:
            process.join(max(0, deadline - monotonic()))
            if process.is_alive():
                _log.error("worker %s does not end and is killed", process.pid)
                process.kill()
                process.join()

    @contextlib.contextmanager
    def _signals(self) -> Generator[None]:
        previous = {number: signal.signal(number, self._noted) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _noted(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = number


def _work(settings: Settings, listening: socket.socket, crew: Crew, up: Semaphore, *, access_log: bool) -> None:
    """What a process does."""
    # Imported here, when the environment tells prometheus-client that it is one of several.
    from s3py_helper.entrypoints.server.service_server import server_of  # noqa: PLC0415 - see above

    # uvicorn raises the signal that stopped it once more when it is done. A terminal sends SIGINT to all processes at
    # once: the supervisor passes it on.
    signal.signal(signal.SIGTERM, _ignore)
    signal.signal(signal.SIGINT, _ignore)
    server = server_of(settings, access_log=access_log, crew=crew)
    server.when_listening(up.release)
    server.run([listening])


@contextlib.contextmanager
def _metrics_shared() -> Generator[None]:
    """Have the processes count together; a folder that the operator has chosen is left alone."""
    if _SHARED_FOLDER in os.environ or not find_spec("prometheus_client"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="s3py-metrics-") as folder:
        os.environ[_SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_SHARED_FOLDER]


def _forget_metrics_of(process: BaseProcess) -> None:
    """What a dead process had under way is under way no more; what it counted stays."""
    if _SHARED_FOLDER in os.environ and find_spec("prometheus_client"):
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - the package is optional

        mark_process_dead(process.pid)  # type: ignore[no-untyped-call]  # it has no annotations


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """Nothing is left to do."""

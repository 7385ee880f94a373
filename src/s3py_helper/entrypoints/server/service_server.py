"""uvicorn's server, which tells balancers in time that it is about to stop."""

import gc
import signal
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Final, override

import uvicorn

from s3py_helper.entrypoints.http.app import create_worker
from s3py_helper.entrypoints.http.crew import Crew
from s3py_helper.entrypoints.http.health import Draining
from s3py_helper.entrypoints.server.log_config import log_config
from s3py_helper.entrypoints.server.protocol import http_protocol
from s3py_helper.entrypoints.settings import Settings

_OBJECTS_PER_COLLECTION: Final = 20_000
"""Some dozens of requests at a time make the 2000 that Python waits for again and again, and leave nothing."""


class ServiceServer(uvicorn.Server):
    """Serves until SIGINT or SIGTERM.

    From SIGTERM on `/readyz` is false. New connections are taken for `delay` seconds more, because those who send
    requests learn of that later; then what is under way has its time to finish. A second signal ends the delay.

    Args:
        config: As uvicorn's.
        draining: What `/readyz` looks at.
        delay: Seconds.
    """

    def __init__(self, config: uvicorn.Config, draining: Draining, delay: float) -> None:
        super().__init__(config)
        self._draining = draining
        self._delay = delay
        self._announce: Callable[[], None] | None = None
        self._stop_at: float | None = None

    def when_listening(self, announce: Callable[[], None]) -> None:
        """Have it called as soon as requests are taken."""
        self._announce = announce

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now stays: looking through it for garbage, again and again, took a tenth of a small download.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
        if self._announce is not None:
            self._announce()

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        first = not self._draining.begun
        self._draining.begin()
        if first and self._delay and sig == signal.SIGTERM:
            self._stop_at = monotonic() + self._delay
            self._captured_signals.append(sig)
        else:
            super().handle_exit(sig, frame)

    @override
    async def on_tick(self, counter: int) -> bool:
        if self._stop_at is not None and monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


def server_of(settings: Settings, *, access_log: bool = True, crew: Crew | None = None) -> ServiceServer:
    """The server of a deployment, to be run on a socket.

    Raises:
        InvalidArgumentException: Settings are wrong; the message names them.
    """
    app = create_worker(settings, crew)
    config = uvicorn.Config(
        app,
        http=http_protocol(settings.idle_timeout),
        ws="none",
        log_config=log_config(settings.log_level, access_log=access_log, as_json=settings.log_format == "json"),
        timeout_graceful_shutdown=settings.drain_seconds,
        # A line of ours tells more, and leaves queries out.
        access_log=False,
        server_header=False,
    )
    return ServiceServer(config, app.draining, settings.shutdown_delay)

"""`s3py serve`."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

from s3py_helper.application.observing import LOGGER_NAME
from s3py_helper.entrypoints.cli.exits import HANDLED, ExitCode, reported
from s3py_helper.entrypoints.cli.hints import hint
from s3py_helper.entrypoints.container.config import StorageMode
from s3py_helper.entrypoints.container.container import open_services
from s3py_helper.entrypoints.server.service_server import server_of
from s3py_helper.entrypoints.server.supervisor import Supervisor
from s3py_helper.entrypoints.settings import Settings, load_settings


def serve(*, access_log: bool, verbose: bool = False, **given: object) -> ExitCode:
    """Run the service until SIGINT or SIGTERM; requests in progress are given time to finish.

    `given` are settings that go before those of the environment, unless they are `None`.
    """
    wanted = given | {"log_level": "debug" if verbose else None}
    try:
        settings = load_settings(**{name: value for name, value in wanted.items() if value is not None})
        server = server_of(settings, access_log=access_log) if settings.workers == 1 else None
        asyncio.run(_try_storage(settings))
        listening = _listen(settings.host, settings.port)
    except HANDLED as error:
        return reported(error)

    _use_all_descriptors()
    # uvicorn raises the signal that stopped it once more when it is done. Being stopped is no failure of a service.
    signal.signal(signal.SIGTERM, _ignore)
    announce = partial(_announce, settings, listening)
    try:
        with listening:
            if server is None:
                Supervisor(announce, settings, listening, access_log=access_log).run()
            else:
                server.when_listening(announce)
                server.run([listening])
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.OK


async def _try_storage(settings: Settings) -> None:
    """Open and close the backends: what is wrong with them is then one line, not the traceback of a failed start.

    A backend that cannot be used now is a warning: it may be there in a moment.
    """
    async with open_services(settings.kit_config()) as services:
        report = await services.health_service.report()
    for backend, error in report.errors.items():
        _log.warning("%s cannot be used now: %s%s", backend, error, hint(error, backend))


_log: Final = logging.getLogger(LOGGER_NAME)


def _announce(settings: Settings, listening: socket.socket) -> None:
    """Tell where the service listens and where files go."""
    text = f"Listening on {_url(listening)}, files go to {place_of(settings)}"
    if settings.log_format == "json":
        _log.info(text)
        return
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _use_all_descriptors() -> None:
    """Raise the limit of open files to what this process may have.

    Each client needs one descriptor, and perhaps another one for a file or a backend; the usual limit of 1024 is there
    for programs that call select(2), which this one does not.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error.strerror
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {reason}") from None


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def place_of(settings: Settings) -> str:
    """Where new files go, in words."""
    if settings.new_files is not None:
        return f"the mounted store {settings.new_files}"
    match settings.mode:
        case StorageMode.FILESYSTEM:
            return str(Path(settings.filesystem.root).absolute())
        case StorageMode.FASTDFS if settings.fastdfs is not None:
            return f"FastDFS at {', '.join(settings.fastdfs.tracker_servers)}"
        case _ if settings.s3 is not None:
            return f"bucket {settings.s3.default_bucket} at {settings.s3.endpoint}"
        case _:
            return f"the mounted store {settings.mounts[0]}"


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """Nothing is left to do."""

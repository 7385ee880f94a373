"""How the server of a deployment is made, told that requests are taken, and stopped."""

import gc
import logging
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from s3py_helper.entrypoints.http.app import Service
from s3py_helper.entrypoints.http.crew import Crew
from s3py_helper.entrypoints.http.health import Draining
from s3py_helper.entrypoints.server import service_server
from s3py_helper.entrypoints.server.json_lines import JsonLines
from s3py_helper.entrypoints.server.log_config import AlreadyLogged, log_config
from s3py_helper.entrypoints.server.protocol import HttpProtocol
from s3py_helper.entrypoints.server.service_server import ServiceServer, server_of
from s3py_helper.entrypoints.settings import Settings, load_settings


def settings_with(**more: object) -> Settings:
    return load_settings(mode="filesystem", **more)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(service_server, "monotonic", lambda: now[0])
    return now


def server_with(delay: float) -> tuple[ServiceServer, Draining]:
    draining = Draining()
    return ServiceServer(uvicorn.Config(lambda: None, log_config=None), draining, delay), draining


async def tick(server: ServiceServer) -> bool:
    """Whether it stops now."""
    server.config.load = lambda: None  # type: ignore[method-assign]  # it is not served
    return await server.on_tick(1)


async def test_connections_are_taken_for_a_while_after_sigterm(now: list[float]) -> None:
    server, draining = server_with(5)
    assert not await tick(server)
    server.handle_exit(signal.SIGTERM, None)
    assert (draining.begun, server.should_exit) == (True, False)
    now[0] += 4.9
    assert not await tick(server)
    now[0] += 0.1
    assert await tick(server)
    assert server._captured_signals == [signal.SIGTERM], "uvicorn raises it again in the end"  # noqa: SLF001


@pytest.mark.parametrize(
    ("delay", "signals"),
    [
        (0, [signal.SIGTERM]),
        (5, [signal.SIGINT]),
        (5, [signal.SIGTERM, signal.SIGTERM]),
        (5, [signal.SIGTERM, signal.SIGINT]),
    ],
)
async def test_it_stops_at_once_without_a_delay_and_at_a_second_signal(
    now: list[float], delay: float, signals: list[signal.Signals]
) -> None:
    server, draining = server_with(delay)
    for number in signals:
        server.handle_exit(number, None)
    assert draining.begun
    assert await tick(server)
    assert server._captured_signals == signals  # noqa: SLF001 - as above
    assert not server.force_exit


@pytest.fixture
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("as_before")
async def test_it_tells_when_requests_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[object] = []

    async def startup(_server: uvicorn.Server, sockets: object = None) -> None:
        events.append(sockets)

    monkeypatch.setattr(uvicorn.Server, "startup", startup)
    monkeypatch.setattr(gc, "collect", lambda: events.append("collected"))
    monkeypatch.setattr(gc, "freeze", lambda: events.append("spared"))
    server, _ = server_with(0)
    server.when_listening(lambda: events.append("announced"))
    await server.startup([])
    assert events == [[], "collected", "spared", "announced"]
    assert gc.get_threshold()[0] == 20_000
    await server_with(0)[0].startup()
    assert events[4:] == [None, "collected", "spared"]


def test_a_deployments_server_is_configured_by_its_settings() -> None:
    settings = settings_with(idle_timeout=7, drain_seconds=9, shutdown_delay=3, log_level="warning", log_format="json")
    crew = Crew(2)
    server = server_of(settings, access_log=False, crew=crew)
    config = server.config
    assert isinstance(config.http, type)
    assert issubclass(config.http, HttpProtocol)
    assert (config.http.idle_timeout, HttpProtocol.idle_timeout) == (7, 60)
    assert (config.ws, config.timeout_graceful_shutdown, config.access_log, config.server_header) == (
        "none", 9, False, False
    )  # fmt: skip
    assert config.log_config == log_config("warning", access_log=False, as_json=True)
    assert isinstance(config.app, Service)
    server.handle_exit(signal.SIGTERM, None)
    assert (config.app.draining.begun, server.should_exit) == (True, False)


def test_a_server_logs_as_people_read_unless_told_otherwise() -> None:
    server = server_of(settings_with())
    assert server.config.log_config == log_config("info")


@pytest.mark.parametrize(
    ("options", "requests"), [({}, "DEBUG"), ({"access_log": True}, "DEBUG"), ({"access_log": False}, "CRITICAL")]
)
def test_each_line_goes_where_it_belongs(options: dict[str, Any], requests: str) -> None:
    config = log_config("debug", **options)
    assert config["loggers"] == {
        "uvicorn": {"handlers": ["default"], "level": "DEBUG", "propagate": False},
        "uvicorn.error": {"level": "DEBUG", "filters": ["already_logged"]},
        "uvicorn.access": {"handlers": ["access"], "level": "DEBUG", "propagate": False},
        "s3py_helper": {"handlers": ["default"], "level": "DEBUG", "propagate": False},
        "s3py_helper.access": {"handlers": ["requests"], "level": requests, "propagate": False},
    }
    assert {name: handler["stream"] for name, handler in config["handlers"].items()} == {
        "default": "ext://sys.stderr", "access": "ext://sys.stdout", "requests": "ext://sys.stdout",
    }  # fmt: skip
    assert config["filters"] == {"already_logged": {"()": AlreadyLogged}}
    assert uvicorn.config.LOGGING_CONFIG["loggers"].keys() == {"uvicorn", "uvicorn.error", "uvicorn.access"}


def test_lines_for_programs_are_made_by_all_handlers() -> None:
    config = log_config("info", as_json=True)
    assert config["formatters"] == {"default": {"()": JsonLines}, "access": {"()": JsonLines}}
    assert {handler["formatter"] for handler in config["handlers"].values()} == {"default", "access"}


@pytest.mark.parametrize(
    ("message", "written"),
    [("ASGI callable returned without completing response.", False), ("Exception in ASGI application\n", True)],
)
def test_what_has_a_line_already_gets_no_second_one(message: str, written: bool) -> None:
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "here.py", 1, message, None, None)
    assert AlreadyLogged().filter(record) is written

"""`s3py serve`: what it starts with which settings, what it says of itself, and how it ends."""

import logging
import resource
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.entrypoints.cli import serving
from s3py_helper.entrypoints.cli.serving import place_of, serve
from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig, S3Config, StorageMode
from s3py_helper.entrypoints.settings import Settings

PLACES = {
    "filesystem": FilesystemConfig(root=Path("/srv/files")),
    "s3": S3Config(endpoint="http://s3.example.com", default_bucket="mine"),
    "fastdfs": FastdfsConfig(tracker_servers=["10.0.0.1:22122", "10.0.0.2:22122"]),
}


@pytest.mark.parametrize(
    ("mode", "place"),
    [
        (StorageMode.FILESYSTEM, "/srv/files"),
        (StorageMode.S3, "bucket mine at http://s3.example.com"),
        (StorageMode.HYBRID, "bucket mine at http://s3.example.com"),
        (StorageMode.FASTDFS, "FastDFS at 10.0.0.1:22122, 10.0.0.2:22122"),
    ],
)
def test_every_mode_says_where_new_files_go(mode: StorageMode, place: str) -> None:
    assert place_of(Settings(_env_file=None, mode=mode, **cast("Any", PLACES))) == place


def test_a_mounted_store_is_said_by_its_name() -> None:
    assert place_of(Settings(_env_file=None, new_files="b2", **cast("Any", PLACES))) == "the mounted store b2"
    only = SimpleNamespace(new_files=None, mode=None, s3=None, mounts=("b2", "c3"))
    assert place_of(cast("Settings", only)) == "the mounted store b2"


class Serving:
    """What one run of the command started.

    Attributes:
        events: In order.
        errors: What the backends are found to have.
        ends_with: Raised where it would serve.
    """

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.errors: dict[str, StorageUnavailableException] = {}
        self.ends_with: BaseException | None = None
        self.listening: socket.socket | None = None

    def server_of(self, settings: Settings, *, access_log: bool) -> "Serving":
        self.events.append(("server", settings.port, settings.log_level, access_log))
        return self

    @asynccontextmanager
    async def services(self, _config: object) -> AsyncGenerator[Any]:
        async def report() -> Any:
            return SimpleNamespace(errors=self.errors)

        self.events.append("tried")
        yield SimpleNamespace(health_service=SimpleNamespace(report=report))

    def when_listening(self, announce: Callable[[], None]) -> None:
        self.announce = announce

    def run(self, sockets: list[socket.socket]) -> None:
        [self.listening] = sockets
        assert self.listening.fileno() >= 0
        self.announce()
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, "uvicorn raises it again in the end"
        self.events.append("served")
        if self.ends_with is not None:
            raise self.ends_with

    def supervisor(self, announce: Callable[[], None], settings: Settings, listening: Any, *, access_log: bool) -> Any:
        self.events.append(("supervisor", settings.workers, access_log))
        self.announce = announce
        return SimpleNamespace(run=lambda: self.run([listening]))


@pytest.fixture
def serving_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serving]:
    started = Serving()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serving, "server_of", started.server_of)
    monkeypatch.setattr(serving, "open_services", started.services)
    monkeypatch.setattr(serving, "Supervisor", started.supervisor)
    before, limits = signal.getsignal(signal.SIGTERM), resource.getrlimit(resource.RLIMIT_NOFILE)
    yield started
    if started.listening is not None:
        assert started.listening.fileno() == -1, "it was not closed"
    signal.signal(signal.SIGTERM, before)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"access_log": True}, [("server", 0, "info", True), "tried", "served"]),
        ({"access_log": False, "verbose": True}, [("server", 0, "debug", False), "tried", "served"]),
        ({"access_log": True, "workers": 2}, ["tried", ("supervisor", 2, True), "served"]),
        ({"access_log": False, "workers": 3}, ["tried", ("supervisor", 3, False), "served"]),
    ],
)
def test_one_process_or_several_serve(
    serving_it: Serving, capsys: pytest.CaptureFixture[str], tmp_path: Path, given: dict[str, Any],
    expected: list[object],
) -> None:  # fmt: skip
    assert serve(port=0, host=None, root_path=None, **given) == 0
    assert serving_it.events == expected
    out, err = capsys.readouterr()
    assert out.startswith("Listening on http://127.0.0.1:")
    assert out.endswith(f", files go to {tmp_path / 'data'}\n")
    assert err == ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


def test_settings_go_behind_what_is_given(serving_it: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_PORT", "1")
    monkeypatch.setenv("S3PY_LOG_LEVEL", "warning")
    assert serve(access_log=True, port=0) == 0
    assert serving_it.events[0] == ("server", 0, "warning", True)


def test_an_interruption_has_its_code(serving_it: Serving) -> None:
    serving_it.ends_with = KeyboardInterrupt()
    assert serve(access_log=True, port=0) == 130


def test_an_address_of_ipv6_stands_in_brackets(serving_it: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    assert serve(access_log=True, port=0, host="::1") == 0
    assert serving_it.events[-1] == "served"
    assert capsys.readouterr().out.startswith("Listening on http://[::1]:")


def test_programs_get_the_announcement_as_a_line_of_the_log(
    serving_it: Serving, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "s3py_helper")
    assert serve(access_log=True, port=0, log_format="json") == 0
    assert (capsys.readouterr().out, serving_it.events[-1]) == ("", "served")
    assert [record.getMessage().split(" http")[0] for record in caplog.records] == ["Listening on"]


def test_a_backend_that_is_down_is_a_warning(serving_it: Serving, caplog: pytest.LogCaptureFixture) -> None:
    serving_it.errors = {"s3": StorageUnavailableException("no connection")}
    assert serve(access_log=True, port=0) == 0
    assert serving_it.events[-1] == "served"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            "s3 cannot be used now: no connection (check S3PY_S3__ENDPOINT, and whether the server runs)",
        )
    ]


def test_a_port_that_is_taken_is_one_line(serving_it: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve(access_log=True, port=port) == 1
    assert capsys.readouterr() == ("", f"s3py: cannot listen on 127.0.0.1:{port}: Address already in use\n")
    assert serving_it.events[-1] == "tried"


def test_settings_that_are_wrong_start_nothing(serving_it: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(access_log=True, port=0, mode="s3") == 2
    assert serving_it.events in ([], [("server", 0, "info", True)])
    out, err = capsys.readouterr()
    assert out == ""
    assert "S3PY_S3__ENDPOINT" in err

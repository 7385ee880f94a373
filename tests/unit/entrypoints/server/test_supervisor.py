"""The processes of a service: started, announced, replaced, stopped; here they are none."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.entrypoints.http.crew import Crew
from s3py_helper.entrypoints.server import service_server, supervisor
from s3py_helper.entrypoints.server.supervisor import Supervisor, _metrics_shared, _work
from s3py_helper.entrypoints.settings import Settings

SHARED = "PROMETHEUS_MULTIPROC_DIR"
LISTENING = cast("socket.socket", object())


class Process:
    """What multiprocessing would start; it ends when it is told to."""

    def __init__(self, crowd: "Crowd", options: dict[str, Any]) -> None:
        self.sentinel, self._alive = os.pipe()
        self.pid = 100 + len(crowd.processes)
        self.exitcode: int | None = None
        self.options = options
        self._crowd = crowd
        self.joined: list[float | None] = []

    def start(self) -> None:
        self._crowd.note("start", self)

    def end(self, code: int) -> None:
        if self.exitcode is None:
            self.exitcode = code
            os.close(self._alive)

    def join(self, timeout: float | None = None) -> None:
        self.joined.append(timeout)

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self._crowd.note("kill", self)
        self.end(-9)


class Crowd:
    """Takes the place of multiprocessing, and of the system for signals.

    Attributes:
        processes: All that were made.
        events: What happened, in order.
        deaf: Processes that do not end when they are asked to.
        passes: What to do each time the supervisor looks at its processes.
    """

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.events: list[tuple[str, int]] = []
        self.deaf: set[int] = set()
        self.gone: set[int] = set()
        self.waits: list[float] = []
        self.dead: list[int | None] = []
        self.passes: Iterator[Callable[[], object]] = iter(())

    def note(self, what: str, process: Process) -> None:
        self.events.append((what, process.pid))

    def make(self, **options: Any) -> Process:
        self.processes.append(Process(self, options))
        return self.processes[-1]

    def terminate(self, pid: int, number: int) -> None:
        [process] = [each for each in self.processes if each.pid == pid]
        assert number == signal.SIGTERM
        self.note("terminate", process)
        if pid in self.gone:
            raise ProcessLookupError
        if pid not in self.deaf:
            process.end(0)

    def wait(self, sentinels: list[int], seconds: float) -> list[int]:
        self.waits.append(seconds)
        if seconds == supervisor._LOOK_SECONDS:  # noqa: SLF001 - tells it from the pause before a replacement
            next(self.passes)()
        ended = {each.sentinel for each in self.processes if each.exitcode is not None}
        return [each for each in sentinels if each in ended]


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    crowd = Crowd()
    real = supervisor._spawning  # noqa: SLF001 - what is no process of its own is as it is
    spawning = SimpleNamespace(Process=crowd.make, Semaphore=real.Semaphore, RawArray=real.RawArray)
    monkeypatch.setattr(supervisor, "_spawning", spawning)
    monkeypatch.setattr(supervisor, "wait", crowd.wait)
    monkeypatch.setattr(supervisor.os, "kill", crowd.terminate)  # type: ignore[attr-defined]  # of the module
    monkeypatch.setattr("prometheus_client.multiprocess.mark_process_dead", crowd.dead.append)
    monkeypatch.delenv(SHARED, raising=False)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield crowd
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert SHARED not in os.environ
    for process in crowd.processes:
        process.end(0)
        os.close(process.sentinel)


def settings_with(**options: Any) -> Settings:
    return cast("Settings", SimpleNamespace(workers=2, shutdown_delay=1.0, drain_seconds=2, **options))


def signalled(number: int = signal.SIGTERM) -> None:
    signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_are_started_announced_once_and_stopped(crowd: Crowd, number: int) -> None:
    announced: list[int] = []
    settings = settings_with()
    served = Supervisor(lambda: announced.append(1), settings, LISTENING, access_log=False)
    folders: list[str] = []

    def up() -> None:
        crowd.processes[0].options["args"][3].release()
        folders.append(os.environ[SHARED])

    told: list[int] = []
    crowd.passes = iter([up, lambda: told.append(len(announced)), up, up, lambda: signalled(number)])
    served.run()
    assert told == [0], "one of them is not up yet"
    assert announced == [1]
    assert crowd.events == [("start", 100), ("start", 101), ("terminate", 100), ("terminate", 101)]
    first, second = crowd.processes
    assert first.options == second.options
    given, listening, crew, _ = first.options["args"]
    assert (given, listening, first.options["kwargs"]) == (settings, LISTENING, {"access_log": False})
    assert first.options["target"] is _work
    assert isinstance(crew, Crew)
    assert len(first.joined) == len(second.joined) == 1
    assert all(0 < (each.joined[0] or 0) <= 8 for each in crowd.processes)
    assert not Path(folders[0]).exists()


def test_one_that_dies_is_replaced(
    crowd: Crowd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(supervisor, "monotonic", lambda: now)
    served = Supervisor(lambda: None, settings_with(), LISTENING, access_log=True)

    def dies_after(seconds: float, index: int) -> Callable[[], None]:
        def die() -> None:
            nonlocal now
            now += seconds
            crowd.processes[index].end(-11)

        return die

    crowd.passes = iter([dies_after(5.0, 0), dies_after(2.0, 2), signalled])
    served.run()
    lines = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert lines == [
        (logging.ERROR, "worker 100 has ended with -11: another one takes its place"),
        (logging.ERROR, "worker 102 has ended with -11: another one takes its place"),
    ]
    assert crowd.dead == [100, 102], "what they had under way is under way no more"
    assert crowd.waits == [0.2, 0.2, 3.0, 0.2], "the second would probably have ended at once again"
    assert [pid for what, pid in crowd.events if what == "start"] == [100, 101, 102, 103]
    assert sorted(pid for what, pid in crowd.events if what == "terminate") == [101, 103]


def test_none_is_started_while_all_are_stopped(crowd: Crowd, caplog: pytest.LogCaptureFixture) -> None:
    def ends_and_is_stopped() -> None:
        crowd.processes[1].end(0)
        signalled()

    crowd.passes = iter([ends_and_is_stopped])
    Supervisor(lambda: None, settings_with(), LISTENING, access_log=True).run()
    assert crowd.events == [("start", 100), ("start", 101), ("terminate", 100)]
    assert (crowd.dead, caplog.records) == ([101], [])


def test_one_that_does_not_end_is_killed(
    crowd: Crowd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "monotonic", lambda: 1000.0)
    crowd.deaf, crowd.gone = {100}, {101}
    crowd.passes = iter([signalled])
    Supervisor(lambda: None, settings_with(), LISTENING, access_log=True).run()
    assert crowd.events[2:] == [("terminate", 100), ("terminate", 101), ("kill", 100), ("kill", 101)]
    assert [each.joined for each in crowd.processes] == [[8.0, None]] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "worker 100 does not end and is killed",
        "worker 101 does not end and is killed",
    ]


def test_a_folder_for_metrics_that_was_chosen_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))
    with _metrics_shared():
        assert os.environ[SHARED] == str(tmp_path)
    assert (os.environ[SHARED], tmp_path.exists()) == (str(tmp_path), True)


def test_without_a_library_for_metrics_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHARED, raising=False)
    monkeypatch.setattr(supervisor, "find_spec", lambda _name: None)
    with _metrics_shared():
        assert SHARED not in os.environ


def test_a_process_serves_until_its_supervisor_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, crew, up = settings_with(), cast("Crew", object()), threading.Semaphore(0)
    handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT))
    monkeypatch.setattr(supervisor.signal, "signal", handlers.__setitem__)  # type: ignore[attr-defined]  # of the module
    events: list[object] = []

    class Server:
        def when_listening(self, announce: Callable[[], None]) -> None:
            self.announce = announce

        def run(self, sockets: list[object]) -> None:
            self.announce()
            events.append(sockets)

    def server_of(*given: object, **named: object) -> Server:
        events.append((given, named))
        return Server()

    monkeypatch.setattr(service_server, "server_of", server_of)
    _work(settings, LISTENING, crew, cast("Any", up), access_log=True)
    assert events == [((settings,), {"access_log": True, "crew": crew}), [LISTENING]]
    assert up.acquire(blocking=False)
    for handler in handlers.values():
        assert callable(handler)
        handler(signal.SIGTERM, None)

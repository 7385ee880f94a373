"""One command's run: what is opened and when, with which code it ends, and what each signal does."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.application.background import closing_seconds
from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException
from s3py_helper.entrypoints.cli import running
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.running import finishing, run

pytestmark = pytest.mark.timeout(20)

SERVICES = SimpleNamespace()


class ExitedError(SystemExit):
    """Takes the place of the end of the process."""


class Run:
    """Events of a run, in order.

    Attributes:
        events: What happened.
        said: What the user was told while signals came.
    """

    def __init__(self) -> None:
        self.events: list[object] = []
        self.said: list[str] = []
        self.closed_within: list[float] = []

    @asynccontextmanager
    async def services(self, config: object) -> AsyncGenerator[Any]:
        self.events.append(("opened", config))
        try:
            yield SERVICES
        finally:
            self.closed_within.append(closing_seconds.get())
            self.events.append("closed")

    def exit(self, code: int) -> None:
        self.events.append(("exit", code))
        raise ExitedError


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    one = Run()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "open_services", one.services)
    monkeypatch.setattr(running, "_say", one.said.append)
    monkeypatch.setattr(running, "_WORTH_MENTIONING", 0.0)
    monkeypatch.setattr(os, "_exit", one.exit)
    return one


async def signalled(number: int) -> None:
    """Send it to this process, and let the loop hear of it."""
    os.kill(os.getpid(), number)
    for _ in range(10):
        await asyncio.sleep(0)


def test_settings_come_first_then_services_then_work(one: Run) -> None:
    async def work(services: object, settings: Any) -> ExitCode:
        one.events.append((services is SERVICES, settings.mode.value))
        return ExitCode.NOT_FOUND

    def configure(settings: Any) -> Any:
        return settings.mode.value

    assert run(work, lambda settings: one.events.append(settings.mode.value), configure=configure) == 3
    assert one.events == ["filesystem", ("opened", "filesystem"), (True, "filesystem"), "closed"]
    assert one.closed_within == [closing_seconds.get()]


@pytest.mark.parametrize(
    ("error", "code", "err"),
    [
        (FileNotFoundException("no such file"), 3, "s3py: no such file\n"),
        (FileNotFoundError(2, "No such file", "a"), 2, "s3py: a: No such file\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_is_a_line_and_a_code(
    one: Run, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, err: str
) -> None:
    async def work(_services: object, _settings: object) -> ExitCode:
        raise error

    assert run(work) == code
    assert capsys.readouterr() == ("", err)
    assert one.events[-1] == "closed"


def test_what_is_wrong_before_opens_nothing(one: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def before(_settings: object) -> None:
        raise InvalidArgumentException("no")

    assert run(cast("Any", None), before) == 2
    assert (one.events, capsys.readouterr().err) == ([], "s3py: no\n")


@pytest.mark.parametrize(("level", "verbose"), [("debug", [True]), ("info", [])])
def test_every_step_is_told_where_the_settings_say_so(
    one: Run, monkeypatch: pytest.MonkeyPatch, level: str, verbose: list[bool]
) -> None:
    seen: list[bool] = []
    monkeypatch.setenv("S3PY_LOG_LEVEL", level)
    monkeypatch.setattr(running, "log_to_stderr", lambda *, verbose: seen.append(verbose))

    async def work(_services: object, _settings: object) -> ExitCode:
        return ExitCode.OK

    assert (run(work), seen, one.events[-1]) == (0, verbose, "closed")


def test_a_reader_that_has_left_is_not_told_of_twice(one: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: list[tuple[str, int]] = []

    def dup2(descriptor: int, target: int) -> None:
        replaced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), target))
        os.close(descriptor)

    async def work(_services: object, _settings: object) -> ExitCode:
        raise BrokenPipeError

    with monkeypatch.context() as patched:  # pytest needs both itself
        patched.setattr(sys, "stdout", SimpleNamespace(fileno=lambda: 77))
        patched.setattr(os, "dup2", dup2)
        code = run(work)
    assert (code, replaced) == (141, [("/dev/null", 77)])
    assert one.events[-1] == "closed"


SIGNALS = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@SIGNALS
def test_a_signal_cancels_the_work_which_cleans_up(one: Run, number: int, code: int) -> None:
    async def work(_services: object, _settings: object) -> ExitCode:
        try:
            await signalled(number)
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
            one.events.append("cleaned up")
            raise
        raise AssertionError

    assert run(work) == code
    assert one.events[1:] == ["cleaned up", "closed"]
    assert one.said == ["cleaning up; interrupt again to stop at once"]
    assert one.closed_within == [1.0], "its user is waiting"


@SIGNALS
def test_a_second_signal_ends_the_process_at_once(one: Run, number: int, code: int) -> None:
    async def work(_services: object, _settings: object) -> ExitCode:
        try:
            await signalled(signal.SIGINT)
        finally:
            await signalled(number)
        return ExitCode.OK

    with pytest.raises(ExitedError):
        run(work)
    assert one.events[1] == ("exit", code)
    assert one.said[-1] == "stopped; what was not finished may be left"


@SIGNALS
def test_work_that_can_finish_is_cancelled_by_a_second_signal(one: Run, number: int, code: int) -> None:
    finished: list[ExitCode | None] = []

    async def work(_services: object, _settings: object) -> ExitCode:
        with finishing(lambda: one.events.append("finish")) as came:
            finished.append(came())
            await signalled(number)
            finished.append(came())
            await signalled(signal.SIGTERM)
        raise AssertionError

    assert run(work) == code, "that of the first"
    assert finished == [None, code]
    assert one.events[1:] == ["finish", "closed"]
    assert one.said[0] == "finishing the files at hand; interrupt again to stop at once"


def test_behind_what_can_finish_a_signal_cancels(one: Run) -> None:
    async def work(_services: object, _settings: object) -> ExitCode:
        with finishing(lambda: one.events.append("finish")):
            pass
        await signalled(signal.SIGINT)
        raise AssertionError

    assert run(work) == 130
    assert one.events[1:] == ["closed"]


def test_a_cancellation_of_its_own_is_no_signal(one: Run) -> None:
    async def work(_services: object, _settings: object) -> ExitCode:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(work)
    assert one.events[-1] == "closed"


def test_a_loop_of_another_kind_may_be_given(one: Run) -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def new_loop() -> asyncio.AbstractEventLoop:
        made.append(asyncio.new_event_loop())
        return made[-1]

    async def work(_services: object, _settings: object) -> ExitCode:
        assert asyncio.get_running_loop() is made[0]
        return ExitCode.OK

    assert (run(work, new_loop=new_loop), one.events[-1]) == (0, "closed")

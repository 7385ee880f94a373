"""The command line on the local disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from s3py_helper.entrypoints.cli.app import app

COMMAND = [sys.executable, "-c", "from s3py_helper.entrypoints.cli import main; main()"]


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


type Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Processes inherit an ignored SIGINT, as build servers and `&` start them with; they do not inherit a handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are run; files are kept beside it."""
    for name in [name for name in os.environ if name.startswith("S3PY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("S3PY_FILESYSTEM__ROOT", str(tmp_path / "kept"))
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[], list[str]]:
    """The names of all files in storage, unfinished ones too."""
    return lambda: sorted(path.name for path in (tmp_path / "kept").rglob("*") if path.is_file())


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Iterator[Run]:
    """Run a command in this process, which is quicker than in one of its own."""
    stdin = os.dup(0)

    def run(*arguments: str, given: bytes = b"") -> Result:
        reading, writing = os.pipe()
        assert len(given) < 65536, "more than a pipe holds"
        os.write(writing, given)
        os.close(writing)
        os.dup2(reading, 0)
        os.close(reading)
        with pytest.raises(SystemExit) as leaving:
            app(list(arguments), prog_name="s3py")
        out, err = capfdbinary.readouterr()
        return Result(int(leaving.value.code or 0), out.decode("utf-8", "replace"), err.decode())

    yield run
    os.dup2(stdin, 0)
    os.close(stdin)


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a command in a process of its own."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(
        *arguments: str, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*COMMAND, *arguments], stdin=stdin, stdout=stdout, stderr=stderr)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()

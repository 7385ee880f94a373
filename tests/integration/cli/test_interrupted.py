"""Interrupting a command that waits for a server which says nothing."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(90)

type Start = Callable[..., subprocess.Popen[bytes]]

LARGE = 20 * 1024 * 1024
BY_THEN = 9.0
"""Seconds: some 3.5 where the machine has nothing else to do. Clean-up that had its usual time would take over 12."""


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A server that reads what is sent, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        for name, value in {
            "S3PY_MODE": "s3",
            "S3PY_S3__ENDPOINT": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "S3PY_S3__ACCESS_KEY_ID": "ak",
            "S3PY_S3__SECRET_ACCESS_KEY": "the-secret",
            "S3PY_S3__DEFAULT_BUCKET": "tests",
        }.items():
            monkeypatch.setenv(name, value)
        yield listening


@contextlib.contextmanager
def _asked(silent: socket.socket) -> Iterator[None]:
    """Within it, a request has come."""
    connection, _ = silent.accept()
    with connection:
        assert connection.recv(10)
        yield


@pytest.mark.parametrize("size", [3, LARGE], ids=["one request", "parts"])
def test_one_interruption_ends_it_soon_and_says_what_may_be_left(
    started: Start, folder: Path, silent: socket.socket, size: int
) -> None:
    (folder / "a.bin").write_bytes(bytes(size))
    process = started("upload", "a.bin")
    with _asked(silent):
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, told = process.communicate(timeout=60)
    assert time.monotonic() - begun < BY_THEN
    assert process.returncode == 130
    assert b"interrupt again to stop at once" in told
    assert b"RollbackFailed" in told
    assert b"_a.bin" in told


def test_a_second_one_ends_it_at_once(started: Start, folder: Path, silent: socket.socket) -> None:
    (folder / "a.bin").write_bytes(b"abc")
    process = started("upload", "a.bin")
    assert process.stderr is not None
    with _asked(silent):
        process.send_signal(signal.SIGINT)
        assert b"cleaning up" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert b"may be left" in process.stderr.read()

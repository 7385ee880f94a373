"""Backends that are down, silent or wrongly configured: one line, in time, with the traceback on demand."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

pytestmark = pytest.mark.timeout(90)

type Start = Callable[..., subprocess.Popen[bytes]]

SECRET = "wJalrXUtnFEMI"
DOWN = "http://127.0.0.1:1"
ID = f"s3:{DEFAULT_BUCKET}/a"


def _use(monkeypatch: pytest.MonkeyPatch, endpoint: str, **more: str) -> None:
    """Let the commands use S3 there, with wrong keys unless others are given."""
    variables = {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": endpoint,
        "S3PY_S3__ACCESS_KEY_ID": "ak",
        "S3PY_S3__SECRET_ACCESS_KEY": SECRET,
        "S3PY_S3__DEFAULT_BUCKET": DEFAULT_BUCKET,
        "S3PY_S3__PERF__MAX_RETRIES": "0",
    }
    for name, value in (variables | more).items():
        monkeypatch.setenv(name, value)


def _keys(server: S3Server) -> dict[str, str]:
    return {"S3PY_S3__ACCESS_KEY_ID": server.access_key, "S3PY_S3__SECRET_ACCESS_KEY": server.secret_key}


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("command", [["info", ID], ["delete", ID], ["download", ID], ["upload", "a"]])
def test_a_backend_that_is_down_is_one_line(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (folder / "a").write_bytes(b"content")
    _use(monkeypatch, DOWN)
    result = run(*command)
    assert (result.code, result.out) == (5, "")
    assert re.fullmatch(r"s3py: .*127\.0\.0\.1:1.*\n", result.err)
    loud = run("-v", *command)
    assert loud.code == 5
    assert "Traceback (most recent call last)" in loud.err
    assert "StorageUnavailableException" in loud.err
    assert SECRET not in loud.err


def test_the_setting_for_the_log_brings_the_traceback_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, DOWN, S3PY_LOG_LEVEL="debug")
    assert "Traceback (most recent call last)" in run("info", ID).err


def test_wrong_keys_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server) -> None:
    _use(monkeypatch, seaweedfs.endpoint)
    result = run("info", ID)
    assert (result.code, result.out) == (1, "")
    assert re.fullmatch(r"s3py: .*\n", result.err)
    assert SECRET not in result.err


def test_a_missing_bucket_is_not_a_missing_file(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server
) -> None:
    (folder / "a").write_bytes(b"content")
    _use(monkeypatch, seaweedfs.endpoint, **_keys(seaweedfs), S3PY_S3__DEFAULT_BUCKET="not-there")
    result = run("upload", "a")
    assert (result.code, result.out) == (1, "")
    assert re.fullmatch(r"s3py: .*not-there.*\n", result.err)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"S3PY_S3__ENDPOINT": DOWN}, "check S3PY_S3__ENDPOINT"),
        ({"S3PY_S3__SECRET_ACCESS_KEY": SECRET}, "check S3PY_S3__ACCESS_KEY_ID"),
        ({"S3PY_S3__DEFAULT_BUCKET": "not-there"}, "S3PY_S3__CREATE_BUCKET_IF_MISSING=true"),
    ],
)
def test_what_is_wrong_is_said_when_the_service_starts(
    started: Start, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server, wrong: dict[str, str], hint: str
) -> None:
    _use(monkeypatch, seaweedfs.endpoint, **(_keys(seaweedfs) | wrong))
    process = started("serve", "--port", "0")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"Listening on"), "it starts all the same"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    warnings = [line for line in err.decode().splitlines() if "cannot be used now" in line]
    assert len(warnings) == 1
    assert hint in warnings[0]
    assert SECRET not in err.decode()
    assert "Traceback" not in err.decode()


def test_a_service_whose_backend_is_well_says_nothing(
    started: Start, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server
) -> None:
    _use(monkeypatch, seaweedfs.endpoint, **_keys(seaweedfs))
    process = started("serve", "--port", "0")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert b"cannot be used now" not in err


@pytest.mark.parametrize(
    ("sent", "code", "size"),
    [
        pytest.param(signal.SIGINT, 130, 1, id="SIGINT, a small file"),
        pytest.param(signal.SIGTERM, 143, 40_000_000, id="SIGTERM, a file in parts"),
    ],
)
def test_a_silent_backend_does_not_keep_an_interrupted_command(
    started: Start,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    silent: str,
    sent: signal.Signals,
    code: int,
    size: int,
) -> None:
    (folder / "a.bin").write_bytes(bytes(size))
    _use(monkeypatch, silent)
    process = started("-v", "upload", "a.bin")
    assert process.stderr is not None
    # It is told of each step, and has begun with the first.
    while b"OperationBegan" not in process.stderr.readline():
        assert process.poll() is None
    began = time.monotonic()
    process.send_signal(sent)
    assert process.wait(40) == code
    assert time.monotonic() - began < 30


def test_the_second_interruption_ends_a_command_at_once(
    started: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.bin").write_bytes(b"content")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        process = started("-v", "upload", "a.bin")
        assert process.stderr is not None
        # Once it has the whole request, the server may have stored the file: the command has something to undo.
        connection, _ = silent.accept()
        with connection:
            received = b""
            while not received.endswith(b"content"):
                received += connection.recv(65536)
            process.send_signal(signal.SIGINT)
            while b"interrupt again to stop at once" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 130
    assert b"s3py: stopped; what was not finished may be left\n" in process.stderr.read()

"""`s3py upload-link`: lines that anybody can paste to store one file."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run
from tests.support.s3.ready import free_ports
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

pytestmark = pytest.mark.timeout(90)

NAME = "-it's [1] für dich.txt"


@pytest.fixture
def on_s3(monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server) -> None:
    for name, value in {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
        "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
        "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
        "S3PY_S3__DEFAULT_BUCKET": DEFAULT_BUCKET,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, started: Callable[..., subprocess.Popen[bytes]]) -> str:
    """The address of a service over the local disk, to which links lead."""
    (port,) = free_ports(1)
    monkeypatch.setenv("S3PY_LINK_KEYS", f"k={'k' * 32}")
    monkeypatch.setenv("S3PY_LINK_URL", f"http://127.0.0.1:{port}")
    process = started("serve", "--port", str(port), stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"Listening")
    return f"http://127.0.0.1:{port}"


def _pasted(line: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["bash", "-c", line], capture_output=True, check=False, timeout=30)


@pytest.mark.usefixtures("on_s3")
def test_a_line_stores_a_file_on_s3_with_everything_that_was_said_of_it(run: Run, folder: Path) -> None:
    (folder / NAME).write_bytes(b"given")
    options = ("--folder", "in", "-m", "by=me", "--content-type", "text/csv", "--expires", "5m")
    (line,) = run("upload-link", *options, "--", NAME).lines
    assert _pasted(line).returncode == 0
    (file_id,) = [each for each in run("ls", "in/").lines if run("info", each).code == 0]
    facts = json.loads(run("info", "--json", file_id).out)
    assert (facts["file_name"], facts["metadata"], facts["content_type"]) == (NAME, {"by": "me"}, "text/csv")
    assert run("download", file_id, "-o", "-").out == "given"


@pytest.mark.usefixtures("on_s3")
def test_a_program_is_told_url_headers_and_the_id_to_come(run: Run) -> None:
    facts = [json.loads(line) for line in run("upload-link", "--json", "a.txt", "b.txt").lines]
    assert [each["method"] for each in facts] == ["PUT", "PUT"]
    assert all(each["headers"] and each["file_id"].startswith(f"s3:{DEFAULT_BUCKET}/") for each in facts)
    assert all(each["file_id"].rpartition("/")[2] in each["url"] for each in facts)


def test_a_line_stores_a_file_through_the_service_within_its_bounds(run: Run, folder: Path, service: str) -> None:
    (folder / NAME).write_bytes(b"given")
    (folder / "large.txt").write_bytes(bytes(11))
    lines = run("upload-link", "--max-size", "10", "--content-type", "text/plain", "--", NAME, "large.txt").lines
    assert all(service in line for line in lines)
    stored, refused = map(_pasted, lines)
    assert stored.returncode == 0, stored.stderr
    assert run("download", json.loads(stored.stdout)["file_id"], "-o", "-").out == "given"
    assert refused.returncode != 0
    assert b"413" in refused.stderr


def test_what_a_link_cannot_bound_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (run("upload-link", "a.txt").code, run("upload-link", "a.txt", "--service").code) == (4, 2)
    monkeypatch.setenv("S3PY_LINK_KEYS", f"k={'k' * 32}")
    assert run("upload-link", "a.txt", "--expires", "soon").code == 2
    assert "--metadata" in run("upload-link", "a.txt", "-m", "by=me").err


@pytest.mark.usefixtures("on_s3")
def test_a_bound_that_s3_does_not_know_is_refused(run: Run) -> None:
    result = run("upload-link", "a.txt", "--max-size", "10")
    assert (result.code, "--service" in result.err) == (2, True)

"""`s3py config` and `s3py doctor`: what is in force, what works, and what to do."""

import asyncio
import contextlib
import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

pytestmark = pytest.mark.timeout(90)

SECRET = "wJalrXUtnFEMI"


def _use(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"S3PY_{name}", value)


def _s3(server: S3Server) -> dict[str, str]:
    return {
        "MODE": "s3",
        "S3__ENDPOINT": server.endpoint,
        "S3__ACCESS_KEY_ID": server.access_key,
        "S3__SECRET_ACCESS_KEY": server.secret_key,
        "S3__DEFAULT_BUCKET": DEFAULT_BUCKET,
    }


def _found(out: str) -> dict[tuple[str, str], dict[str, str]]:
    return {(each["subject"], each["ability"]): each for each in map(json.loads, out.splitlines())}


def test_what_is_in_force_is_told_with_its_source_and_without_secrets(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use(
        monkeypatch,
        MODE="hybrid",
        S3__SECRET_ACCESS_KEY=SECRET,
        S3__PROXY=f"http://me:{SECRET}@127.0.0.1:3128",
        API_TOKEN=SECRET,
        FASTDFS__ADDRESS_MAP="10.0.0.5:23000=127.0.0.5:23000",
    )
    (folder / ".env").write_text(
        "S3PY_MODE=s3\nS3PY_S3__ENDPOINT=http://127.0.0.1:9000\ns3py_s3__access_key_id=ak\n"
        "S3PY_FASTDFS__TRACKER_SERVERS=127.0.0.1:22122, 127.0.0.2:22122\nS3PY_TOKENS__WEB__SHA256=" + "a" * 64 + "\n"
        "S3PY_TOKENS__WEB__SCOPES=list, read\n"
    )
    result = run("config", "--json")
    assert (result.code, result.err, SECRET in result.out) == (0, "", False)
    told = {each["variable"]: (each["value"], each["source"]) for each in map(json.loads, result.lines)}
    assert told["S3PY_MODE"] == ("hybrid", "environment")
    assert told["S3PY_S3__ENDPOINT"] == ("http://127.0.0.1:9000", ".env")
    assert told["S3PY_S3__ACCESS_KEY_ID"] == ("ak", ".env")
    assert (
        told["S3PY_S3__SECRET_ACCESS_KEY"]
        == told["S3PY_S3__PROXY"]
        == told["S3PY_API_TOKEN"]
        == ("(hidden)", "environment")
    )
    assert told["S3PY_FASTDFS__TRACKER_SERVERS"] == ("127.0.0.1:22122, 127.0.0.2:22122", ".env")
    assert told["S3PY_FASTDFS__ADDRESS_MAP"] == ("10.0.0.5:23000=127.0.0.5:23000", "environment")
    assert told["S3PY_TOKENS__WEB__SCOPES"] == ("list, read", ".env")
    assert told["S3PY_PORT"] == ("8000", "default")
    assert told["S3PY_MAX_FILE_SIZE"] == (None, "default")
    assert "S3PY_MIGRATION__LEDGER" not in told
    assert re.search(r"^S3PY_MODE +environment  hybrid$", run("config").out, re.MULTILINE)


def test_what_is_missing_is_an_error_behind_what_is_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, MODE="s3")
    result = run("config")
    assert (result.code, "S3PY_S3__ENDPOINT" in result.err) == (2, True)
    assert "S3PY_MODE" in result.out


def test_a_disk_that_is_well_lacks_only_links(run: Run, kept: Callable[[], list[str]]) -> None:
    result = run("doctor", "--json")
    verdicts = {ability: each["verdict"] for (_, ability), each in _found(result.out).items()}
    assert result.code == 0
    assert [ability for ability, verdict in verdicts.items() if verdict != "works"] == ["links"]
    assert not kept()


def test_s3_is_tried_and_left_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server) -> None:
    inspector = inspector_of(seaweedfs)
    before = asyncio.run(inspector.keys())
    _use(monkeypatch, **_s3(seaweedfs))
    result = run("doctor")
    assert (result.code, result.err) == (0, "")
    for ability in ("upload", "ranges", "listing", "copy", "links", "clocks", "conditional writes", "s3:PutObject"):
        assert re.search(rf"^works    s3: {ability}( |$)", result.out, re.MULTILINE), result.out
    assert re.search(
        r"^warning  s3: uploads that nobody ended are removed {14,}no rule .*\n +-> docs/", result.out, re.MULTILINE
    )
    seen = [line.index("by itself") for line in result.out.splitlines() if "s3: copy" in line]
    seen += [line.index("can be signed") for line in result.out.splitlines() if "s3: links" in line]
    assert seen[0] == seen[1], "what was seen stands in a column"
    assert asyncio.run(inspector.keys()) == before
    assert asyncio.run(inspector.unfinished_uploads()) == []


@pytest.mark.parametrize(
    ("wrong", "code", "mend"),
    [
        ({"S3__ENDPOINT": "http://127.0.0.1:1"}, 5, "check S3PY_S3__ENDPOINT"),
        ({"S3__SECRET_ACCESS_KEY": SECRET}, 1, "check S3PY_S3__ACCESS_KEY_ID"),
        ({"S3__DEFAULT_BUCKET": "not-there"}, 1, "S3PY_S3__CREATE_BUCKET_IF_MISSING=true"),
    ],
)
def test_what_is_wrong_comes_with_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server, wrong: dict[str, str], code: int, mend: str
) -> None:
    _use(monkeypatch, **(_s3(seaweedfs) | {"S3__PERF__MAX_RETRIES": "0"} | wrong))
    result = run("doctor", "--json")
    failed = [each for each in _found(result.out).values() if each["verdict"] == "fails"]
    assert (result.code, len(failed)) == (code, 1)
    assert mend in failed[0]["mend"]
    assert SECRET not in result.out + result.err


def test_settings_that_cannot_be_read_are_the_only_finding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, MODE="s3", PROT="1")
    result = run("doctor", "--json")
    assert result.code == 2
    (found,) = _found(result.out).values()
    assert (found["verdict"], "S3PY_PORT" in found["says"]) == ("fails", True)


@pytest.mark.timeout(60)
def test_fastdfs_is_looked_at_server_by_server(
    run: Run, monkeypatch: pytest.MonkeyPatch, fastdfs_site: FastdfsSite
) -> None:
    _use(monkeypatch, MODE="fastdfs", FASTDFS__TRACKER_SERVERS=",".join(fastdfs_site.trackers), BUCKETS="b")
    while True:  # a server that was started a moment ago has not told its version yet
        result = run("doctor", "--json")
        assert result.code == 0, result.out
        found = _found(result.out)
        servers = [each for (_, ability), each in found.items() if re.fullmatch(r"group1 127\.\S+", ability)]
        if any("version" in server["says"] for server in servers):
            break
    assert found["settings", "S3PY_BUCKETS"]["mend"] == "use S3PY_GROUPS"
    assert found["fastdfs", "upload"]["verdict"] == found["fastdfs", "delete"]["verdict"] == "works"
    assert found["fastdfs", "listing"]["verdict"] == "lacks"


@pytest.fixture
def service(started: Callable[..., subprocess.Popen[bytes]]) -> str:
    process = started("serve", "--port", "0", stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    return process.stdout.readline().decode().split()[2].rstrip(",")


def test_a_service_that_is_reached_directly_is_well(run: Run, service: str) -> None:
    found = _found(run("doctor", "--url", service, "--json").out)
    assert found["service", "reached"]["verdict"] == "works"
    assert found["service", "uploads arrive as they are sent"]["verdict"] == "works"
    assert found["service", "downloads arrive as they are sent"]["verdict"] == "works"


@pytest.fixture
def buffering(service: str) -> Iterator[str]:
    """A proxy in front of the service that waits for whole requests and whole responses."""
    host, port = service.removeprefix("http://").split(":")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve_buffered, args=(listening, (host, int(port))), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def _serve_buffered(listening: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        with client:
            request = b""
            while b"\r\n\r\n" not in request and (chunk := client.recv(65536)):
                request += chunk
            head, _, body = request.partition(b"\r\n\r\n")
            declared = re.search(rb"(?i)content-length: (\d+)", head)
            while declared and len(body) < int(declared[1]) and (chunk := client.recv(65536)):
                body += chunk
            if declared and len(body) < int(declared[1]):
                continue
            with socket.create_connection(target) as server:
                server.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + b"\r\n\r\n" + body)
                response = bytearray()
                while chunk := server.recv(1 << 20):
                    response += chunk
                with contextlib.suppress(OSError):  # who asked has left
                    client.sendall(response)


def test_a_proxy_that_buffers_is_found(run: Run, buffering: str) -> None:
    result = run("doctor", "--url", buffering, "--json")
    found = _found(result.out)
    assert found["service", "reached"]["verdict"] == "works"
    for direction, setting in (("uploads", "proxy_request_buffering off"), ("downloads", "proxy_buffering off")):
        told = found["service", f"{direction} arrive as they are sent"]
        assert (told["verdict"], setting in told["mend"], result.code) == ("warning", True, 0)


@pytest.fixture
def portal() -> Iterator[str]:
    """What responds to everything with a page of its own."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Log in to this network</title>")

        def log_message(self, *_arguments: object) -> None:
            """Tests have no use for it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_of_somebody_else_is_not_taken_for_the_service(run: Run, portal: str) -> None:
    result = run("doctor", "--url", portal, "--json")
    reached = _found(result.out)["service", "reached"]
    assert (result.code, reached["verdict"]) == (1, "fails")
    assert reached["says"] == "/health is answered with 200, and not by the service"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nonsense"])
def test_a_service_that_is_not_there_is_said_so(run: Run, url: str) -> None:
    result = run("doctor", "--url", url)
    assert result.code in {1, 2}
    assert url in result.out + result.err

"""Commands as processes: start, interruption, pipes and terminals."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.cli.conftest import Run

pytestmark = pytest.mark.slow

type Start = Callable[..., subprocess.Popen[bytes]]


def test_help_does_not_import_what_it_does_not_need() -> None:
    code = (
        "import sys\nfrom s3py_helper.entrypoints.cli import main\n"
        "try: main()\nexcept SystemExit: pass\nprint(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    heavy = {"fastapi", "uvicorn", "aioboto3", "aiofdfs", "pydantic", "dependency_injector", "asyncio"}
    assert not heavy & set(re.findall(r"'(\w+)'", done.stderr))


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_upload_leaves_nothing(
    started: Start, kept: Callable[[], list[str]], sent: signal.Signals, code: int
) -> None:
    process = started("upload", "-", "--name", "a.bin")
    assert process.stdin is not None
    process.stdin.write(bytes(4_000_000))
    process.stdin.flush()
    _until(kept)
    process.send_signal(sent)
    assert process.wait(20) == code
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert not kept()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_download_leaves_nothing(
    run: Run, started: Start, folder: Path, sent: signal.Signals, code: int
) -> None:
    (folder / "a.bin").write_bytes(bytes(4_000_000))
    file_id = run("upload", "a.bin").out.strip()
    # Nobody reads the pipe: the command waits in the middle of the file.
    process = started("zip", file_id, "-o", "-", "--compression", "never")
    assert process.stdout is not None
    assert process.stdout.read(1)
    process.send_signal(sent)
    assert process.wait(20) == code


def test_a_reader_that_leaves_ends_the_download_quietly(run: Run, started: Start, folder: Path) -> None:
    (folder / "a.bin").write_bytes(bytes(4_000_000))
    file_id = run("upload", "a.bin").out.strip()
    process = started("download", file_id, "-o", "-")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert (process.wait(20), process.stderr.read()) == (141, b"")


def test_a_reader_that_leaves_ends_a_listing_quietly(run: Run, started: Start, folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"content")
    file_id = run("upload", "a.bin").out.strip()
    process = started("info", file_id, file_id)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.wait(20), process.stderr.read()) == (141, b"")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Our side and theirs."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_a_terminal_shows_how_far_it_is(started: Start, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    process = started("upload", "-", "--name", "a.bin", stderr=theirs)
    os.close(theirs)
    assert process.stdin is not None
    process.stdin.write(bytes(4_000_000))
    process.stdin.flush()
    shown = b""
    while b"3.8 MiB" not in shown:
        shown += os.read(ours, 65536)
    assert b"a.bin" in shown
    process.stdin.close()
    process.stdin = None
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.startswith(b"fs:files/")


def test_what_is_shown_makes_way_for_results(started: Start, folder: Path, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    os.mkfifo(folder / "slow")
    (folder / "a.bin").write_bytes(b"a")
    # Output and errors on the same terminal, as people have them.
    process = started("upload", "slow", "a.bin", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with (folder / "slow").open("wb", buffering=0) as slow:
        slow.write(b"x" * 5000)
        while b"4.9 KiB" not in shown:
            shown += os.read(ours, 65536)
        assert b"0 of 2 files" in shown or b"1 of 2 files" in shown
    with contextlib.suppress(OSError):  # how Linux says that the other side has closed a terminal
        while chunk := os.read(ours, 65536):
            shown += chunk
    assert process.wait(20) == 0
    ids = [line for line in _on_the_screen(shown.decode()) if line]
    assert [line[:9] for line in ids] == ["fs:files/", "fs:files/"]


def _on_the_screen(shown: str) -> list[str]:
    """The lines that a terminal shows in the end, as far as the codes that are used here go."""
    lines, row = [""], 0
    for token in re.findall(r"\x1b\[1A|\x1b\[J|\r\n|\r|\n|[^\x1b\r\n]+", shown):
        match token:
            case "\x1b[1A":
                row -= 1
            case "\x1b[J":
                lines[row:] = [""]
            case "\r":
                pass  # what is written over a line is written after it was erased
            case "\r\n" | "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            case _:
                lines[row] += token
    return lines


def test_a_script_sees_no_progress(started: Start, folder: Path) -> None:
    (folder / "a.bin").write_bytes(bytes(1_000_000))
    out, err = started("upload", "a.bin").communicate(timeout=20)
    assert out.startswith(b"fs:files/")
    assert err == b""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_service_says_where_it_is_and_stops_when_told_to(
    started: Start, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    process = started("serve", "--port", "0", "--no-access-log", stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    announced = process.stdout.readline().decode()
    told = re.fullmatch(r"Listening on (http://127\.0\.0\.1:\d+), files go to (.*)\n", announced)
    assert told is not None, announced
    url, place = told.groups()
    assert place == str(tmp_path / "kept")
    attach = httpx.post(f"{url}/files/upload", files={"file": ("a.txt", b"content")}).json()
    assert httpx.get(f"{url}/files/{attach['file_id']}/download").content == b"content"
    process.send_signal(sent)
    assert process.wait(20) == code


def test_a_request_under_way_may_finish_when_the_service_is_stopped(started: Start) -> None:
    process = started("serve", "--port", "0", "--no-access-log", stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    url = process.stdout.readline().decode().split()[2].rstrip(",")
    content = os.urandom(30_000_000)
    file_id = httpx.post(f"{url}/files/upload", files={"file": ("a.bin", content)}, timeout=20).json()["file_id"]
    with httpx.stream("GET", f"{url}/files/{file_id}/download", timeout=20) as answer:
        chunks = answer.iter_raw()
        received = next(chunks)
        process.send_signal(signal.SIGTERM)
        _until(lambda: not _accepts(url))
        received += b"".join(chunks)
    assert received == content
    assert process.wait(20) == 0


def test_a_port_that_is_taken_is_said_so(started: Start) -> None:
    first = started("serve", "--port", "0", stderr=subprocess.DEVNULL)
    assert first.stdout is not None
    port = first.stdout.readline().decode().split()[2].rstrip(",").rsplit(":", 1)[1]
    out, err = started("serve", "--port", port).communicate(timeout=20)
    assert out == b""
    assert err == f"s3py: cannot listen on 127.0.0.1:{port}: Address already in use\n".encode()


def _accepts(url: str) -> bool:
    try:
        httpx.get(f"{url}/health", timeout=1)
    except httpx.TransportError:
        return False
    return True


def _until(condition: Callable[[], object], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_client_that_stalls_does_not_keep_a_stopped_service(started: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_DRAIN_SECONDS", "1")
    process = started("serve", "--port", "0", "--no-access-log", stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    url = process.stdout.readline().decode().split()[2].rstrip(",")
    file = {"file": ("a.bin", bytes(50_000_000))}
    file_id = httpx.post(f"{url}/files/upload", files=file, timeout=20).json()["file_id"]
    with httpx.stream("GET", f"{url}/files/{file_id}/download", timeout=20) as answer:
        next(answer.iter_raw())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

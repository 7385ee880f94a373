"""What the README shows works as it stands there."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL_COMMANDS = re.findall(r"^\$ (.+)$", README, re.MULTILINE)
SAMPLE_ID = re.compile(r"fs:files/[0-9a-f]{16}_README\.md")


@pytest.mark.parametrize("block", range(len(PYTHON_BLOCKS)))
def test_the_python_of_the_readme_runs(block: int, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", PYTHON_BLOCKS[block]], cwd=tmp_path, check=True, timeout=60)


def test_every_kind_of_block_was_found() -> None:
    assert len(PYTHON_BLOCKS) >= 3
    assert len([command for command in SHELL_COMMANDS if command.startswith("curl")]) >= 4


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """What `make run` starts, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    others = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")}
    environment = others | {"S3PY_MODE": "filesystem", "S3PY_FILESYSTEM__ROOT": "data"}
    command = [str(Path(sys.executable).with_name("s3py")), "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
        try:
            _wait_until_it_answers(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_a_newcomer_stores_describes_reads_and_deletes_a_file(service: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    file_id = ""
    for command in SHELL_COMMANDS:
        if not command.startswith("curl"):
            continue
        (tmp_path / "downloads").mkdir(exist_ok=True)
        typed = SAMPLE_ID.sub(file_id, command).replace("http://127.0.0.1:8000", service)
        typed = typed.replace("curl ", "curl --silent --show-error --fail ", 1).replace("@README", "@../README")
        result = subprocess.run(
            typed, shell=True, cwd=tmp_path / "downloads", check=True, capture_output=True, text=True, timeout=60
        )
        if " -F " in command:
            found = SAMPLE_ID.search(result.stdout)
            assert found, result.stdout
            file_id = found[0]
    assert (tmp_path / "downloads" / "README.md").read_text(encoding="utf-8") == README
    assert not list((tmp_path / "data" / "files").glob("*_README.md"))


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "the service ended"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"no answer from {url}")

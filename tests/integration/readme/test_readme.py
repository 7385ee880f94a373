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
CONSOLE_BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", range(len(PYTHON_BLOCKS)))
def test_the_python_of_the_readme_runs(block: int, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", PYTHON_BLOCKS[block]], cwd=tmp_path, check=True, timeout=60)


def test_every_kind_of_block_was_found() -> None:
    assert len(PYTHON_BLOCKS) >= 3
    assert len(CONSOLE_BLOCKS) >= 3


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
    [block] = [block for block in CONSOLE_BLOCKS if "/files/upload" in block]
    typed = "".join(re.findall(r"^\$ (.+\n)", block, re.MULTILINE)).replace("http://127.0.0.1:8000", service)
    typed = typed.replace("curl ", "curl --silent --show-error --fail ")
    result = subprocess.run(
        ["sh", "-e"], input=typed, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    assert re.match(r"fs:files/[0-9a-f]{16}_README\.md\n", result.stdout)
    assert (tmp_path / "copy.md").read_text(encoding="utf-8") == README
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

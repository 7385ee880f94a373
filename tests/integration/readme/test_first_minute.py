"""From a clone to a stored file in the browser, as the README says it, and out again with Ctrl-C."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.s3.ready import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[3]


class Terminal:
    """A command on a terminal of its own.

    Attributes:
        shown: What has been written to it.
    """

    def __init__(self, *command: str, folder: Path, environment: dict[str, str]) -> None:
        self.shown = ""
        self._process, self._ours = pty.fork()
        if self._process == 0:  # pragma: no cover - becomes the command
            os.chdir(folder)
            os.execvpe(command[0], command, environment)

    def read_until(self, found: Callable[[str], object], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not found(self.shown):
            assert time.monotonic() < end, self.shown
            if select.select([self._ours], [], [], 0.2)[0]:
                self.shown += os.read(self._ours, 65536).decode(errors="replace")

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ends(self) -> int:
        try:
            while chunk := os.read(self._ours, 65536):
                self.shown += chunk.decode(errors="replace")
        except OSError:
            pass  # how Linux says that the other side has closed a terminal
        os.close(self._ours)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if not (ROOT / ".git").exists():
        pytest.skip("these sources are no clone of a repository")
    folder = tmp_path / "s3py-helper"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True, timeout=120)
    return folder


def test_a_newcomer_stores_a_file_in_the_browser_and_leaves_with_ctrl_c(clone: Path, chromium: Browser) -> None:
    (port,) = free_ports(1)
    variables = ("S3PY_", "MAKE", "VIRTUAL_ENV", "COVERAGE", "COV_CORE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(variables)}
    terminal = Terminal("make", "run", f"ARGS=--port {port}", folder=clone, environment=environment)
    terminal.read_until(lambda shown: re.search(rf"Listening on http://127\.0\.0\.1:{port}", shown), seconds=400)

    page = chromium.new_page()
    try:
        page.goto(f"http://127.0.0.1:{port}")
        page.set_input_files("#files", clone / "README.md")
        expect(page.locator("#uploads li.done")).to_have_count(1, timeout=30_000)
        expect(page.locator("#rows li")).to_contain_text("README.md")
    finally:
        page.close()
    (kept,) = (clone / "data").rglob("*README.md")
    assert (clone / "README.md").read_bytes() in kept.read_bytes()

    terminal.types("\x03")
    assert terminal.ends() in {0, -signal.SIGINT}, terminal.shown
    assert not re.search(r"\*\*\*|Error|Traceback", terminal.shown), terminal.shown

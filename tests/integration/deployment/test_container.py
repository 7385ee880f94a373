"""The Dockerfile, built on a base of our own and run as the documentation runs it: read-only, without capabilities."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.base_image import missing_for_base_image, write_base_image

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

BASE, IMAGE = "s3py-helper-tests/base", "s3py-helper-tests/service"
TOKEN = "a token of the container"

type Docker = Callable[..., str]


@pytest.fixture(scope="module")
def run(docker: str) -> Docker:
    def run(*arguments: str, check: bool = True, seconds: float = 800) -> str:
        done = subprocess.run([docker, *arguments], capture_output=True, text=True, check=False, timeout=seconds)
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()

    return run


@pytest.fixture(scope="module")
def image(run: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if (reason := missing_for_base_image()) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("image")
    (folder / "wheels").mkdir()
    write_base_image(folder / "base.tar", folder / "wheels", Path.cwd())
    try:
        run("import", str(folder / "base.tar"), f"{BASE}:local")
        build = ("build", "--network", "none", "--file", "deploy/Dockerfile", "--build-arg", f"BASE={BASE}:local")
        run(*build, "--tag", f"{IMAGE}:local", ".")
        yield f"{IMAGE}:local"
    finally:
        run("image", "rm", "--force", f"{IMAGE}:local", f"{BASE}:local", check=False)


@pytest.fixture(scope="module")
def container(run: Docker, image: str) -> Iterator[str]:
    hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
    volume = run("volume", "create")
    name = run("run", "--detach", *hardened, "--volume", f"{volume}:/data", "--env", f"S3PY_API_TOKEN={TOKEN}", image)
    try:
        yield name
    finally:
        run("rm", "--force", name, check=False)
        run("volume", "rm", "--force", volume, check=False)


def _state(run: Docker, container: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(run("inspect", "--format", "{{json .State}}", container))
    return state


def test_it_becomes_healthy_by_its_own_check(run: Docker, container: str) -> None:
    end = time.monotonic() + 90
    while (state := _state(run, container))["Health"]["Status"] != "healthy":
        assert state["Running"], run("logs", container)
        assert time.monotonic() < end, state
        time.sleep(0.2)


ROUND_TRIP = f"""
import json, time, urllib.request
def ask(method, path, body=None, **headers):
    headers["Authorization"] = "Bearer {TOKEN}"
    request = urllib.request.Request("http://127.0.0.1:8000" + path, body, headers, method=method)
    return urllib.request.urlopen(request, timeout=10).read()
for _ in range(100):
    try: ask("GET", "/livez"); break
    except OSError: time.sleep(0.2)
stored = json.loads(ask("PUT", "/files/a.txt", b"in a container", **{{"Content-Type": "text/plain"}}))
assert ask("GET", f"/files/{{stored['file_id']}}/download") == b"in a container"
print(stored["file_id"])
"""


def test_files_are_stored_in_its_volume(run: Docker, container: str) -> None:
    file_id = run("exec", container, "python3", "-c", ROUND_TRIP)
    assert file_id.startswith("fs:files/")
    assert run("exec", container, "s3py", "ls") == file_id


def test_it_is_nobody_and_changes_nothing_but_its_volume(run: Docker, container: str) -> None:
    assert run("exec", container, "id", "-u") == "10001"
    for path in ("/opt/s3py/x", "/etc/x", "/x"):
        tried = run("exec", container, "sh", "-c", f"touch {path} 2>/dev/null && echo written || echo refused")
        assert tried == "refused", path


def test_it_ends_well_when_it_is_stopped(run: Docker, container: str) -> None:
    run("stop", "--time", "40", container)
    assert _state(run, container)["ExitCode"] == 0

"""The example store, installed as its package is built, in the real service and on the command line."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]

EXAMPLE = Path(__file__).parents[3] / "examples" / "sqlite_store"
S3PY = str(Path(sys.executable).with_name("s3py"))
SERVE = [S3PY, "serve", "--port", "0"]
CONTENT = os.urandom(3_000_000)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and its entry points: what an installer makes of the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(EXAMPLE)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")}
    return others | {
        "PYTHONPATH": str(installed),
        "S3PY_MODE": "mounted",
        "S3PY_MOUNTS": "sqlite",
        "SQLITE_STORE_PATH": str(tmp_path / "files.db"),
    }


@contextmanager
def _service(environment: dict[str, str], folder: Path) -> Iterator[httpx.Client]:
    with subprocess.Popen(SERVE, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            announced = process.stdout.readline()
            found = re.search(r"http://\S+?(?=,)", announced)
            assert found, announced
            with httpx.Client(base_url=found[0], timeout=20, trust_env=False) as client:
                yield client
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_the_service_stores_files_in_the_mounted_store(environment: dict[str, str], tmp_path: Path) -> None:
    with _service(environment, tmp_path) as client:
        attach = client.post("/files/upload", files={"file": ("отчёт.bin", CONTENT)}).json()
        assert attach["file_id"].startswith("sqlite:files/")
        path = f"/files/{quote(attach['file_id'])}"
        assert client.get(f"{path}/download").content == CONTENT
        part = client.get(f"{path}/download", headers={"Range": "bytes=1000000-1000009"})
        assert (part.status_code, part.content) == (206, CONTENT[1_000_000:1_000_010])
        assert client.get("/health").status_code == 200
    assert (tmp_path / "files.db").stat().st_size > len(CONTENT)
    with _service(environment, tmp_path) as client:
        assert client.get(f"{path}/info").json()["file_name"] == "отчёт.bin"
        assert client.delete(path).status_code == 200
        assert client.get(f"{path}/download").status_code == 404


def test_commands_use_the_mounted_store(environment: dict[str, str], tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [S3PY, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    (tmp_path / "a.bin").write_bytes(CONTENT)
    file_id = run("upload", "a.bin")
    assert file_id.startswith("sqlite:files/")
    run("download", file_id, "-o", "b.bin")
    assert (tmp_path / "b.bin").read_bytes() == CONTENT


def test_a_path_that_is_missing_stops_the_service_with_its_name(environment: dict[str, str], tmp_path: Path) -> None:
    del environment["SQLITE_STORE_PATH"]
    done = subprocess.run(SERVE, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "set SQLITE_STORE_PATH to the path of the database" in done.stderr
    assert "Traceback" not in done.stderr

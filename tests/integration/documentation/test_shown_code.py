"""The Python that README and documents show passes strict type checkers without plugins, and runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.documentation.blocks import ROOT, python_blocks, write

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

BIN = Path(sys.executable).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All blocks, in a project that has no plugins."""
    write(python_blocks(), tmp_path)
    return tmp_path


def _run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


def test_blocks_are_found() -> None:
    documents = {block.document for block in python_blocks()}
    assert documents >= {"README.md", "fastapi.md", "raw.md", "testing-your-app.md", "zip.md"}


def test_mypy_accepts_it(folder: Path) -> None:
    # The cache is kept: without it, all of the package and of FastAPI is read again.
    cache = ROOT / ".mypy_cache" / "documentation"
    _run(folder, sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}", ".")


def test_pyright_accepts_it(folder: Path) -> None:
    environment = {"venvPath": str(BIN.parent.parent), "venv": BIN.parent.name}
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"} | environment))
    _run(folder, BIN / "basedpyright")


def test_the_tests_of_an_application_pass(tmp_path: Path) -> None:
    write(python_blocks("testing-your-app.md"), tmp_path)
    options = ["-q", "-W", "error", f"--rootdir={tmp_path}", "-o", "asyncio_default_fixture_loop_scope=function"]
    _run(tmp_path, sys.executable, "-m", "pytest", *options)


def test_the_whole_service_starts_as_shown(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "fastapi.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^\$ uvicorn (.*)$", text, re.MULTILINE)
    _run(tmp_path, sys.executable, "-m", "uvicorn", *command.split())
    factory = command.split()[1]
    module, _, name = factory.partition(":")
    _run(tmp_path, sys.executable, "-c", f"from {module} import {name}; assert {name}().routes")


@pytest.mark.parametrize("number", range(3))
def test_the_applications_start_and_stop(tmp_path: Path, number: int) -> None:
    (tmp_path / "shown.py").write_text(python_blocks("fastapi.md")[number].code, encoding="utf-8")
    script = """
import asyncio
from shown import app

async def main():
    async with app.router.lifespan_context(app) as state:
        assert state

assert app.openapi()["paths"]
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr

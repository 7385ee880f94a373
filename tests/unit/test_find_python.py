"""The set-up finds an interpreter that works among those that only look like one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "find-python.sh"


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A PATH with the shell's own tools and no Python yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "sort"):
        (folder / tool).symlink_to(_which(tool))
    return folder


def _which(tool: str) -> Path:
    return next(path for folder in os.defpath.split(":") if folder and (path := Path(folder) / tool).exists())


def _script(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)


def _broken_shim(path: Path) -> None:
    _script(path, "echo 'shim: command not found' >&2", "exit 127")


def _working_python(path: Path) -> None:
    _script(path, f'exec "{sys.executable}" "$@"')


def _find(bin_folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(bin_folder), "HOME": str(bin_folder.parent), **environ}
    return subprocess.run(["/bin/sh", SCRIPT], env=environ, check=False, capture_output=True, text=True)


def test_a_shim_that_fails_is_passed_over(bin_folder: Path) -> None:
    _broken_shim(bin_folder / "python3.12")
    _working_python(bin_folder / "python3")
    assert _find(bin_folder).stdout.strip() == sys.executable


def test_a_python_that_is_too_old_is_passed_over(bin_folder: Path) -> None:
    _script(bin_folder / "python3", "exit 1")  # what the version check of an old Python comes to
    _working_python(bin_folder / "python")
    assert _find(bin_folder).stdout.strip() == sys.executable


def test_versions_of_pyenv_are_found_behind_their_shims(bin_folder: Path) -> None:
    _broken_shim(bin_folder / "python3")
    _working_python(bin_folder.parent / ".pyenv" / "versions" / "3.12.1" / "bin" / "python")
    assert _find(bin_folder).stdout.strip() == sys.executable


def test_an_interpreter_only_uv_knows_is_the_last_resort(bin_folder: Path) -> None:
    hidden = bin_folder.parent / "managed" / "python"
    _working_python(hidden)
    _script(bin_folder / "uv", f'echo "{hidden}"')
    assert _find(bin_folder).stdout.strip() == sys.executable


def test_the_named_interpreter_is_tried_first(bin_folder: Path) -> None:
    _script(bin_folder / "python3.14", "echo not me; exit 0")
    _working_python(bin_folder.parent / "mine")
    assert _find(bin_folder, PYTHON=str(bin_folder.parent / "mine")).stdout.strip() == sys.executable


def test_a_named_interpreter_that_fails_is_reported_and_passed_over(bin_folder: Path) -> None:
    _broken_shim(bin_folder / "python3.12")
    _working_python(bin_folder / "python3")
    found = _find(bin_folder, PYTHON="python3.12")
    assert "PYTHON=python3.12 is not a Python >= 3.12 that runs" in found.stderr
    assert found.stdout.strip() == sys.executable


def test_without_any_interpreter_the_message_says_what_to_do(bin_folder: Path) -> None:
    found = _find(bin_folder)
    assert found.returncode == 1
    assert "make PYTHON=/path/to/python3.12" in found.stderr

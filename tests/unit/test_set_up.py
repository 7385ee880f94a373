"""The first verb in a fresh clone makes the environment."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = """#!/bin/sh
[ "$1" = venv ] || exit 0
[ ! -e "$VENV" ] || { echo "not a virtual environment: $(ls -A "$VENV")"; exit 2; }
[ -z "$PYTHONPYCACHEPREFIX" ] || { echo "bytecode goes to $PYTHONPYCACHEPREFIX"; exit 2; }
mkdir -p "$VENV"
"""


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("setting", ["", "1"])
def test_nothing_is_written_where_the_environment_will_be(tmp_path: Path, setting: str) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV, encoding="utf-8")
    uv.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    environment |= {"PATH": f"{uv.parent}:{environment['PATH']}", "PYTHONDONTWRITEBYTECODE": setting}
    made = subprocess.run(
        ["make", "setup", f"VENV={tmp_path / 'env'}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert (tmp_path / "env" / ".made").exists()

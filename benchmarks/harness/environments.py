"""An environment of its own for each subject, made by uv when it is first needed or its requirements change."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.harness.paths import ENVIRONMENTS, PEERS, ROOT

OURS: Final = "s3py-helper"
"""The environment of this checkout, with its dependencies as locked for development."""

_INSTALL: Final = ("pip", "install", "--quiet", "--compile-bytecode")
_LOCK: Final = ROOT / "requirements" / "dev.txt"


@functools.cache
def python_of(environment: str) -> Path:
    """The interpreter of an environment, which exists and is up to date afterwards.

    The checkout is installed anew in each run, as a copy: what is edited meanwhile does not change what is measured.
    """
    folder = ENVIRONMENTS / environment
    requirements = [_LOCK, ROOT / "pyproject.toml"] if environment == OURS else [PEERS / f"{environment}.txt"]
    mark = folder / "made-from"
    fingerprint = _fingerprint(requirements)
    if not mark.is_file() or mark.read_text() != fingerprint:
        _make(environment, folder)
        mark.write_text(fingerprint)
    python = folder / "bin" / "python"
    if environment == OURS:
        _uv(*_INSTALL, "--python", str(python), "--no-deps", "--reinstall-package", OURS, str(ROOT))
    return python


def versions_in(environment: str) -> dict[str, str]:
    """Every package in it, by name."""
    listed = _uv("pip", "list", "--format", "json", "--python", str(python_of(environment)))
    return {package["name"]: package["version"] for package in json.loads(listed)}


def _make(environment: str, folder: Path) -> None:
    print(f"making the environment of {environment}", file=sys.stderr)
    # Every subject runs on the same interpreter: the one that runs the bench.
    interpreter = str(Path(sys.executable).resolve())
    _uv("venv", "--quiet", "--clear", "--no-project", "--python", interpreter, str(folder))
    python = ("--python", str(folder / "bin" / "python"))
    if environment == OURS:
        _uv(*_INSTALL, *python, "--constraints", str(_LOCK), f"{ROOT}[fast]")
    else:
        _uv(*_INSTALL, *python, "--no-deps", "--requirements", str(PEERS / f"{environment}.txt"))


def _fingerprint(files: list[Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _uv(*arguments: str) -> str:
    # The bootstrap script installs uv there where the system has none.
    uv = shutil.which("uv") or str(ROOT / ".venv-tools" / "bin" / "uv")
    # Like pip, trust the certificates of the system, as the bootstrap script does.
    environment = {"UV_SYSTEM_CERTS": "true"} | os.environ
    done = subprocess.run([uv, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout

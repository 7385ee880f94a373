"""An environment of its own for each set of peers, made by uv when it is first needed or its requirements change."""

import functools
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SCRATCH: Final = ROOT / ".bench"
RESULTS: Final = ROOT / "docs" / "benchmarks"

OURS: Final = "s3py-helper"
"""The environment of this checkout, with its dependencies as locked for development."""

_LOCK: Final = ROOT / "requirements" / "dev.txt"
_PEERS: Final = ROOT / "benchmarks" / "peers"


@functools.cache
def python_of(environment: str) -> Path:
    """The interpreter of an environment, which exists and is up to date afterwards.

    The checkout is installed anew in each run, as a copy: what is edited meanwhile does not change what is measured.
    """
    # Every subject runs on the same interpreter: the one that runs the bench.
    folder = SCRATCH / "environments" / f"{platform.python_version()}-{environment}"
    python = str(folder / "bin" / "python")
    if not folder.exists():
        _uv("venv", "--no-project", "--python", str(Path(sys.executable).resolve()), str(folder))
    if environment == OURS:
        install = ("pip", "install", "--compile-bytecode", "--python", python)
        _uv(*install, "--constraints", str(_LOCK), "--reinstall-package", OURS, f"{ROOT}[fast,postgres]")
    else:
        _uv("pip", "sync", "--compile-bytecode", "--python", python, str(_PEERS / f"{environment}.txt"))
    return Path(python)


def version_of(package: str, environment: str) -> str:
    """As pinned; empty for what is no package."""
    if environment == OURS:
        return version(package) if package else ""
    pins = (_PEERS / f"{environment}.txt").read_text()
    return "".join(re.findall(rf"^{package}==(.+)$", pins, flags=re.MULTILINE))


def _uv(*arguments: str) -> None:
    # The bootstrap script installs uv there where the system has none.
    uv = shutil.which("uv") or str(ROOT / ".venv-tools" / "bin" / "uv")
    # Like pip, trust the certificates of the system, as the bootstrap script does.
    environment = {"UV_SYSTEM_CERTS": "true"} | os.environ
    done = subprocess.run([uv, "--quiet", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(arguments)} failed: {done.stderr.strip()}")

"""The contracts between the layers hold, and each of them notices what it is there to forbid."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package beside a copy of its contracts, to break at will."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source = ROOT / "src" / "s3py_helper"
    return shutil.copytree(source, tmp_path / "src" / "s3py_helper", ignore=shutil.ignore_patterns("__pycache__"))


def _broken_contracts(package: Path) -> set[str]:
    # In an interpreter of its own, which finds the copy and not the package this process has installed.
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=package.parents[1],
        env={"PYTHONPATH": str(package.parent), "NO_COLOR": "1", "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    # A contract that ignores imports says so behind its verdict.
    return {line.partition(" BROKEN")[0] for line in done.stdout.splitlines() if re.search(r" BROKEN( \(.*\))?$", line)}


def test_the_package_keeps_every_contract(package: Path) -> None:
    assert _broken_contracts(package) == set()


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    [
        ("Imports point inwards", "domain/intruder.py", "s3py_helper.application"),
        ("Imports point inwards", "entrypoints/intruder.py", "s3py_helper.storage"),
        ("Imports point inwards", "storage/intruder.py", "s3py_helper.testing"),
        ("Imports point inwards", "storage/intruder.py", "s3py_helper.fastapi"),
        ("Imports point inwards", "fastapi/intruder.py", "s3py_helper.testing"),
        ("Imports point inwards", "new_layer.py", "s3py_helper.domain"),
        ("Only the container and the public face know the adapters", "entrypoints/intruder.py", "s3py_helper.adapters"),
        ("Adapters do not know each other", "adapters/filesystem/intruder.py", "s3py_helper.adapters.memory"),
        ("The contract kit needs only the ports", "testing/intruder.py", "s3py_helper.entrypoints"),
        (
            "Inside S3, imports point from the port to the wire",
            "adapters/s3/api/intruder.py",
            "s3py_helper.adapters.s3.session",
        ),
        (
            "The HTTP client of the S3 adapter knows nothing of S3",
            "adapters/s3/http/intruder.py",
            "s3py_helper.adapters.s3.config",
        ),
        (
            "Inside FastDFS, imports point from the port to the wire",
            "adapters/fastdfs/protocol/intruder.py",
            "s3py_helper.adapters.fastdfs.session",
        ),
        (
            "Inside the filesystem adapter, imports point from the port to the disk",
            "adapters/filesystem/disk/intruder.py",
            "s3py_helper.adapters.filesystem.session",
        ),
        ("Domain and application know no framework", "application/intruder.py", "fastapi"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(package: Path, contract: str, module: str, imported: str) -> None:
    (package / module).write_text(f"import {imported}\n", encoding="utf-8")
    assert contract in _broken_contracts(package)


def test_a_cycle_of_siblings_breaks_its_contract(package: Path) -> None:
    (package / "domain" / "chicken.py").write_text("import s3py_helper.domain.egg\n", encoding="utf-8")
    (package / "domain" / "egg.py").write_text("import s3py_helper.domain.chicken\n", encoding="utf-8")
    assert _broken_contracts(package) == {"Siblings form no cycle"}

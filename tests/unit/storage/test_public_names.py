"""The public face imports each name when it is first used."""

import ast
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import s3py_helper
from s3py_helper import storage
from s3py_helper.storage import fastdfs, fusion, s3raw


def public_names(module: ModuleType) -> list[str]:
    """The module's `__all__`, which is made at run time."""
    names: list[str] = module.__all__
    return names


def test_every_public_name_is_there() -> None:
    names = public_names(storage)
    for name in names:
        assert getattr(storage, name).__name__ == name
    assert set(names) <= set(dir(storage))


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Missing'"):
        _ = storage.Missing  # type: ignore[attr-defined]  # that is the point


@pytest.mark.parametrize("module", [storage, s3raw, fastdfs, fusion], ids=lambda module: module.__name__)
def test_type_checkers_see_what_is_imported_when_used(module: ModuleType) -> None:
    """Names and homes are listed twice: in imports, which type checkers read, and in a table for `__getattr__`."""
    source = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    block = next(node for node in source.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {
        alias.asname: getattr(import_module(imported.module or ""), alias.name)
        for imported in block.body
        if isinstance(imported, ast.ImportFrom)
        for alias in imported.names
    }
    assert {name: getattr(module, name) for name in public_names(module)} == seen


def test_the_root_has_the_same_names() -> None:
    assert public_names(s3py_helper) == public_names(storage)
    assert s3py_helper.StorageManager is storage.StorageManager
    assert {"StorageManager", "__version__"} <= set(dir(s3py_helper))
    with pytest.raises(AttributeError, match="'s3py_helper' has no attribute 'Missing'"):
        _ = s3py_helper.Missing  # type: ignore[attr-defined]  # that is the point


def test_the_root_knows_the_version() -> None:
    assert s3py_helper.__version__ == version("s3py-helper")


def test_the_root_imports_nothing_of_its_own() -> None:
    script = "import sys, s3py_helper; assert [n for n in sys.modules if n.startswith('s3py')] == ['s3py_helper']"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_exceptions_come_without_the_settings() -> None:
    script = "import sys; from s3py_helper.storage import FileNotFoundException; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

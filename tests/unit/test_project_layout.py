"""The promises of the repository itself: its links, its verbs, its declared dependencies and what it packs."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "s3py_helper"
VERBS = (
    *("run", "test", "test-unit", "fuzz", "lint", "types", "arch", "check"),
    *("bench", "guard", "docs", "lock", "wheel", "clean"),
)
LAYERS = ("domain", "application", "adapters", "entrypoints")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_is_linked_at_the_root(layer: str) -> None:
    link = ROOT / layer
    assert link.is_symlink()
    assert link.readlink() == Path("src/s3py_helper") / layer
    assert (link / "__init__.py").is_file()


def test_the_root_has_no_other_links() -> None:
    assert {path.name for path in ROOT.iterdir() if path.is_symlink()} == set(LAYERS)


def test_every_folder_of_the_package_is_a_regular_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("verb", VERBS)
def test_make_alone_prints_the_verb(verb: str) -> None:
    printed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert re.search(rf"^  make {verb} +\S", printed, flags=re.MULTILINE)


def test_the_architecture_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:domain|application|adapters|entrypoints)/[\w/]+\.py)`", text))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (PACKAGE / path).is_file()] == []


def test_the_packages_of_examples_are_tested_and_checked_like_the_rest() -> None:
    tools = PYPROJECT["tool"]
    packages = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/*/src"))
    assert packages
    assert "examples" in tools["pytest"]["ini_options"]["testpaths"]
    for package in packages:
        assert package in tools["pytest"]["ini_options"]["pythonpath"]
        assert package in tools["mypy"]["mypy_path"]
        assert package in tools["basedpyright"]["include"]
        assert package in tools["ruff"]["src"]


def _third_party_imports(folder: Path) -> Iterator[tuple[str, str]]:
    """The top-level modules from outside, each with the file that imports it."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    modules = [alias.name for alias in names]
                case ast.ImportFrom(module=str(module)):
                    modules = [module]
                case _:
                    continue
            for module in modules:
                top = module.partition(".")[0]
                if top != "s3py_helper" and top not in sys.stdlib_module_names:
                    yield top, path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    ("layer", "allowed"),
    [("domain", {"pydantic"}), ("application", {"isal"})],
)
def test_an_inner_layer_imports_only_what_it_may(layer: str, allowed: set[str]) -> None:
    assert [found for found in _third_party_imports(PACKAGE / layer) if found[0] not in allowed] == []


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_imported_distribution_is_a_declared_dependency() -> None:
    extras: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
    requirements: list[str] = [*PYPROJECT["project"]["dependencies"], *itertools.chain(*extras.values())]
    declared = {_normalized(re.split(r"[\[<>=~!; ]", requirement, maxsplit=1)[0]) for requirement in requirements}
    distributions = packages_distributions()
    # Whoever runs the contract kit has a test runner already; other databases than SQLite come with an extra.
    declared |= {"pytest", "sqlalchemy"}
    assert PYPROJECT["project"]["optional-dependencies"]["sql"] == ["sqlalchemy>=2.0"]
    missing = [
        (module, file)
        for module, file in _third_party_imports(PACKAGE)
        if declared.isdisjoint(map(_normalized, distributions.get(module, [])))
    ]
    assert missing == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in the wheel that a release would hold: built from the sdist, as `python -m build` does."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out], cwd=ROOT, check=True, capture_output=True
    )
    [path] = out.glob("*.whl")
    return zipfile.ZipFile(path).namelist()


@pytest.mark.slow
def test_the_wheel_has_exactly_one_top_level_package(wheel: list[str]) -> None:
    tops = {PurePosixPath(name).parts[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"s3py_helper"}


@pytest.mark.slow
def test_the_wheel_is_typed(wheel: list[str]) -> None:
    assert "s3py_helper/py.typed" in wheel


@pytest.mark.slow
def test_the_wheel_holds_every_module_once(wheel: list[str]) -> None:
    modules = sorted(name for name in wheel if name.endswith(".py"))
    expected = sorted(path.relative_to(PACKAGE.parent).as_posix() for path in PACKAGE.rglob("*.py"))
    assert modules == expected


@pytest.mark.slow
def test_the_wheel_holds_what_pages_load(wheel: list[str]) -> None:
    browser = PACKAGE / "entrypoints" / "http" / "browser"
    assets = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in browser.rglob("*.*")
        if path.suffix not in {".py", ".pyc"}
    }
    assert len(assets) > 20
    assert assets <= set(wheel)

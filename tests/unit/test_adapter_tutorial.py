"""docs/writing-an-adapter.md shows examples/sqlite_store: each block is a piece of a file, and no piece is missing."""

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

from s3py_helper.testing import (
    Harness,
    HealthContract,
    ListingContract,
    PresignedUrlsContract,
    ServerSideCopyContract,
)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "sqlite_store"
DOCUMENT = ROOT / "docs" / "writing-an-adapter.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```', TEXT, re.MULTILINE | re.DOTALL)

WHOLE = [
    "pyproject.toml",
    *(path.relative_to(EXAMPLE).as_posix() for path in sorted((EXAMPLE / "src").rglob("*.py"))),
    "tests/test_contract.py",
]
"""Files that the document shows from their first line to their last; of others it shows parts."""


def _lines(name: str) -> list[str]:
    return (EXAMPLE / name).read_text(encoding="utf-8").splitlines()


def _place(lines: list[str], piece: list[str]) -> int:
    places = [at for at in range(len(lines) - len(piece) + 1) if lines[at : at + len(piece)] == piece]
    assert len(places) == 1, f"found {len(places)} times: {piece[0]!r} ..."
    return places[0]


def test_blocks_are_found() -> None:
    assert set(WHOLE) <= {name for name, _ in BLOCKS}
    assert len(WHOLE) >= 8


@pytest.mark.parametrize(("name", "piece"), BLOCKS, ids=[f"{name} {piece.split()[1]}" for name, piece in BLOCKS])
def test_a_block_is_a_piece_of_its_file(name: str, piece: str) -> None:
    _place(_lines(name), piece.splitlines())


@pytest.mark.parametrize("name", WHOLE)
def test_the_blocks_of_a_file_are_all_of_it(name: str) -> None:
    lines = _lines(name)
    shown = Counter[int]()
    for piece in [piece.splitlines() for of, piece in BLOCKS if of == name]:
        at = _place(lines, piece)
        shown.update(range(at, at + len(piece)))
    missing = [line for number, line in enumerate(lines) if line and not shown[number]]
    assert missing == []
    assert set(shown.values()) == {1}, "a line is shown once"


def test_links_lead_somewhere() -> None:
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", prose)
    assert targets
    for target in targets:
        assert (DOCUMENT.parent / target).exists(), target


@pytest.mark.parametrize(
    "contract", [Harness, ListingContract, ServerSideCopyContract, PresignedUrlsContract, HealthContract]
)
def test_everything_that_an_author_can_say_about_a_backend_is_named(contract: type[Harness]) -> None:
    fixture = type(vars(Harness)["store"])
    facts = [name for name, value in vars(contract).items() if isinstance(value, fixture) or name.endswith("_of")]
    for name in (*facts, *inspect.get_annotations(contract)):
        assert re.search(rf"\b{name}\b", TEXT), name

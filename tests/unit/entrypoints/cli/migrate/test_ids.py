"""Ids from lists and from the folders of store paths."""

import io
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TextIO

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.cli.migration import ids
from s3py_helper.entrypoints.cli.migration.ids import lines_of, names_in_folder


async def test_a_list_is_read_line_by_line_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[TextIO] = []

    open_file = ids._opened  # noqa: SLF001 - who opens it has to close it

    def noting(name: str) -> TextIO:
        opened.append(open_file(name))
        return opened[-1]

    monkeypatch.setattr(ids, "_opened", noting)
    (tmp_path / "list").write_text("one\n\ntwo", "utf-8")
    assert [line async for line in lines_of(str(tmp_path / "list"))] == ["one\n", "\n", "two"]
    async with aclosing(lines_of(str(tmp_path / "list"))) as lines:  # type: ignore[type-var]  # it is a generator
        assert await anext(lines) == "one\n"
    assert [file.closed for file in opened] == [True, True]


async def test_what_is_no_utf_8_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"caf\xe9\n")
    assert [line async for line in lines_of(str(tmp_path / "list"))] == ["caf\N{REPLACEMENT CHARACTER}\n"]


async def test_standard_input_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.StringIO("one\ntwo\n")
    monkeypatch.setattr(sys, "stdin", given)
    assert [line async for line in lines_of("-")] == ["one\n", "two\n"]
    assert not given.closed


async def test_a_folder_has_files_two_levels_below_but_no_metadata(tmp_path: Path) -> None:
    for name in (
        "00/0A/one",
        "00/0A/one.txt-m",
        "FF/FF/two",
        "0G/00/no",
        "00/three",
        "sync/00/00/no",
        "00/00/a/no",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = {name async for name in names_in_folder(f"group1/M0A={tmp_path}")}
    assert names == {"group1/M0A/00/0A/one", "group1/M0A/FF/FF/two", "group1/M0A/00/00/a"}


async def test_a_large_folder_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "00/00").mkdir(parents=True)
    for number in range(7):
        (tmp_path / f"00/00/{number}").touch()
    monkeypatch.setattr(ids, "_NAMES_AT_ONCE", 3)
    pieces: list[int] = []
    next_names = ids._next_names  # noqa: SLF001 - each is a visit to a thread

    def noting(walk: Iterator[Path], root: Path) -> list[str]:
        names = next_names(walk, root)
        pieces.append(len(names))
        return names

    monkeypatch.setattr(ids, "_next_names", noting)
    assert len({name async for name in names_in_folder(f"g/M00={tmp_path}")}) == 7
    assert pieces == [3, 3, 1, 0]


@pytest.mark.parametrize("text", ["g/M00", "M00=.", "g/M0=.", "g/m00=.", "g/M000=.", "g/M0g=.", "gM00=."])
async def test_a_folder_is_named_with_its_place(text: str) -> None:
    with pytest.raises(InvalidArgumentException, match=f"'{text}' is not GROUP/Mxx=FOLDER, e.g. group1/M00="):
        await anext(names_in_folder(text))

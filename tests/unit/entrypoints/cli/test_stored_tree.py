"""Which files of storage a folder means, and which of several with one name."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli.local_tree import Patterns
from s3py_helper.entrypoints.cli.stored_tree import StoredFile, stored_files

EVERYTHING = Patterns()
OLD, NEW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)


async def _found(
    *listed: tuple[str, datetime | None], folders: tuple[str, ...] = ("f/",), patterns: Patterns = EVERYTHING
) -> list[StoredFile]:
    async def list_files(prefix: str, bucket: object) -> AsyncIterator[FileBasicInfo]:
        assert bucket == "k"
        for key, moment in listed:
            if key.startswith(prefix):
                yield FileBasicInfo(file_id=f"s3:k/{key}", file_size=7, last_modify_time=moment)

    services: Any = SimpleNamespace(list_service=SimpleNamespace(list_files=list_files))
    return await stored_files(services, folders, "k", patterns)


@pytest.mark.parametrize(
    ("first", "second", "fetched"),
    [(OLD, NEW, "b"), (NEW, OLD, "a"), (None, NEW, "b"), (NEW, None, "a"), (None, None, "a"), (OLD, OLD, "a")],
)
async def test_of_several_with_one_name_the_newest_is_fetched(
    capsys: pytest.CaptureFixture[str], first: datetime | None, second: datetime | None, fetched: str
) -> None:
    ids = {letter: f"f/{letter * 16}_x.txt" for letter in "ab"}
    found = await _found((ids["a"], first), (ids["b"], second))
    assert [file.file_id for file in found] == [f"s3:k/{ids[fetched]}"]
    assert capsys.readouterr().err == "s3py: 1 files have a newer one of the same name, which is fetched alone\n"


async def test_files_keep_their_folders_as_they_were_written(capsys: pytest.CaptureFixture[str]) -> None:
    listed = [("f/b/two", OLD), ("f/one", OLD), ("f/a~20b/three", OLD), ("g/four", OLD)]
    expected = [("f/one", "."), ("f/a~20b/three", "a b"), ("f/b/two", "b")]
    found = await _found(*listed)
    assert sorted(found, key=lambda file: file.file_id) == sorted(
        (StoredFile(f"s3:k/{key}", PurePosixPath(folder), 7) for key, folder in expected),
        key=lambda file: file.file_id,
    )
    [below] = await _found(*listed, folders=("f/b",))
    assert below == StoredFile("s3:k/f/b/two", PurePosixPath("b"), 7)
    assert len(await _found(*listed, folders=("/",))) == 4
    assert capsys.readouterr().err == ""


async def test_only_what_is_wanted_is_fetched() -> None:
    found = await _found(("f/a.jpg", OLD), ("f/b.txt", OLD), patterns=Patterns(("*.jpg",), ()))
    assert [file.file_id for file in found] == ["s3:k/f/a.jpg"]

"""Names beyond what memory holds."""

import tempfile
import tracemalloc
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.name_spool import NameSpool

_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\n" not in name)


@given(st.lists(st.lists(_NAMES, max_size=8), max_size=20), st.integers(1, 30))
def test_each_name_comes_once_and_in_order(batches: list[list[bytes]], in_memory: int) -> None:
    with NameSpool(None, in_memory) as spool:
        for batch in batches:
            spool.add(batch)
            if spool.is_full:
                spool.flush()
        assert list(spool.sorted()) == sorted({name for batch in batches for name in batch})


def test_names_may_be_longer_than_what_is_read_at_once() -> None:
    names = [bytes([65 + number]) * 20_000 for number in range(5)]
    with NameSpool(None, 2) as spool:
        for name in names:
            spool.add([name])
            if spool.is_full:
                spool.flush()
        assert list(spool.sorted()) == names


@pytest.mark.slow
def test_memory_does_not_grow_with_the_names() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        with NameSpool(None, 5_000) as spool:
            for start in range(0, count, 1000):
                spool.add(b"M00/00/00/%040d.txt" % (number * 7919 % count) for number in range(start, start + 1000))
                if spool.is_full:
                    spool.flush()
            assert sum(1 for _ in spool.sorted()) == count
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(200_000) < peak(20_000) + 4_000_000, "18 MB more if they were kept"


def test_few_names_need_no_file(tmp_path: Path) -> None:
    with NameSpool(tmp_path / "there is no such folder", 10) as spool:
        spool.add([b"b", b"a", b"b"])
        assert not spool.is_full
        assert list(spool.sorted()) == [b"a", b"b"]


def test_a_file_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    with NameSpool(tmp_path / "there is no such folder", 2) as spool:
        spool.add([b"a", b"b"])
        assert spool.is_full
        with pytest.raises(FileNotFoundError):
            spool.flush()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[IO[bytes]]:
    """The temporary files that were made."""
    files: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def noted(dir: Path) -> IO[bytes]:  # noqa: A002 - its name there
        files.append(make(dir=dir))
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    return files


def test_the_file_is_gone_with_the_spool(tmp_path: Path, opened: list[IO[bytes]]) -> None:
    with NameSpool(tmp_path, 1) as spool:
        spool.add([b"a"])
        spool.flush()
        assert [file.closed for file in opened] == [False]
        assert not list(tmp_path.iterdir()), "it has no name"
    assert [file.closed for file in opened] == [True]


@pytest.mark.timeout(10)
def test_a_file_that_has_lost_its_end_is_an_error_of_the_system(tmp_path: Path, opened: list[IO[bytes]]) -> None:
    with NameSpool(tmp_path, 2) as spool:
        spool.add([b"first", b"second"])
        spool.flush()
        opened[0].truncate(8)
        with pytest.raises(OSError, match="shorter than it was"):
            list(spool.sorted())

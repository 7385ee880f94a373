import pytest

from s3py_helper.adapters.fastdfs.routing import tombstones as deletions
from s3py_helper.adapters.fastdfs.routing.tombstones import Tombstones
from s3py_helper.domain.file_id import FileId


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(deletions, "monotonic", lambda: now[0])
    return now


def _file(number: int) -> FileId:
    return FileId.parse(f"group1/M00/00/00/{number:040}")


def test_a_deletion_is_remembered_for_a_minute(clock: list[float]) -> None:
    deleted = Tombstones()
    deleted.add(_file(1))
    assert _file(1) in deleted
    assert _file(2) not in deleted
    clock[0] += 59
    assert _file(1) in deleted
    clock[0] += 2
    assert _file(1) not in deleted


def test_the_memory_does_not_grow_for_ever(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert deletions._REMEMBERED_FILES == 10_000  # noqa: SLF001 - what a megabyte or two hold
    monkeypatch.setattr(deletions, "_REMEMBERED_FILES", 100)
    deleted = Tombstones()
    for number in range(150):
        deleted.add(_file(number))
    assert len(deleted) == 100
    assert _file(49) not in deleted
    assert _file(50) in deleted
    assert _file(149) in deleted
    clock[0] += 100
    deleted.add(_file(1))
    assert len(deleted) == 1

"""The root of a store: whether it is still there, what was made to last, and what a look at its health leaves."""

import errno
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk import disk as module
from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.incoming import probe
from s3py_helper.domain.errors import StorageUnavailableException


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    disk = Disk(tmp_path / "root", durability=True)
    disk.open()
    yield disk
    disk.close()
    disk.close()


@pytest.fixture
def synced(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were synced, by their names."""
    names: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda folder: names.append(Path(f"/proc/self/fd/{folder}").readlink().name))
    return names


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_root_that_is_where_it_was_is_there(disk: Disk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk.require_root()
    monkeypatch.chdir(tmp_path)
    relative = Disk(Path("root"), durability=False)
    relative.open()
    monkeypatch.chdir("/")
    relative.require_root()
    relative.close()


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_one_that_is_not_makes_everything_unavailable(disk: Disk, how: str) -> None:
    disk.path.rename(disk.path.with_name("elsewhere"))
    if how == "replaced":
        disk.path.mkdir()
    for look in (disk.require_root, lambda: probe(disk)):
        with pytest.raises(StorageUnavailableException, match=r"root was removed, unmounted or replaced meanwhile"):
            look()


def test_one_that_cannot_be_looked_at_is_not_said_to_be_gone(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    disk.require_root()


def test_each_folder_is_made_to_last_once(disk: Disk, synced: list[str]) -> None:
    folder = disk.path / "bucket" / "a" / "b"
    folder.mkdir(parents=True)
    names = [b"bucket", b"a", b"b"]
    for expected in (["b", "root", "bucket", "a"], ["b"]):
        opened = os.open(folder, os.O_RDONLY)
        disk.make_lasting(opened, names)
        os.close(opened)
        assert synced == expected, "the folder itself, and what names each on the way"
        synced.clear()


def test_a_folder_that_was_removed_is_forgotten_and_a_bucket_stays(disk: Disk, synced: list[str]) -> None:
    names = [b"bucket", b"a", b"b"]
    for _ in range(2):
        (disk.path / "bucket" / "a" / "b").mkdir(parents=True)
        opened = os.open(disk.path / "bucket" / "a" / "b", os.O_RDONLY)
        disk.make_lasting(opened, names)
        os.close(opened)
        disk.remove_empty(names)
        assert [path.name for path in (disk.path / "bucket").iterdir()] == []
    assert synced == ["b", "root", "bucket", "a", "b", "bucket", "a"]
    (disk.path / "bucket" / "a" / "b").mkdir(parents=True)
    (disk.path / "bucket" / "a" / "file").touch()
    disk.remove_empty(names)
    assert [path.name for path in (disk.path / "bucket" / "a").iterdir()] == ["file"]
    disk.remove_empty([b"bucket", b"none", b"c"])


def test_what_is_known_to_last_does_not_grow_without_end(
    disk: Disk, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 3)
    for number in range(9):
        (disk.path / f"bucket-{number}").mkdir()
        opened = os.open(disk.path / f"bucket-{number}", os.O_RDONLY)
        disk.make_lasting(opened, [f"bucket-{number}".encode()])
        os.close(opened)
        assert len(disk._lasting) <= 3  # noqa: SLF001 - its size is not seen from outside
    assert synced.count("root") == 9


def test_a_sync_that_fails_leaves_no_folder_open(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    (disk.path / "bucket").mkdir()
    before = _descriptors()
    opened = os.open(disk.path / "bucket", os.O_RDONLY)
    calls: list[int] = []

    def fail_later(folder: int) -> None:
        calls.append(folder)
        if len(calls) > 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail_later)
    with pytest.raises(OSError, match="Input/output error"):
        disk.make_lasting(opened, [b"bucket"])
    os.close(opened)
    assert _descriptors() == before


def test_without_durability_nothing_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _folder: pytest.fail("nobody asked for it"))
    disk = Disk(tmp_path / "a" / "b", durability=False)
    disk.open()
    disk.make_lasting(disk.root, [])
    disk.close()


def test_a_root_that_is_made_is_made_to_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda folder: names.append(Path(f"/proc/self/fd/{folder}").readlink().name))
    before = _descriptors()
    for expected in ([tmp_path.name, "a"], []):
        disk = Disk(tmp_path / "a" / "b", durability=True)
        disk.open()
        assert names == expected
        names.clear()
        disk.close()
    assert _descriptors() == before


@pytest.mark.parametrize("fails", [False, True])
def test_a_look_at_its_health_leaves_nothing(disk: Disk, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    before = _descriptors()
    if fails:

        def full(_file: int, _data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            probe(disk)
        monkeypatch.undo()
    else:
        probe(disk)
    assert _descriptors() == before
    assert list((disk.path / ".incoming").iterdir()) == []

import errno
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.incoming import new_incoming, sweep


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    disk = Disk(tmp_path, durability=False)
    disk.open()
    yield disk
    disk.close()


def _names(disk: Disk) -> list[str]:
    return [path.name for path in (disk.path / ".incoming").iterdir()]


def test_what_is_being_written_is_not_swept_and_what_was_left_is(disk: Disk) -> None:
    file, name = new_incoming(disk)
    left, _ = new_incoming(disk)
    os.close(left)
    assert sweep(disk) == 1
    assert _names(disk) == [name]
    os.close(file)
    assert sweep(disk) == 1
    assert _names(disk) == []


def test_a_sweeper_that_comes_between_creating_and_locking_only_costs_another_try(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    swept: list[int] = []

    def flock_late(file: int, operation: int) -> None:
        if not swept:
            swept.append(0)
            swept[0] = sweep(disk)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    before = len(list(Path("/proc/self/fd").iterdir()))
    file, name = new_incoming(disk)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    assert swept == [1]
    assert _names(disk) == [name]
    assert os.fstat(file).st_nlink == 1
    os.close(file)


def test_a_sweeper_that_comes_before_a_failing_lock_hides_no_error(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken_away(_file: int, _operation: int) -> None:
        for name in _names(disk):
            (disk.path / ".incoming" / name).unlink()
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", taken_away)
    with pytest.raises(OSError, match="No locks"):
        new_incoming(disk)


def test_who_may_read_a_file_is_the_operator_s_choice(disk: Disk) -> None:
    umask = os.umask(0o027)
    try:
        file, _ = new_incoming(disk)
    finally:
        os.umask(umask)
    assert os.fstat(file).st_mode & 0o777 == 0o640
    os.close(file)


def test_a_disk_without_locks_is_told_and_leaves_nothing(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match="No locks"):
        new_incoming(disk)
    assert _names(disk) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_no_upload_has_made_does_not_stop_sweeping(disk: Disk) -> None:
    (disk.path / ".incoming" / "folder").mkdir()
    (disk.path / ".incoming" / "link").symlink_to("/etc/hostname")
    left, _ = new_incoming(disk)
    os.close(left)
    assert sweep(disk) == 1
    assert sorted(_names(disk)) == ["folder", "link"]

import errno
import fcntl
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.disk.trailer import Trailer
from s3py_helper.adapters.filesystem.disk.verified import VerifiedFiles
from s3py_helper.adapters.filesystem.reader import BlobReader
from s3py_helper.adapters.filesystem.writer import BlobWriter
from s3py_helper.domain.errors import IntegrityException, StorageOperationException

PLACE = DiskPath((b"files", b"a"), b"name")
TRAILER = Trailer(3, 0x352441C2, datetime(2026, 11, 23, tzinfo=UTC), "name", "text/plain")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    disk = Disk(tmp_path, durability=False)
    disk.open()
    return disk


def _files(disk: Disk) -> list[str]:
    return [path.name for path in disk.path.rglob("*") if path.is_file()]


def test_a_file_stays_once_its_writer_keeps_it(disk: Disk) -> None:
    writer = BlobWriter(disk, PLACE)
    writer.finish([b"abc"], TRAILER)
    writer.keep()
    writer.release()
    assert _files(disk) == ["name"]


def test_a_finished_file_that_nobody_kept_is_withdrawn(disk: Disk) -> None:
    writer = BlobWriter(disk, PLACE)
    writer.finish([b"abc"], TRAILER)
    assert _files(disk) == ["name"]
    writer.release()
    writer.release()
    assert _files(disk) == []
    with pytest.raises(StorageOperationException, match="not open"):
        writer.keep()


def test_where_there_are_no_links_one_at_a_time_looks_and_renames(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    flock, rename = fcntl.flock, os.rename

    def locked(file: int, how: int) -> None:
        assert how == fcntl.LOCK_EX
        steps.append(f"lock {Path(f'/proc/self/fd/{file}').readlink().name}")
        flock(file, how)

    def renamed(source: str, target: bytes, **where: int) -> None:
        steps.append(f"rename {target.decode()}")
        rename(source, target, **where)

    writer = BlobWriter(disk, PLACE)
    writer.append([b"abc"])
    monkeypatch.setattr(fcntl, "flock", locked)
    monkeypatch.setattr(os, "rename", renamed)
    writer.finish([], TRAILER)
    writer.keep()
    assert steps == ["lock a", "rename name"]
    other = BlobWriter(disk, PLACE)
    with pytest.raises(FileExistsError):
        other.finish([b"xyz"], TRAILER)
    other.release()
    assert _files(disk) == ["name"]


def test_work_that_starts_after_the_release_does_nothing(disk: Disk) -> None:
    writer = BlobWriter(disk, PLACE)
    writer.release()
    with pytest.raises(StorageOperationException):
        writer.append([b"abc"])
    with pytest.raises(StorageOperationException):
        writer.finish([b"abc"], TRAILER)
    assert _files(disk) == []


def test_a_release_waits_for_work_under_way(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reached, go_on = BlobWriter(disk, PLACE), threading.Event(), threading.Event()
    link = os.link

    def slow_link(*args: object, **kwargs: object) -> None:
        reached.set()
        go_on.wait(5)
        link(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(os, "link", slow_link)
    finishing = threading.Thread(target=writer.finish, args=([b"abc"], TRAILER))
    finishing.start()
    reached.wait(5)
    releasing = threading.Thread(target=writer.release)
    releasing.start()
    assert releasing.is_alive()
    go_on.set()
    finishing.join()
    releasing.join()
    assert writer.released
    assert _files(disk) == []


def test_a_folder_that_a_deletion_removes_just_before_the_file_gets_its_place_is_made_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link
    folder = disk.path / "files" / "a"
    attempts = iter(range(3))

    def link_too_late(*args: object, **kwargs: object) -> None:
        if next(attempts) < 2:
            folder.rmdir()
        link(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(os, "link", link_too_late)
    writer = BlobWriter(disk, PLACE)
    writer.finish([b"abc"], TRAILER)
    writer.keep()
    assert _files(disk) == ["name"]


def test_an_upload_whose_file_is_taken_away_is_told(disk: Disk) -> None:
    writer = BlobWriter(disk, PLACE)
    writer.append([b"abc"])
    for path in (disk.path / ".incoming").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError):
        writer.finish([], TRAILER)
    writer.release()
    assert sorted(path.name for path in disk.path.iterdir()) == [".incoming", "files"]
    assert list((disk.path / "files").iterdir()) == []


def test_a_file_that_is_exchanged_for_a_pipe_while_it_is_opened_is_not_waited_for(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = BlobWriter(disk, PLACE)
    writer.finish([b"abc"], TRAILER)
    writer.keep()
    path = disk.path / "files" / "a" / "name"
    inspect = os.stat

    def exchange(*args: object, **kwargs: object) -> os.stat_result:
        status = inspect(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        path.unlink()
        os.mkfifo(path)
        return status

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "stat", exchange)
    reader = BlobReader(disk, PLACE, VerifiedFiles(0))
    with pytest.raises(IntegrityException, match="not a file that was stored"):
        reader.open()
    reader.release()
    assert len(list(Path("/proc/self/fd").iterdir())) == before

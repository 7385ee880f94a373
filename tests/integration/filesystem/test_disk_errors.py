"""A disk that is full, closed or lacks something gives clear errors, and nothing stays behind."""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.adapters.filesystem.writer import BlobWriter
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, breaking_after, leak_guard, new_blob, read_all
from tests.support.recorder import Recorder

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("restriction", "error", "message"),
    [
        ("file size", "StorageOperationException", "larger than the system allows (EFBIG)"),
        ("disk size", "StorageOperationException", "the disk is full (ENOSPC)"),
        ("closed incoming", "AccessDeniedException", "the system denies access (EACCES)"),
        ("closed bucket", "AccessDeniedException", "the system denies access (EACCES)"),
    ],
)
def test_what_the_system_refuses_is_told_and_leaves_nothing(
    tmp_path: Path, restriction: str, error: str, message: str
) -> None:
    program = Path(__file__).with_name("restricted.py")
    done = subprocess.run(
        [sys.executable, str(program), restriction, str(tmp_path)], check=True, capture_output=True, text=True
    )
    result = json.loads(done.stdout)
    if "unavailable" in result:
        pytest.skip(f"this system lets the test make no small disk: {result['unavailable']}")
    assert result["large"]["error"] == error
    assert message in result["large"]["message"]
    assert result["left"] == []
    assert result["small"] == {"read back": 5}, "the store works on"


def test_a_disk_that_fills_up_half_way_leaves_nothing(tmp_path: Path) -> None:
    # Needs no rights, unlike a small disk: the writer's descriptor is made to lead to a device that is always full.
    disk = Disk(tmp_path, durability=True)
    disk.open()
    writer = BlobWriter(disk, DiskPath((b"files",), b"name"))
    writer.append([b"fits"])
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, _descriptor_of(next((tmp_path / ".incoming").iterdir())))
    os.close(full)
    with pytest.raises(OSError, match="No space left"):
        writer.append([b"does not fit"])
    writer.release()
    disk.close()
    assert [path.name for path in tmp_path.rglob("*")] == [".incoming"]


def _descriptor_of(path: Path) -> int:
    for link in Path("/proc/self/fd").iterdir():
        if link.exists() and link.samefile(path):
            return int(link.name)
    raise AssertionError("nobody has the file open")


async def test_too_many_open_files_are_told_and_leave_nothing(store: FilesystemBlobStore, root: Path) -> None:
    stored = await store.write(new_blob(folder="a/b"), body_of(b"x"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(link.name) for link in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    hoard: list[int] = []
    with pytest.raises(OSError, match="Too many open files"):
        _hoard(hoard, root)
    try:
        for attempt in (store.write(new_blob(), body_of(b"y")), read_all(store, stored.file_id), store.check()):
            with pytest.raises(StorageUnavailableException, match="too many open files") as told:
                await attempt
            assert told.value.retryable
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in hoard:
            os.close(descriptor)
    assert list((root / ".incoming").iterdir()) == []
    assert await read_all(store, stored.file_id) == b"x"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
async def test_a_disk_without_hard_links_is_served_by_renaming(
    store: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", _refusing(code))
    blob = new_blob(folder="a")
    stored = await store.write(blob, body_of(b"renamed"))
    with pytest.raises(StorageOperationException, match="exists already"):
        await store.write(blob, body_of(b"second"))
    assert await read_all(store, stored.file_id) == b"renamed"
    assert list((root / ".incoming").iterdir()) == []


async def test_a_file_that_gets_no_place_leaves_no_folder(
    store: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _refusing(errno.ENOSPC))
    with pytest.raises(StorageOperationException, match="the disk is full"):
        await store.write(new_blob(folder="a/b"), body_of(b"x"))
    assert sorted(path.name for path in root.rglob("*")) == [".incoming", "files"]


async def test_a_file_whose_place_cannot_be_made_lasting_is_withdrawn(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root, durability=True)) as store:
        monkeypatch.setattr(Disk, "make_lasting", _refusing(errno.EIO))
        with pytest.raises(StorageOperationException, match="input/output error"):
            await store.write(new_blob(folder="a/b"), body_of(b"x"))
    assert sorted(path.name for path in root.rglob("*")) == [".incoming", "files"]


async def test_a_file_that_cannot_be_withdrawn_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observer = Recorder()
    async with FilesystemBlobStore(FilesystemConfig(root=root), observer) as store:
        blob = new_blob()
        with monkeypatch.context() as patched:
            patched.setattr(os, "unlink", _refusing(errno.EIO))
            with pytest.raises(StorageOperationException, match="input/output error"):
                await store.write(blob, body_of(b"x"))
        [failed] = observer.of(RollbackFailed)
        assert failed.what == f"the file {store.place_of(None, blob.key)}"
        assert "Input/output error" in failed.reason


def _refusing(code: int) -> object:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


async def test_metadata_that_are_too_large_are_refused_and_leave_nothing(
    store: FilesystemBlobStore, root: Path
) -> None:
    with pytest.raises(InvalidArgumentException, match="1048576 are allowed"):
        await store.write(new_blob(metadata={"a": "x" * 1_100_000}), body_of(b"x"))
    assert [path.name for path in root.rglob("*")] == [".incoming"]


async def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    store = FilesystemBlobStore(FilesystemConfig(root=tmp_path / "data"))
    async with leak_guard():
        with pytest.raises(StorageOperationException, match=r"exists already.*data"):
            await store.__aenter__()


async def test_a_default_bucket_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match=r"bucket name '\.incoming'"):
        FilesystemBlobStore(FilesystemConfig(root=tmp_path, default_bucket=".incoming"))


async def test_an_error_of_the_callers_own_stream_is_not_taken_for_the_disks(store: FilesystemBlobStore) -> None:
    hung_up = breaking_after([b"x"], ConnectionResetError(errno.ECONNRESET, "the client hung up"))
    with pytest.raises(ConnectionResetError):
        await store.write(new_blob(), body_of(hung_up))


async def test_a_store_that_may_not_write_is_not_well(store: FilesystemBlobStore, root: Path) -> None:
    await store.check()
    assert list((root / ".incoming").iterdir()) == []
    (root / ".incoming").rmdir()
    with pytest.raises(StorageOperationException, match="health check failed"):
        await store.check()


async def test_without_its_root_nothing_is_missing_but_out_of_reach(store: FilesystemBlobStore, root: Path) -> None:
    stored = (await store.write(new_blob(), body_of(b"x"))).file_id
    missing = FileId(Backend.FILESYSTEM, "files", "missing")
    # What opens descriptors still reach, as with a disk that is unmounted lazily.
    root.rename(root.with_name("unmounted"))
    for replaced in (False, True):
        if replaced:
            root.mkdir()
        assert await read_all(store, stored) == b"x"
        for attempt in (store.info(missing), read_all(store, missing), store.delete(missing), store.check()):
            with pytest.raises(StorageUnavailableException, match="removed, unmounted or replaced"):
                await attempt
    shutil.rmtree(root.with_name("unmounted"))
    for attempt in (store.info(stored), store.write(new_blob(folder="a"), body_of(b"x"))):
        with pytest.raises(StorageUnavailableException, match="removed, unmounted or replaced"):
            await attempt


def _hoard(descriptors: list[int], path: Path) -> None:
    while True:
        descriptors.append(os.open(path, os.O_RDONLY))

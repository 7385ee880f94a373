"""Small files that are in memory are read without a thread, and as correctly."""

import ctypes
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk.cached import LARGEST, CachedReads
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, InvalidRangeException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is done in threads from now on."""
    found: list[object] = []
    submit = ThreadPoolExecutor.submit

    def counted(pool: ThreadPoolExecutor, work: Callable[..., object], *args: object, **kwargs: object) -> object:
        found.append(work)
        return submit(pool, work, *args, **kwargs)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counted)
    return found


async def _stored(store: FilesystemBlobStore, content: bytes) -> FileId:
    """A file that the system can read without waiting; skips where it never can."""
    file_id = (await store.write(new_blob(folder="a/b"), body_of(content))).file_id
    await read_all(store, file_id)
    if store.session.read_cached(DiskPath.of(file_id)) is None and len(content) < LARGEST // 2:
        pytest.skip("this system, or its file system, does not say what it has in memory")
    return file_id


@pytest.mark.parametrize("size", [0, 1, 4096, LARGEST - 4096])
async def test_a_file_that_was_just_read_needs_no_thread(
    store: FilesystemBlobStore, visits: list[object], size: int
) -> None:
    content = os.urandom(size)
    file_id = await _stored(store, content)
    visits.clear()
    async with store.open(file_id) as whole:
        assert (whole.info, b"".join([chunk async for chunk in whole.body])) == (await store.info(file_id), content)
    visits.clear()
    if size > 10:
        assert await read_all(store, file_id, ByteRange(5, 9)) == content[5:10]
        assert await read_all(store, file_id, ByteRange(None, 3)) == content[-3:]
    with pytest.raises(InvalidRangeException):
        await read_all(store, file_id, ByteRange(size, None))
    assert visits == []


async def test_a_larger_file_is_read_in_threads(store: FilesystemBlobStore, visits: list[object]) -> None:
    content = os.urandom(LARGEST)
    file_id = await _stored(store, content)
    visits.clear()
    assert await read_all(store, file_id) == content
    assert visits


@pytest.mark.parametrize("at", [0, -20, -1], ids=["content", "description", "end"])
async def test_damage_is_found(store: FilesystemBlobStore, root: Path, at: int) -> None:
    file_id = await _stored(store, bytes(4096))
    path = root / file_id.bucket / file_id.key
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(IntegrityException):
        await read_all(store, file_id)


async def test_what_is_no_file_is_left_to_the_thread(store: FilesystemBlobStore, root: Path) -> None:
    file_id = await _stored(store, b"content")
    path = root / file_id.bucket / file_id.key
    (path.parent / "link").symlink_to(path)
    (root / file_id.bucket / "linked").symlink_to(path.parent)
    os.mkfifo(path.parent / "fifo")
    for key in ("a/b/link", f"linked/{path.name}", "a/b/fifo"):
        with pytest.raises(IntegrityException):
            await read_all(store, FileId(Backend.FILESYSTEM, file_id.bucket, key))
    for key in ("a/b", "a/b/none", f"a/b/{path.name}/more"):
        with pytest.raises(FileNotFoundException):
            await read_all(store, FileId(Backend.FILESYSTEM, file_id.bucket, key))


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EPERM, errno.EAGAIN])
async def test_a_system_without_the_call_reads_in_threads(
    store: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch, visits: list[object], code: int
) -> None:
    file_id = await _stored(store, b"content")
    reads, asked = CachedReads(), 0

    class WithoutIt:
        def syscall(self, *_args: object) -> int:
            nonlocal asked
            asked += 1
            ctypes.set_errno(code)
            return -1

    monkeypatch.setattr(reads, "_libc", WithoutIt())
    monkeypatch.setattr(store.session, "cached", reads)
    visits.clear()
    for _ in range(2):
        assert await read_all(store, file_id) == b"content"
    assert len(visits) == 2
    assert asked == (2 if code == errno.EAGAIN else 1)


async def test_nothing_stays_open(store: FilesystemBlobStore) -> None:
    file_id = await _stored(store, b"content")
    before = sorted(Path("/proc/self/fd").iterdir())
    for _ in range(20):
        await read_all(store, file_id)
    assert sorted(Path("/proc/self/fd").iterdir()) == before

"""A large file that was found right is sent without being summed again, until anything about it changes."""

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.disk.cached import CachedReads
from s3py_helper.adapters.filesystem.disk.verified import is_settled, state_of
from s3py_helper.adapters.filesystem.reader import CHUNK_SIZE, MOST_AT_ONCE
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.ports.region import Region
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.waiting import until

MIB = 1024 * 1024
SIZE = MOST_AT_ONCE + 3 * CHUNK_SIZE + 17

pytestmark = pytest.mark.timeout(60)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


async def _settle(path: Path) -> None:
    """Wait until another change of the file cannot be taken for the last one."""
    with _opened(path) as file:
        if not state_of(file)[-1] % 1_000_000_000:
            pytest.skip("this file system counts whole seconds")
        await until(lambda: is_settled(state_of(file)))


@pytest.fixture
async def stored(store: FilesystemBlobStore, root: Path) -> FileId:
    """A file that can be trusted once it was read; skips where the system does not tell what it has in memory."""
    file_id = (await store.write(new_blob(), body_of(os.urandom(SIZE)))).file_id
    await _settle(root / "files" / file_id.key)
    async with store.open(file_id) as blob:
        assert blob.pieces is not None
        if all([isinstance(piece, bytes) async for piece in blob.pieces]):
            pytest.skip("this system, or its file system, does not say what it has in memory")
    return file_id


@pytest.fixture
def path(root: Path, stored: FileId) -> Path:
    return root / "files" / stored.key


@pytest.fixture
def summed(monkeypatch: pytest.MonkeyPatch, stored: FileId) -> list[int]:
    """Where bytes begin that are looked at from now on."""
    offsets: list[int] = []
    step = CachedReads.step

    def noted(reads: CachedReads, file: int, offset: int, most: int) -> memoryview:
        offsets.append(offset)
        return step(reads, file, offset, most)

    monkeypatch.setattr(CachedReads, "step", noted)
    return offsets


async def _pieces(store: FilesystemBlobStore, file_id: FileId) -> AsyncGenerator[int]:
    """The sizes of the pieces, as they come."""
    async with store.open(file_id) as blob:
        assert blob.pieces is not None
        async for piece in blob.pieces:
            yield len(piece) if isinstance(piece, bytes) else piece.size


async def _take(pieces: AsyncGenerator[int], sizes: list[int]) -> None:
    async for size in pieces:
        sizes.append(size)  # noqa: PERF401 - what came before an error counts


async def _read(store: FilesystemBlobStore, file_id: FileId) -> int:
    return sum([size async for size in _pieces(store, file_id)])


def _flip(path: Path, at: int) -> None:
    """Change a byte, and leave no trace where programs can."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_file_that_was_found_right_is_not_summed_again(
    store: FilesystemBlobStore, stored: FileId, summed: list[int]
) -> None:
    assert await _read(store, stored) == SIZE
    assert summed == []


async def test_a_bit_that_rots_is_noticed_by_all_who_copy_the_bytes(
    store: FilesystemBlobStore, stored: FileId, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    with _opened(path) as file:
        before = state_of(file)
    monkeypatch.setattr("s3py_helper.adapters.filesystem.reader.state_of", lambda _file: before)
    _flip(path, SIZE // 2)
    assert await _read(store, stored) == SIZE
    with pytest.raises(IntegrityException, match="CRC-32"):
        await read_all(store, stored)


@pytest.mark.parametrize("at", [0, SIZE // 2, SIZE - 1])
async def test_a_changed_byte_is_noticed_by_the_very_next_read(
    store: FilesystemBlobStore, stored: FileId, path: Path, at: int
) -> None:
    _flip(path, at)
    with pytest.raises(IntegrityException, match="CRC-32"):
        await _read(store, stored)
    # And by each after that.
    await _settle(path)
    for _ in range(2):
        with pytest.raises(IntegrityException, match="CRC-32"):
            await _read(store, stored)


@pytest.mark.parametrize("at", [CHUNK_SIZE, SIZE - 1])
async def test_a_byte_that_is_changed_meanwhile_is_noticed_before_the_last_piece(
    store: FilesystemBlobStore, stored: FileId, path: Path, at: int
) -> None:
    sent: list[int] = []
    async with aclosing(_pieces(store, stored)) as pieces:
        sent.append(await anext(pieces))
        _flip(path, at)
        with pytest.raises(IntegrityException, match="CRC-32"):
            await _take(pieces, sent)
    assert sum(sent) < SIZE


async def test_a_file_that_is_deleted_meanwhile_is_sent_to_its_end(
    store: FilesystemBlobStore, stored: FileId, summed: list[int]
) -> None:
    sizes: list[int] = []
    async for size in _pieces(store, stored):
        if not sizes:
            await store.delete(stored)
        sizes.append(size)
    assert sum(sizes) == SIZE
    assert summed == []


async def test_a_file_that_was_just_written_is_summed_until_a_change_would_show(
    store: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch, stored: FileId, summed: list[int]
) -> None:
    monkeypatch.setattr("s3py_helper.adapters.filesystem.disk.verified._SETTLED", 3600 * 10**9)
    assert await _read(store, stored) == SIZE
    assert summed


async def test_a_part_of_a_file_says_nothing_of_the_whole(
    store: FilesystemBlobStore, root: Path, stored: FileId, summed: list[int]
) -> None:
    other = (await store.write(new_blob(), body_of(bytes(SIZE)))).file_id
    await _settle(root / "files" / other.key)
    async with store.open(other, ByteRange(1, None)) as blob:
        assert blob.pieces is not None
        regions = [piece async for piece in blob.pieces if not isinstance(piece, bytes)]
    assert regions
    assert summed == []
    assert await _read(store, other) == SIZE
    assert summed


async def test_nothing_is_trusted_where_the_setting_says_so(root: Path, stored: FileId, summed: list[int]) -> None:
    config = FilesystemConfig(root=root, durability=False, trust_seconds=0)
    async with FilesystemBlobStore(config) as store:
        for _ in range(2):
            summed.clear()
            assert await _read(store, stored) == SIZE
            assert summed


async def test_what_the_system_has_not_in_memory_is_read_in_threads(
    store: FilesystemBlobStore, stored: FileId, path: Path
) -> None:
    with _opened(path) as file:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        if store.session.cached.count(file, MIB, 1):
            pytest.skip("this system keeps what it is told to forget")
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)  # nothing is read ahead
        os.pread(file, MIB, 0)
        assert MIB - 5 <= store.session.cached.count(file, 5, SIZE) < SIZE - 5
    async with store.open(stored) as blob:
        assert blob.pieces is not None
        pieces: list[bytes | Region] = [piece async for piece in blob.pieces]
    assert sum(isinstance(piece, bytes) for piece in pieces) > 2
    assert sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces) == SIZE


@pytest.mark.parametrize("most", [1, 4096, CHUNK_SIZE + 1, SIZE - 5000])
async def test_a_system_without_the_faster_call_says_the_same(
    store: FilesystemBlobStore, path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    with _opened(path) as file:
        counts = [store.session.cached.count(file, offset, most) for offset in (0, 4096, 4999)]
        monkeypatch.setattr("s3py_helper.adapters.filesystem.disk.cached._CACHESTAT", -1)
        assert [store.session.cached.count(file, offset, most) for offset in (0, 4096, 4999)] == counts == [most] * 3


async def test_files_of_others_are_asked_for_by_reading_them(
    store: FilesystemBlobStore, stored: FileId, summed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: -1)
    assert await _read(store, stored) == SIZE
    assert summed


async def test_what_was_cut_off_cannot_be_looked_for(
    store: FilesystemBlobStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3py_helper.adapters.filesystem.disk.cached._CACHESTAT", -1)
    with _opened(path) as file:
        os.truncate(path, 100)
        assert store.session.cached.count(file, CHUNK_SIZE, CHUNK_SIZE) == 0

"""Bytes that are not those that were stored are never passed off as such."""

from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all

SIZE = 700_000


@pytest.fixture
async def stored(store: FilesystemBlobStore) -> BlobInfo:
    return await store.write(new_blob(metadata={"a": "b"}), body_of(bytes(SIZE)))


@pytest.fixture
def path(root: Path, stored: BlobInfo) -> Path:
    return root / "files" / stored.file_id.key


@pytest.mark.parametrize("at", [0, SIZE // 2, SIZE - 1])
async def test_a_flipped_bit_of_the_content_is_noticed_before_the_last_byte_is_handed_over(
    store: FilesystemBlobStore, stored: BlobInfo, path: Path, at: int
) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    handed_over = bytearray()
    with pytest.raises(IntegrityException, match="CRC-32") as noticed:
        await _read_into(handed_over, store, stored)
    assert len(handed_over) < SIZE
    assert noticed.value.file_id == str(stored.file_id)


async def _read_into(target: bytearray, store: FilesystemBlobStore, stored: BlobInfo) -> None:
    async with store.open(stored.file_id) as blob:
        async for chunk in blob.body:
            target += chunk


async def test_a_flipped_bit_of_a_small_file_is_noticed(store: FilesystemBlobStore, root: Path) -> None:
    stored = await store.write(new_blob(), body_of(b"small"))
    path = root / "files" / stored.file_id.key
    path.write_bytes(b"smalL" + path.read_bytes()[5:])
    with pytest.raises(IntegrityException, match="CRC-32"):
        await read_all(store, stored.file_id)


async def test_a_flipped_bit_of_the_description_is_noticed(
    store: FilesystemBlobStore, stored: BlobInfo, path: Path
) -> None:
    content = bytearray(path.read_bytes())
    content[SIZE + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityException, match="damaged"):
        await store.info(stored.file_id)


@pytest.mark.parametrize("cut", [1, 8, 16, 17, 100, SIZE])
async def test_a_file_whose_end_is_missing_is_noticed_by_every_reader(
    store: FilesystemBlobStore, stored: BlobInfo, path: Path, cut: int
) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(IntegrityException):
        await store.info(stored.file_id)
    with pytest.raises(IntegrityException):
        await read_all(store, stored.file_id)
    with pytest.raises(IntegrityException):
        await read_all(store, stored.file_id, ByteRange(0, 0))


async def test_content_that_is_missing_before_an_intact_end_is_noticed(
    store: FilesystemBlobStore, stored: BlobInfo, path: Path
) -> None:
    path.write_bytes(path.read_bytes()[1000:])
    with pytest.raises(IntegrityException, match=str(SIZE)):
        await read_all(store, stored.file_id, ByteRange(0, 0))


async def test_a_file_that_shrinks_while_it_is_read_is_noticed(
    store: FilesystemBlobStore, stored: BlobInfo, path: Path
) -> None:
    async with store.open(stored.file_id) as blob:
        await anext(blob.body)
        path.write_bytes(b"")
        with pytest.raises(IntegrityException, match="ended"):
            _ = [chunk async for chunk in blob.body]


@pytest.mark.parametrize("content", [b"", b"hello", bytes(10_000), b"s3pyblob"])
async def test_a_file_dropped_in_by_hand_is_not_taken_for_a_stored_one(
    store: FilesystemBlobStore, root: Path, content: bytes
) -> None:
    (root / "files").mkdir()
    (root / "files" / "by-hand.txt").write_bytes(content)
    by_hand = FileId.parse("fs:files/by-hand.txt")
    with pytest.raises(IntegrityException, match=r"not stored by s3py-helper|damaged"):
        await store.info(by_hand)
    with pytest.raises(IntegrityException):
        await read_all(store, by_hand)


async def test_a_damaged_file_can_be_deleted(store: FilesystemBlobStore, stored: BlobInfo, path: Path) -> None:
    path.write_bytes(b"damaged")
    await store.delete(stored.file_id)
    with pytest.raises(FileNotFoundException):
        await store.info(stored.file_id)


async def test_a_reader_keeps_its_file_when_it_is_deleted_meanwhile(
    store: FilesystemBlobStore, stored: BlobInfo
) -> None:
    async with store.open(stored.file_id) as blob:
        first = await anext(blob.body)
        await store.delete(stored.file_id)
        rest = b"".join([chunk async for chunk in blob.body])
    assert first + rest == bytes(SIZE)


async def test_a_description_of_any_length_is_kept(store: FilesystemBlobStore) -> None:
    metadata = {f"name {number}": "ü" * 100 for number in range(500)}
    stored = await store.write(new_blob(metadata=metadata), body_of(b"x"))
    assert (await store.info(stored.file_id)).metadata == metadata
    assert await read_all(store, stored.file_id) == b"x"

"""Whatever is planted below the root, nothing outside it is read, written or deleted."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all


@pytest.fixture
async def outside(store: FilesystemBlobStore, root: Path, tmp_path: Path) -> Path:
    """A folder beside the root with a file in the store's own format: it would be served if a way led to it."""
    info = await store.write(new_blob("secret.txt"), body_of(b"secret"))
    folder = tmp_path / "outside"
    folder.mkdir()
    (root / "files" / info.file_id.key).rename(folder / "secret")
    return folder


async def _assert_no_way(store: FilesystemBlobStore, file_id: FileId) -> None:
    for attempt in (read_all(store, file_id), store.info(file_id), store.delete(file_id)):
        with pytest.raises(IntegrityException, match="link"):
            await attempt


async def test_a_link_in_place_of_a_file_is_not_followed(store: FilesystemBlobStore, root: Path, outside: Path) -> None:
    (root / "files" / "way-out").symlink_to(outside / "secret")
    await _assert_no_way(store, FileId.parse("fs:files/way-out"))
    assert (outside / "secret").exists()


async def test_a_link_to_a_file_inside_is_not_followed_either(store: FilesystemBlobStore, root: Path) -> None:
    info = await store.write(new_blob(), body_of(b"inside"))
    (root / "files" / "alias").symlink_to(info.file_id.key)
    await _assert_no_way(store, FileId.parse("fs:files/alias"))


@pytest.mark.parametrize("key", ["folder/secret", "deep/folder/secret"])
async def test_a_link_in_place_of_a_folder_is_not_followed(
    store: FilesystemBlobStore, root: Path, outside: Path, key: str
) -> None:
    link = (root / "files" / key).parent
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    await _assert_no_way(store, FileId.parse(f"fs:files/{key}"))
    with pytest.raises(IntegrityException, match="link"):
        await store.write(replace(new_blob(), key=f"{key}2"), body_of(b"planted"))
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert list((root / ".incoming").iterdir()) == []


async def test_a_link_in_place_of_a_bucket_is_not_followed(
    store: FilesystemBlobStore, root: Path, outside: Path
) -> None:
    (root / "bucket").symlink_to(outside)
    await _assert_no_way(store, FileId.parse("fs:bucket/secret"))
    with pytest.raises(IntegrityException, match="link"):
        await store.write(new_blob(bucket="bucket"), body_of(b"planted"))
    assert [path.name for path in outside.iterdir()] == ["secret"]


async def test_a_link_in_place_of_a_new_file_is_neither_followed_nor_replaced(
    store: FilesystemBlobStore, root: Path, outside: Path
) -> None:
    blob = new_blob()
    target = outside / "written-through"
    (root / "files" / blob.key).symlink_to(target)
    with pytest.raises(StorageOperationException, match="exists already"):
        await store.write(blob, body_of(b"planted"))
    assert not target.exists()
    assert list((root / ".incoming").iterdir()) == []


def _plant_fifo(path: Path) -> None:
    os.mkfifo(path)


def _plant_socket(path: Path) -> None:
    # The name of a socket is short (108 bytes): it is bound relative to its folder.
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)
        os.close(here)


def _plant_device(path: Path) -> None:
    if os.geteuid():
        pytest.skip("making a device takes root")
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends


@pytest.mark.timeout(10)
@pytest.mark.parametrize("plant", [_plant_fifo, _plant_socket, _plant_device])
async def test_what_is_no_file_is_not_opened(
    store: FilesystemBlobStore, root: Path, plant: Callable[[Path], None]
) -> None:
    (root / "files").mkdir()
    plant(root / "files" / "odd")
    odd = FileId.parse("fs:files/odd")
    for attempt in (read_all(store, odd), store.info(odd), store.delete(odd)):
        with pytest.raises(IntegrityException, match="not a file that was stored"):
            await attempt
    assert (root / "files" / "odd").exists()


@pytest.mark.parametrize("path", ["files", "files/folder"])
async def test_a_folder_is_no_file(store: FilesystemBlobStore, root: Path, path: str) -> None:
    await store.write(new_blob(folder="folder/below"), body_of(b"x"))
    folder = FileId.parse(f"fs:{path}/folder" if path == "files" else f"fs:{path}/below")
    for attempt in (read_all(store, folder), store.info(folder), store.delete(folder)):
        with pytest.raises(FileNotFoundException):
            await attempt


async def test_a_path_below_a_file_is_not_found(store: FilesystemBlobStore) -> None:
    info = await store.write(new_blob(), body_of(b"x"))
    below = FileId.parse(f"{info.file_id}/below")
    for attempt in (read_all(store, below), store.info(below), store.delete(below)):
        with pytest.raises(FileNotFoundException):
            await attempt


async def test_uploads_in_progress_cannot_be_asked_for(store: FilesystemBlobStore, root: Path) -> None:
    (root / ".incoming" / "x").write_bytes(b"half")
    with pytest.raises(Exception, match="no dot first"):
        FileId.parse("fs:.incoming/x")

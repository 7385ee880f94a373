"""Folders come with the first file and go with the last."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.testing import body_of, leak_guard, new_blob, read_all


async def test_a_deleted_file_takes_its_empty_folders_along(store: FilesystemBlobStore, root: Path) -> None:
    stored = await store.write(new_blob(folder="a/b/c"), body_of(b"x"))
    kept = await store.write(new_blob(folder="a"), body_of(b"kept"))
    await store.delete(stored.file_id)
    assert not (root / "files" / "a" / "b").exists()
    assert await read_all(store, kept.file_id) == b"kept"


async def test_the_bucket_stays(store: FilesystemBlobStore, root: Path) -> None:
    stored = await store.write(new_blob(), body_of(b"x"))
    await store.delete(stored.file_id)
    assert (root / "files").is_dir()


async def test_folders_that_are_removed_and_made_at_the_same_time_do_not_disturb_writers(
    store: FilesystemBlobStore, root: Path
) -> None:
    async def write_and_delete() -> None:
        for _ in range(25):
            stored = await store.write(new_blob(folder="a/b/c"), body_of(b"x"))
            assert await read_all(store, stored.file_id) == b"x"
            await store.delete(stored.file_id)

    async with leak_guard(), asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(write_and_delete())
    assert not (root / "files" / "a").exists()


async def test_a_file_in_place_of_a_folder_is_named_and_leaves_nothing(store: FilesystemBlobStore, root: Path) -> None:
    stored = await store.write(new_blob(), body_of(b"in the way"))
    blob = replace(new_blob(), key=f"{stored.file_id.key}/below")
    with pytest.raises(StorageOperationException, match="a file has the name of a folder"):
        await store.write(blob, body_of(b"x"))
    assert await read_all(store, stored.file_id) == b"in the way"
    assert list((root / ".incoming").iterdir()) == []


async def test_a_folder_in_place_of_a_file_is_named_and_leaves_nothing(store: FilesystemBlobStore, root: Path) -> None:
    await store.write(new_blob(folder="taken"), body_of(b"x"))
    with pytest.raises(StorageOperationException, match="exists already"):
        await store.write(replace(new_blob(), key="taken"), body_of(b"y"))
    assert list((root / ".incoming").iterdir()) == []


async def test_a_key_that_is_taken_keeps_its_file(store: FilesystemBlobStore, root: Path) -> None:
    blob = new_blob()
    stored = await store.write(blob, body_of(b"first"))
    with pytest.raises(StorageOperationException, match="exists already"):
        await store.write(blob, body_of(b"second"))
    assert await read_all(store, stored.file_id) == b"first"
    assert list((root / ".incoming").iterdir()) == []


async def test_the_root_may_be_a_link_because_the_operator_says_so(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    async with FilesystemBlobStore(FilesystemConfig(root=tmp_path / "link")) as store:
        stored = await store.write(new_blob(), body_of(b"x"))
        assert await read_all(store, stored.file_id) == b"x"
    assert (tmp_path / "real" / "files").is_dir()

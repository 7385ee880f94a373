"""Files are found again in the order of their keys."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3py_helper.adapters.filesystem import listing as lister
from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.listing import FilesystemListing
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.errors import BucketNotFoundException, IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.fuzzing import examples


async def _keys(store: FilesystemBlobStore, prefix: str = "", bucket: str | None = None) -> list[str]:
    async with FilesystemListing(store).list(prefix, bucket=bucket) as blobs:
        return [blob.file_id.key async for blob in blobs]


async def _write(store: FilesystemBlobStore, *keys: str) -> None:
    for key in keys:
        await store.write(replace(new_blob(), key=key), body_of(key.encode()))


async def test_files_come_in_the_order_of_their_keys_and_by_prefix(store: FilesystemBlobStore) -> None:
    await _write(store, "a.txt", "a0", "a1/x", "b.x", "b/a", "b/c/d", "b/c.d", "ü", "項/目")
    assert await _keys(store) == ["a.txt", "a0", "a1/x", "b.x", "b/a", "b/c.d", "b/c/d", "ü", "項/目"]
    assert await _keys(store, "b/") == ["b/a", "b/c.d", "b/c/d"]
    assert await _keys(store, "b/c") == ["b/c.d", "b/c/d"]
    assert await _keys(store, "a1/x") == ["a1/x"]
    assert await _keys(store, "nothing") == []
    assert await _keys(store, "\ud800") == []


async def test_a_file_is_described_as_info_describes_it(store: FilesystemBlobStore) -> None:
    stored = await store.write(new_blob("name.txt", metadata={"a": "b"}), body_of(b"x"))
    async with FilesystemListing(store).list() as blobs:
        assert [blob async for blob in blobs] == [stored]


async def test_the_deepest_key_is_stored_listed_and_deleted(store: FilesystemBlobStore, root: Path) -> None:
    deepest = "/".join("a" * 512)
    await _write(store, deepest)
    assert await _keys(store) == [deepest]
    await store.delete(FileId.parse(f"fs:files/{deepest}"))
    assert list((root / "files").iterdir()) == []


async def test_buckets_are_listed_one_by_one(store: FilesystemBlobStore) -> None:
    await store.write(replace(new_blob(bucket="other"), key="theirs"), body_of(b"x"))
    await _write(store, "ours")
    assert await _keys(store) == ["ours"]
    assert await _keys(store, bucket="other") == ["theirs"]
    with pytest.raises(BucketNotFoundException, match="'without-files'") as missing:
        await _keys(store, bucket="without-files")
    assert (missing.value.operation, missing.value.backend) == ("list", Backend.FILESYSTEM)


async def test_the_default_bucket_is_empty_before_its_first_file_however_it_is_named(
    store: FilesystemBlobStore, root: Path
) -> None:
    assert not (root / store.default_bucket).exists()
    assert await _keys(store) == []
    assert await _keys(store, bucket=store.default_bucket) == []


async def test_what_the_store_has_not_written_is_left_out(store: FilesystemBlobStore, root: Path) -> None:
    await _write(store, "kept", "folder/kept")
    bucket = root / "files"
    (bucket / "by-hand").write_bytes(b"by hand")
    (bucket / "link").symlink_to("kept")
    (bucket / "way-out").symlink_to("/etc")
    (bucket / "control\x01").write_bytes((bucket / "kept").read_bytes())
    Path(os.fsdecode(bytes(bucket) + b"/not-utf8-\xff")).write_bytes((bucket / "kept").read_bytes())
    os.mkfifo(bucket / "pipe")
    assert await _keys(store) == ["folder/kept", "kept"]


async def test_a_bucket_that_is_a_link_is_not_followed(store: FilesystemBlobStore, root: Path) -> None:
    await _write(store, "kept")
    (root / "alias").symlink_to("files")
    with pytest.raises(IntegrityException, match="link"):
        await _keys(store, bucket="alias")


async def test_leaving_early_closes_every_folder(
    store: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lister, "BATCH", 1)
    await _write(store, "a/b/c/1", "a/b/c/2", "a/b/d")

    def open_folders() -> int:
        return sum(
            link.is_symlink() and link.readlink().is_relative_to(root) for link in Path("/proc/self/fd").iterdir()
        )

    before = open_folders()
    async with leak_guard():
        async with FilesystemListing(store).list() as blobs:
            assert (await anext(blobs)).file_id.key == "a/b/c/1"
            assert open_folders() > before
        assert open_folders() == before
        assert await _keys(store) == ["a/b/c/1", "a/b/c/2", "a/b/d"]
        assert open_folders() == before


async def test_files_that_are_deleted_meanwhile_do_not_disturb(
    store: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lister, "BATCH", 1)
    await _write(store, "a", "b", "c/d", "e")
    seen: list[str] = []
    async with FilesystemListing(store).list() as blobs:
        async for blob in blobs:
            seen.append(blob.file_id.key)
            await store.delete(blob.file_id)
            for other in ("b", "c/d"):
                if blob.file_id.key == "a":
                    await store.delete(replace(blob.file_id, key=other))
    assert seen == ["a", "e"]


async def test_a_closed_store_says_so(root: Path) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        pass
    with pytest.raises(StorageOperationException, match="not open"):
        await _keys(store)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.lists(st.sampled_from(["a", "a.b", "a0", "b", "a-", "ü"]), min_size=1, max_size=3).map("/".join))
)
async def test_the_order_is_that_of_the_whole_key(tmp_path_factory: pytest.TempPathFactory, keys: set[str]) -> None:
    # A key cannot be a file and a folder at once: every name of a file gets an ending that no folder has.
    names = {f"{key}!" for key in keys}
    config = FilesystemConfig(root=tmp_path_factory.mktemp("listing"), durability=False)
    async with FilesystemBlobStore(config) as store:
        await _write(store, *names)
        assert await _keys(store) == sorted(names, key=str.encode)
        assert await _keys(store, "a") == sorted((name for name in names if name.startswith("a")), key=str.encode)

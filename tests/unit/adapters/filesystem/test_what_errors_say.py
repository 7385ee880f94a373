"""What an error of a store says beside its message."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import InvalidArgumentException, StorageException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of

FILE = FileId(Backend.FILESYSTEM, "files", "a/b.txt")

type Call = Callable[[FilesystemBlobStore], Awaitable[object]]


async def _read(store: FilesystemBlobStore) -> None:
    async with store.open(FILE):
        pytest.fail("it is not there")


CALLS: list[tuple[Call, str, FileId | None]] = [
    (_read, "download", FILE),
    (lambda store: store.info(FILE), "info", FILE),
    (lambda store: store.delete(FILE), "delete", FILE),
]


@pytest.mark.parametrize(
    ("call", "operation", "file_id"),
    [
        *CALLS,
        (lambda store: store.write(NewBlob(FILE.key, "b.txt"), body_of(b"hello")), "upload", FILE),
        (lambda store: store.check(), "health check", None),
    ],
)
async def test_a_store_that_is_not_open_says_what_it_was_asked_for(
    tmp_path: Path, call: Call, operation: str, file_id: FileId | None
) -> None:
    store = FilesystemBlobStore(FilesystemConfig(root=tmp_path))
    for _ in range(2):
        with pytest.raises(StorageOperationException, match="is not open") as raised:
            await call(store)
        assert (raised.value.operation, raised.value.backend) == (operation, Backend.FILESYSTEM)
        assert raised.value.file_id == (file_id and str(file_id))
        async with store:
            pass


@pytest.mark.parametrize(("call", "operation", "file_id"), CALLS)
async def test_a_missing_file_is_told_with_what_was_to_be_done(
    tmp_path: Path, call: Call, operation: str, file_id: FileId
) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=tmp_path)) as store:
        with pytest.raises(StorageException) as raised:
            await call(store)
    assert (raised.value.operation, raised.value.file_id) == (operation, str(file_id))


async def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FilesystemBlobStore(FilesystemConfig(root=tmp_path / "file"))
    with pytest.raises(StorageException, match=str(tmp_path / "file")) as raised:
        await store.__aenter__()
    assert (raised.value.operation, raised.value.backend) == ("open", Backend.FILESYSTEM)


def test_a_bucket_that_cannot_be_is_no_default_however_it_was_set(tmp_path: Path) -> None:
    config = FilesystemConfig(root=tmp_path)
    config.default_bucket = ".hidden"
    with pytest.raises(InvalidArgumentException, match="invalid bucket name"):
        FilesystemBlobStore(config)

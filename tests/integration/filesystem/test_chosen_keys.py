"""Files under keys that their owner chooses, by the library on the local disk."""

from pathlib import Path

import pytest

from s3py_helper.storage import (
    FilesystemConfig,
    PreconditionFailedException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)


def manager_of(root: Path) -> StorageManager:
    return StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=FilesystemConfig(root=str(root))
    )


@pytest.mark.parametrize("content", [b"a,b", bytearray(b"a,b"), memoryview(b"a,b")])
async def test_the_size_of_bytes_is_known_before_they_are_stored(
    tmp_path: Path, content: bytes | bytearray | memoryview
) -> None:
    totals: set[int | None] = set()
    async with manager_of(tmp_path) as manager:
        attach = await manager.upload_service.create(
            "data.csv", content, folder="tables", progress=lambda _stored, total: totals.add(total)
        )
        assert await manager.download_service.download_bytes(attach.file_id) == b"a,b"
    assert (attach.file_id, attach.file_size, totals) == ("fs:files/tables/data.csv", 3, {3})


async def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    async with manager_of(tmp_path) as manager:
        first = await manager.upload_service.create("data.csv", b"a,b")
        with pytest.raises(PreconditionFailedException, match=r"data\.csv"):
            await manager.upload_service.create("data.csv", b"c,d")
        assert await manager.download_service.download_bytes(first.file_id) == b"a,b"

"""A manager that serves some folders only."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from s3py_helper.storage import (
    FilesystemConfig,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)

FILESYSTEM = StorageModeConfig(mode=StorageMode.FILESYSTEM)


@pytest.fixture
async def outside(tmp_path: Path) -> str:
    """A file of the same disk that is in none of the folders."""
    async with StorageManager(
        FILESYSTEM, filesystem_config=FilesystemConfig(root=tmp_path, durability=False)
    ) as everything:
        return (await everything.upload_service.upload_bytes("a.txt", b"x", "private")).file_id


@pytest.fixture
async def manager(tmp_path: Path, outside: str) -> AsyncIterator[StorageManager]:
    config = FilesystemConfig(root=tmp_path, durability=False)
    async with StorageManager(
        FILESYSTEM, filesystem_config=config, folders=["/public", "drafts/2026/", "für dich"]
    ) as manager:
        yield manager


@pytest.mark.parametrize("folder", ["public", "public/deep", "/drafts/2026/", "für dich", "für dich/zwei mal"])
async def test_files_of_these_folders_come_and_go(manager: StorageManager, folder: str) -> None:
    file_id = (await manager.upload_service.upload_bytes("a.txt", b"x", folder)).file_id
    copy = await manager.copy_service.copy_file(file_id, folder="public")
    assert await manager.download_service.download_bytes(copy.file_id) == b"x"
    assert len([info async for info in manager.list_service.list_files("public/")]) >= 1
    await manager.delete_service.delete_file(file_id)


async def test_nothing_else_is_reached(manager: StorageManager, outside: str) -> None:
    inside = (await manager.upload_service.upload_bytes("a.txt", b"x", "public")).file_id
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: manager.download_service.download_bytes(outside),
        lambda: manager.info_service.get_file_info(outside),
        lambda: manager.delete_service.delete_file(outside),
        lambda: manager.copy_service.copy_file(outside, folder="public"),
        lambda: manager.copy_service.copy_file(inside, folder="private"),
        lambda: manager.copy_service.copy_file(inside),
        lambda: manager.upload_service.upload_bytes("a.txt", b"x"),
        lambda: manager.upload_service.upload_bytes("a.txt", b"x", "publicity"),
        manager.list_service.list_page,
        lambda: manager.list_service.list_page("public"),
        lambda: anext(manager.list_service.list_files("private/")),
    ]
    for attempt in attempts:
        with pytest.raises(
            RouteNotSupportedException,
            match="only the folders drafts/2026/, für dich/, für~20dich/, public/ are served here",
        ):
            await attempt()
    assert len([info async for info in manager.list_service.list_files("public/")]) == 1


def test_a_folder_has_a_name() -> None:
    with pytest.raises(InvalidArgumentException, match="a folder of those that are served has no name"):
        StorageManager(FILESYSTEM, filesystem_config=FilesystemConfig(root="data"), folders=["/"])

"""A manager on the local disk, and what opening it costs."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Never

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.backends import Mount, MountedBackend, Observer
from s3py_helper.storage import (
    FastdfsConfig,
    FileNotFoundException,
    FilesystemConfig,
    FileTooLargeException,
    FileTypeConfig,
    FileValidatorImpl,
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
    S3Config,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.testing import FailingStore, leak_guard

FILESYSTEM = StorageModeConfig(mode=StorageMode.FILESYSTEM)

USE_EVERYTHING = """
import asyncio, sys
from s3py_helper.storage import FilesystemConfig, StorageManager, StorageMode, StorageModeConfig

async def main():
    config = FilesystemConfig(root=sys.argv[1])
    async with StorageManager(StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=config) as manager:
        attach = await manager.upload_service.upload_bytes("a.txt", b"hello")
        assert await manager.download_service.download_bytes(attach.file_id) == b"hello"

asyncio.run(main())
for name in ("aioboto3", "botocore", "aiohttp", "aiofdfs", "fastapi", "starlette", "typer", "uvicorn"):
    assert name not in sys.modules, name
"""


async def test_a_file_survives_the_manager(tmp_path: Path) -> None:
    config = FilesystemConfig(root=tmp_path, default_bucket="docs")
    async with leak_guard(), StorageManager(FILESYSTEM, filesystem_config=config) as manager:
        attach = await manager.upload_service.upload_bytes("report.pdf", b"hello", folder="reports")
    assert attach.file_id.startswith("fs:docs/reports/")
    async with StorageManager(FILESYSTEM, filesystem_config=config) as manager:
        assert await manager.download_service.download_bytes(attach.file_id) == b"hello"
        info = await manager.info_service.get_file_info(attach.file_id)
        assert (info.file_name, info.file_size, info.content_type) == ("report.pdf", 5, "application/pdf")
        assert info.checksum == attach.checksum == "crc32:3610a686"
        assert (await manager.health_service.report()).healthy
        await manager.delete_service.delete_file(attach.file_id)
        with pytest.raises(FileNotFoundException):
            await manager.info_service.get_file_info(attach.file_id)


async def test_ids_of_other_backends_are_refused(tmp_path: Path) -> None:
    async with StorageManager(FILESYSTEM, filesystem_config=FilesystemConfig(root=tmp_path)) as manager:
        for file_id in ("s3:my-bucket/a", "group1/M00/00/00/some_file.pdf"):
            with pytest.raises(RouteNotSupportedException):
                await manager.info_service.get_file_info(file_id)


async def test_only_the_buckets_given_are_used(tmp_path: Path) -> None:
    config = FilesystemConfig(root=tmp_path, default_bucket="docs")
    async with StorageManager(FILESYSTEM, filesystem_config=config, buckets=["docs"]) as manager:
        await manager.upload_service.upload_bytes("a.txt", b"x")
        with pytest.raises(RouteNotSupportedException):
            await manager.upload_service.upload_bytes("a.txt", b"x", bucket="other")


async def test_rules_for_uploads_are_kept(tmp_path: Path) -> None:
    config = FilesystemConfig(root=tmp_path)
    rules = FileTypeConfig(blacklist=["exe"])
    async with StorageManager(FILESYSTEM, file_type_config=rules, filesystem_config=config) as manager:
        with pytest.raises(InvalidFileTypeException):
            await manager.upload_service.upload_bytes("a.exe", b"x")
    async with StorageManager(
        FILESYSTEM, filesystem_config=config, validator=FileValidatorImpl(rules, max_file_size=3)
    ) as manager:
        with pytest.raises(FileTooLargeException):
            await manager.upload_service.upload_bytes("a.txt", b"1234")


async def test_a_manager_whose_opening_fails_can_be_opened_later(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"a file where the folder should be")
    manager = StorageManager(FILESYSTEM, filesystem_config=FilesystemConfig(root=tmp_path / "taken"))
    for _ in range(2):
        with pytest.raises(Exception, match="taken"):
            await manager.__aenter__()
    (tmp_path / "taken").unlink()
    async with manager:
        assert (await manager.health_service.report()).healthy


async def test_a_cancelled_opening_leaves_the_manager_closed(tmp_path: Path) -> None:
    manager = StorageManager(FILESYSTEM, filesystem_config=FilesystemConfig(root=tmp_path))
    async with leak_guard():
        opening = asyncio.create_task(manager.__aenter__())
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    async with manager:
        assert (await manager.health_service.report()).healthy


def test_local_files_need_no_client_of_a_server(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", USE_EVERYTHING, str(tmp_path)], check=True, timeout=60)


async def test_a_manager_in_memory_needs_no_settings() -> None:
    async with StorageManager.in_memory() as manager:
        attach = await manager.upload_service.upload_bytes("a.txt", b"kept")
        assert attach.file_id.startswith("memory:files/")
        assert await manager.download_service.download_bytes(attach.file_id) == b"kept"
        copied = await manager.copy_service.copy_file(attach.file_id, "b.txt")
        listed = [info.file_id async for info in manager.list_service.list_files()]
        assert sorted(listed) == sorted([attach.file_id, copied.file_id])
        await manager.delete_service.delete_file(attach.file_id)
        report = await manager.health_service.report()
        assert report.healthy


async def test_a_mounted_store_is_served_beside_the_mode(tmp_path: Path) -> None:
    @asynccontextmanager
    async def open_shelf(_observer: Observer) -> AsyncGenerator[MountedBackend]:
        async with MemoryBlobStore("shelf") as store:
            yield MountedBackend(store, store)

    config = FilesystemConfig(root=tmp_path)
    mode = StorageModeConfig(mode=StorageMode.FILESYSTEM)
    mounts = [Mount("shelf", open_shelf)]
    async with StorageManager(mode, filesystem_config=config, mounts=mounts, new_files="shelf") as manager:
        attach = await manager.upload_service.upload_bytes("a.txt", b"on the shelf")
        assert attach.file_id.startswith("shelf:files/")
        assert await manager.download_service.download_bytes(attach.file_id) == b"on the shelf"
        with pytest.raises(FileNotFoundException):
            await manager.info_service.get_file_info("fs:files/none")
    async with StorageManager(mode, filesystem_config=config, mounts=mounts) as manager:
        assert (await manager.upload_service.upload_bytes("a.txt", b"x")).file_id.startswith("fs:")


def test_two_stores_cannot_have_one_scheme() -> None:
    def never(_observer: Observer) -> Never:
        raise AssertionError

    with pytest.raises(InvalidArgumentException, match="mounted twice: shelf, shelf"):
        StorageManager(mounts=[Mount("shelf", never), Mount("shelf", never)])
    with pytest.raises(InvalidArgumentException, match="invalid scheme 's3'"):
        Mount("s3", never)


async def test_closing_waits_for_what_is_being_rolled_back() -> None:
    kept = MemoryBlobStore("shelf", "files")
    store = FailingStore(kept)
    left: list[int] = []

    @asynccontextmanager
    async def opened(_observer: Observer) -> AsyncGenerator[MountedBackend]:
        async with kept:
            yield MountedBackend(store, store)
            left.append(len(kept.file_ids))

    async with leak_guard():
        manager = await StorageManager(mounts=[Mount("shelf", opened)]).__aenter__()
        attach = await manager.upload_service.upload_bytes("a.txt", b"x")
        gate = store.hold("delete")
        rolling_back = asyncio.create_task(manager.upload_service.roll_back([attach]))
        await gate.reached.wait()
        rolling_back.cancel()
        closing = asyncio.ensure_future(manager.__aexit__(None, None, None))
        for _ in range(3):
            await asyncio.sleep(0)
            closing.cancel()
        gate.released.set()
        with pytest.raises(asyncio.CancelledError):
            await closing
    assert left == [0], "the backend is closed, and when it was, everything had been rolled back"


@pytest.mark.parametrize(
    "client",
    [
        S3Client(S3Config(endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")),
        FastdfsClient(FastdfsConfig(tracker_servers=["127.0.0.1:1"])),
    ],
    ids=lambda client: type(client).__name__,
)
async def test_closing_a_raw_client_waits_for_it_too(client: S3Client | FastdfsClient) -> None:
    rolled_back = 0

    async def work() -> None:
        nonlocal rolled_back
        await asyncio.sleep(0.01)
        rolled_back += 1

    for opened in (1, 2):
        async with client:
            assert client.locator().clean_up.start("s3", "it", work)
        assert rolled_back == opened

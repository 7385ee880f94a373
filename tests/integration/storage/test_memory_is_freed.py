"""The same on servers: whatever becomes of an operation, nothing is left to the collector of cycles."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from s3py_helper.storage import FastdfsConfig, FileAttach, StorageManager, StorageMode, StorageModeConfig
from tests.support.collector import nothing_for_the_collector
from tests.unit.storage.test_memory_is_freed import LARGE, SCENES, Scene

if TYPE_CHECKING:
    from tests.support.fastdfs.site import FastdfsSite
    from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=["s3", "fastdfs"])
async def manager(request: pytest.FixtureRequest) -> AsyncIterator[StorageManager]:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("seaweedfs")
        opening = StorageManager(StorageModeConfig(mode=StorageMode.S3), server.config())
    else:
        site: FastdfsSite = request.getfixturevalue("fastdfs_site")
        config = FastdfsConfig(tracker_servers=list(site.trackers))
        opening = StorageManager(StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=config)
    async with opening as manager:
        yield manager


@pytest.fixture
async def stored(manager: StorageManager) -> list[FileAttach]:
    content = bytes(range(256)) * (LARGE // 256)
    return [await manager.upload_service.upload_bytes(f"{number}.bin", content) for number in range(4)]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_memory_is_freed(manager: StorageManager, stored: list[FileAttach], scene: Scene) -> None:
    await scene(manager, stored)
    with nothing_for_the_collector():
        await scene(manager, stored)
        await scene(manager, stored)

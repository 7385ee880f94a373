"""The servers of the published manual: S3 with the bucket `my-bucket`, and FastDFS."""

from collections.abc import AsyncIterator

import pytest

from s3py_helper.storage import FastdfsConfig, S3Config, StorageManager, StorageMode, StorageModeConfig
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

CONTENT = b"%PDF-1.7 " + bytes(range(256)) * 40


@pytest.fixture
def s3_config(seaweedfs: S3Server) -> S3Config:
    for bucket in ("my-bucket", "other-bucket"):
        inspector_of(seaweedfs, bucket)
    return S3Config(
        endpoint=seaweedfs.endpoint,
        access_key_id=seaweedfs.access_key,
        secret_access_key=seaweedfs.secret_key,
        default_bucket="my-bucket",
    )


@pytest.fixture
def fastdfs_config(fastdfs_site: FastdfsSite) -> FastdfsConfig:
    return FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))


@pytest.fixture
async def manager(s3_config: S3Config, fastdfs_config: FastdfsConfig) -> AsyncIterator[StorageManager]:
    """Hybrid mode, as the manual opens it."""
    async with StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.HYBRID),
        s3_config=s3_config,
        fastdfs_config=fastdfs_config,
    ) as opened:
        yield opened


@pytest.fixture
async def old_contract(fastdfs_config: FastdfsConfig) -> AsyncIterator[str]:
    """The id of a file that has been in FastDFS for years."""
    async with StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=fastdfs_config
    ) as fastdfs_only:
        attach = await fastdfs_only.upload_service.upload_bytes("old contract.pdf", CONTENT)
        yield attach.file_id

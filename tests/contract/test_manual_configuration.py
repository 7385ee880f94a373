"""Section 2 of the published manual: configuration."""

import pytest

from s3py_helper.storage import (
    DeleteService,
    DownloadService,
    FastdfsConfig,
    FileTypeConfig,
    FileValidatorImpl,
    InfoService,
    InvalidArgumentException,
    S3Config,
    StorageManager,
    StorageMode,
    StorageModeConfig,
    StorageOperationException,
    UploadService,
)

S3 = S3Config(
    endpoint="http://192.168.30.36:9001", access_key_id="your-access-key", secret_access_key="your-secret-key"
)
FASTDFS = FastdfsConfig(tracker_servers=["192.168.30.36:22122"], connect_timeout=2, network_timeout=30)


def test_the_defaults_are_those_of_the_manual() -> None:
    assert S3.region == "us-east-1"
    assert FASTDFS.store_path_index == -1
    assert StorageModeConfig().mode is StorageMode.HYBRID
    assert [mode.value for mode in (StorageMode.S3, StorageMode.FASTDFS, StorageMode.HYBRID)] == [
        "s3",
        "fastdfs",
        "hybrid",
    ]


def test_a_validator_takes_type_rules_and_a_size() -> None:
    validator = FileValidatorImpl(
        file_type_config=FileTypeConfig(whitelist=["pdf", "jpg", "png", "zip"], blacklist=["exe", "bat"]),
        max_file_size=100 * 1024 * 1024,
    )
    validator.validate_file_name("a.pdf")
    validator.validate_file_type("a.pdf")
    validator.validate_file_size(100 * 1024 * 1024)


@pytest.mark.parametrize(
    ("mode", "s3_config", "fastdfs_config", "missing"),
    [
        (StorageMode.S3, None, FASTDFS, "s3_config"),
        (StorageMode.FASTDFS, S3, None, "fastdfs_config"),
        (StorageMode.HYBRID, S3, None, "fastdfs_config"),
        (StorageMode.HYBRID, None, FASTDFS, "s3_config"),
        (StorageMode.FILESYSTEM, S3, FASTDFS, "filesystem_config"),
    ],
)
def test_a_missing_setting_is_named_when_the_manager_is_made(
    mode: StorageMode, s3_config: S3Config | None, fastdfs_config: FastdfsConfig | None, missing: str
) -> None:
    with pytest.raises(InvalidArgumentException, match=missing):
        StorageManager(StorageModeConfig(mode=mode), s3_config, fastdfs_config)


async def test_opening_needs_no_server() -> None:
    manager = StorageManager(StorageModeConfig(mode=StorageMode.HYBRID), S3, FASTDFS)
    for _ in range(2):
        async with manager:
            assert isinstance(manager.upload_service, UploadService)
            assert isinstance(manager.download_service, DownloadService)
            assert isinstance(manager.delete_service, DeleteService)
            assert isinstance(manager.info_service, InfoService)


async def test_a_manager_says_when_it_is_not_open() -> None:
    manager = StorageManager(StorageModeConfig(mode=StorageMode.S3), S3)
    with pytest.raises(StorageOperationException, match="async with"):
        _ = manager.upload_service
    async with manager:
        with pytest.raises(StorageOperationException, match="open already"):
            await manager.__aenter__()
        assert isinstance(manager.upload_service, UploadService)
    with pytest.raises(StorageOperationException, match="async with"):
        _ = manager.upload_service

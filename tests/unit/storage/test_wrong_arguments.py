"""Whatever is given to a public method or constructor: an error of the kit says what is wrong."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.migration import Route
from s3py_helper.entrypoints.container.mounts import Mount
from s3py_helper.fastapi import Limits
from s3py_helper.storage import (
    Backend,
    ByteRange,
    FastdfsConfig,
    FileAttach,
    FileBasicInfo,
    FileDownload,
    FileId,
    FilePage,
    FilesystemConfig,
    FileTypeConfig,
    FileUploadLink,
    FileValidatorImpl,
    FusionConfig,
    InvalidArgumentException,
    MigrationConfig,
    S3Config,
    S3PerfConfig,
    StorageException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.fastdfs.service.appender_service import FastdfsAppenderServiceImpl
from s3py_helper.storage.fastdfs.service.delete_service import FastdfsDeleteServiceImpl
from s3py_helper.storage.fastdfs.service.download_service import FastdfsDownloadServiceImpl
from s3py_helper.storage.fastdfs.service.info_service import FastdfsInfoServiceImpl
from s3py_helper.storage.fastdfs.service.metadata_service import FastdfsMetadataServiceImpl
from s3py_helper.storage.fastdfs.service.slave_service import FastdfsSlaveServiceImpl
from s3py_helper.storage.fastdfs.service.upload_service import FastdfsUploadServiceImpl
from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl
from s3py_helper.storage.fusion.service.delete_service import FusionDeleteServiceImpl
from s3py_helper.storage.fusion.service.download_service import FusionDownloadServiceImpl
from s3py_helper.storage.fusion.service.info_service import FusionInfoServiceImpl
from s3py_helper.storage.fusion.service.upload_service import FusionUploadServiceImpl
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.storage.s3raw.multipart import (
    CompletedPart,
    CompleteResult,
    InitiateResult,
    ListPartsResult,
    PartInfo,
    S3MultipartUploadImpl,
)
from s3py_helper.storage.s3raw.service.delete_service import S3RawDeleteServiceImpl
from s3py_helper.storage.s3raw.service.download_service import S3RawDownloadServiceImpl
from s3py_helper.storage.s3raw.service.info_service import S3RawInfoServiceImpl
from s3py_helper.storage.s3raw.service.upload_service import S3RawUploadServiceImpl
from tests.support.sweeping import FormFile, assert_plain, methods_of, swept, swept_method, wrong_values

FASTDFS_ID = "group1/M00/00/00/CgAAAWZ4QlOAAAAAAAAAC0cH1BU123.txt"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some wrong arguments are right paths."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


SERVICES = sorted(name for name in dir(StorageManager) if name.endswith("_service"))


@pytest.mark.parametrize("name", SERVICES)
async def test_the_services_on_the_local_disk(tmp_path: Path, name: str) -> None:
    config = FilesystemConfig(root=tmp_path, durability=False)
    async with StorageManager(StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=config) as manager:
        kept = await manager.upload_service.upload_bytes("a.txt", b"abc")
        assert await swept(getattr(manager, name), kept.file_id) or name == "health_service"


@pytest.mark.parametrize("name", SERVICES)
async def test_the_services_on_a_mounted_store(name: str) -> None:
    async with StorageManager.in_memory() as manager:
        kept = await manager.upload_service.upload_bytes("a.txt", b"abc")
        assert await swept(getattr(manager, name), kept.file_id) or name == "health_service"


UNREACHABLE = S3Config(
    endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b", perf=S3PerfConfig(max_retries=0)
)


@pytest.mark.parametrize("name", SERVICES)
async def test_the_services_on_s3(name: str) -> None:
    async with StorageManager(StorageModeConfig(mode=StorageMode.S3), UNREACHABLE) as manager:
        assert await swept(getattr(manager, name), "s3:demo/a.txt") or name == "health_service"


async def test_the_raw_services() -> None:
    async with S3Client(UNREACHABLE) as client:
        for service in (
            client,
            S3RawUploadServiceImpl(client, UNREACHABLE),
            S3RawDownloadServiceImpl(client),
            S3RawInfoServiceImpl(client),
            S3RawDeleteServiceImpl(client),
        ):
            assert await swept(service, "demo/a.txt")
        parts = [CompletedPart(part_number=1, e_tag="x")]
        assert await swept(S3MultipartUploadImpl(client), "demo/a.txt", parts=parts)


NO_TRACKER = FastdfsConfig(tracker_servers=["127.0.0.1:1"])


async def test_the_raw_services_of_fastdfs() -> None:
    async with FastdfsClient(NO_TRACKER) as client:
        for service in (
            client,
            FastdfsAppenderServiceImpl(client),
            FastdfsMetadataServiceImpl(client),
            FastdfsSlaveServiceImpl(client),
            FastdfsUploadServiceImpl(client),
            FastdfsDownloadServiceImpl(client),
            FastdfsInfoServiceImpl(client),
            FastdfsDeleteServiceImpl(client),
        ):
            assert await swept(service, FASTDFS_ID)


async def test_a_migration(tmp_path: Path) -> None:
    async with StorageManager(
        StorageModeConfig(mode=StorageMode.HYBRID),
        UNREACHABLE,
        NO_TRACKER,
        migration_config=MigrationConfig(ledger=str(tmp_path / "ledger.db")),
    ) as manager:
        right = {"group": "group1", "route": Route.FASTDFS, "keep": True, "change": LimitsChange()}
        options = {"plan": PlanOptions(), "verify": VerifyOptions()}
        for method in methods_of(manager.migration):
            await swept_method(method, FASTDFS_ID, **right, options=options.get(method.__name__))


async def test_the_fusion_services() -> None:
    router = FileIdRouterImpl()
    async with S3Client(UNREACHABLE) as client:
        for service in (
            router,
            FusionUploadServiceImpl(S3RawUploadServiceImpl(client, UNREACHABLE), FileValidatorImpl(), router),
            FusionDownloadServiceImpl(S3RawDownloadServiceImpl(client), None, router),
            FusionInfoServiceImpl(S3RawInfoServiceImpl(client), None, router),
            FusionDeleteServiceImpl(S3RawDeleteServiceImpl(client), None, router),
        ):
            assert await swept(service, "s3:demo/a.txt")


async def _nowhere(_observer: object) -> None:
    """Opens nothing."""


def _parsed(text: str) -> FileId:
    """As users call it: the other parameter is for the locator."""
    return FileId.parse(text)


_CLIENT = S3Client(UNREACHABLE)
_FASTDFS_CLIENT = FastdfsClient(NO_TRACKER)
_ROUTER = FileIdRouterImpl()
_CONSTRUCTORS: list[tuple[Callable[..., object], dict[str, object]]] = [
    (S3Config, {"endpoint": "http://h"}),
    (S3PerfConfig, {}),
    (FastdfsConfig, {"tracker_servers": ["t:1"]}),
    (FilesystemConfig, {"root": "data"}),
    (FusionConfig, {}),
    (MigrationConfig, {}),
    (Limits, {}),
    (FileTypeConfig, {}),
    (StorageModeConfig, {}),
    (FileDownload, {"file_id": "a"}),
    (FileAttach, {"file_id": "a", "file_name": "a"}),
    (FileBasicInfo, {"file_id": "a"}),
    (FilePage, {"files": []}),
    (FileUploadLink, {"url": "http://h", "headers": {}, "file_id": "a"}),
    (FileValidatorImpl, {}),
    (ByteRange, {"first": 0, "last": None}),
    (FileId, {"backend": Backend.S3, "bucket": "abc", "key": "k"}),
    (_parsed, {"text": "s3:abc/k"}),
    (StorageManager, {"s3_config": UNREACHABLE, "mode_config": StorageModeConfig(mode=StorageMode.S3)}),
    (Mount, {"scheme": "shelf", "open": _nowhere}),
    (S3Client, {"config": UNREACHABLE}),
    (S3RawUploadServiceImpl, {"s3_client": _CLIENT, "config": UNREACHABLE}),
    (S3RawDownloadServiceImpl, {"s3_client": _CLIENT}),
    (S3RawInfoServiceImpl, {"s3_client": _CLIENT}),
    (S3RawDeleteServiceImpl, {"s3_client": _CLIENT}),
    (S3MultipartUploadImpl, {"client": _CLIENT}),
    (FastdfsClient, {"config": NO_TRACKER}),
    (FastdfsAppenderServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (FastdfsMetadataServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (FastdfsSlaveServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (FastdfsUploadServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (FastdfsDownloadServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (FastdfsInfoServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (FastdfsDeleteServiceImpl, {"fdfs_client": _FASTDFS_CLIENT}),
    (
        FusionUploadServiceImpl,
        {
            "s3_upload_service": S3RawUploadServiceImpl(_CLIENT, UNREACHABLE),
            "validator": FileValidatorImpl(),
            "router": _ROUTER,
        },
    ),
    (
        FusionDownloadServiceImpl,
        {
            "s3_download_service": S3RawDownloadServiceImpl(_CLIENT),
            "fdfs_download_service": FastdfsDownloadServiceImpl(_FASTDFS_CLIENT),
            "router": _ROUTER,
        },
    ),
    (
        FusionInfoServiceImpl,
        {
            "s3_info_service": S3RawInfoServiceImpl(_CLIENT),
            "fdfs_info_service": FastdfsInfoServiceImpl(_FASTDFS_CLIENT),
            "router": _ROUTER,
        },
    ),
    (
        FusionDeleteServiceImpl,
        {
            "s3_delete_service": S3RawDeleteServiceImpl(_CLIENT),
            "fdfs_delete_service": FastdfsDeleteServiceImpl(_FASTDFS_CLIENT),
            "router": _ROUTER,
        },
    ),
    (CompletedPart, {"part_number": 1, "e_tag": "x"}),
    (InitiateResult, {"upload_id": "x", "bucket": "b", "key": "k"}),
    (CompleteResult, {"location": "", "bucket": "b", "key": "k"}),
    (PartInfo, {"part_number": 1, "size": 1, "last_modified": "2026-11-26T00:00:00Z", "e_tag": "x"}),
    (ListPartsResult, {"parts": []}),
    (FileValidatorImpl().validate_file_name, {"file_name": "a"}),
    (FileValidatorImpl(FileTypeConfig(whitelist=["txt"])).validate_file_type, {"file_name": "a.txt"}),
    (FileValidatorImpl(max_file_size=5).validate_file_size, {"file_size": 1}),
]


@pytest.mark.parametrize(("make", "right"), _CONSTRUCTORS, ids=lambda value: getattr(value, "__qualname__", None))
def test_constructors(make: Callable[..., object], right: dict[str, object]) -> None:
    make(**right)
    names = getattr(make, "model_fields", None) or inspect.signature(make).parameters
    for name in names:
        for value in wrong_values():
            try:
                make(**right | {name: value})
            except StorageException as error:
                assert_plain(error)
            except Exception as error:
                error.add_note(f"{make.__qualname__}({name}={value!r})")
                raise


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mode_config": "s3"}, "mode_config is a StorageModeConfig, got str"),
        ({"s3_config": {"endpoint": "http://h"}}, "s3_config is a S3Config, got dict"),
        ({"buckets": "docs"}, "buckets is a list of str, got str"),
        ({"buckets": ["docs", 5]}, "each of buckets is a str, got int"),
        ({"concurrent_files": 0}, "concurrent_files is at least 1, got"),
        ({"concurrent_files": True}, "concurrent_files is a whole number, got bool"),
        ({"validator": object()}, "validator is an object with the method validate_file_name"),
        ({"observer": print}, "observer is an object with the method notify"),
        ({"mounts": [5]}, "each of mounts is a Mount, got int"),
    ],
)
def test_a_manager_says_what_it_should_have_been_given(wrong: dict[str, object], message: str) -> None:
    right = {"s3_config": UNREACHABLE, "mode_config": StorageModeConfig(mode=StorageMode.S3)}
    with pytest.raises(InvalidArgumentException, match=message):
        StorageManager(**right | wrong)  # type: ignore[arg-type]  # that is the point


async def test_what_a_client_claims_of_a_type_does_not_refuse_its_file(tmp_path: Path) -> None:
    config = FilesystemConfig(root=tmp_path, durability=False)
    async with StorageManager(StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=config) as manager:
        for claimed in ("tëxt/plain", "text/plain\n", "", "a\0"):
            file = FormFile()
            file.content_type = claimed  # type: ignore[assignment]  # any client may send this
            attach = await manager.upload_service.upload_file(file)
            assert attach.content_type == "text/plain"
            with pytest.raises(InvalidArgumentException, match="content type"):
                await manager.upload_service.upload_bytes("a.txt", b"", content_type=claimed)

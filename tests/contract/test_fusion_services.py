"""The package `fusion`: services assembled by hand from raw ones, as the published manual says they are."""

import io
import zipfile
from collections.abc import AsyncIterator

import pytest

from s3py_helper.storage import (
    DeleteNotSupportedException,
    FastdfsConfig,
    FileDownload,
    FileIdRouterImpl,
    FileTypeConfig,
    FileValidatorImpl,
    FusionConfig,
    FusionDeleteServiceImpl,
    FusionDownloadServiceImpl,
    FusionInfoServiceImpl,
    FusionUploadServiceImpl,
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
    S3Config,
    S3PerfConfig,
    StorageMode,
)
from s3py_helper.storage.fastdfs import (
    FastdfsClient,
    FastdfsDeleteServiceImpl,
    FastdfsDownloadServiceImpl,
    FastdfsInfoServiceImpl,
    FastdfsUploadServiceImpl,
)
from s3py_helper.storage.s3raw import (
    S3Client,
    S3RawDeleteServiceImpl,
    S3RawDownloadServiceImpl,
    S3RawInfoServiceImpl,
    S3RawUploadServiceImpl,
)
from tests.contract.conftest import CONTENT

pytestmark = pytest.mark.timeout(60)

ROUTER = FileIdRouterImpl()
VALIDATOR = FileValidatorImpl(FileTypeConfig(blacklist=["exe"]))


@pytest.fixture
async def s3(s3_config: S3Config) -> AsyncIterator[S3Client]:
    async with S3Client(s3_config) as client:
        yield client


@pytest.fixture
async def fastdfs(fastdfs_config: FastdfsConfig) -> AsyncIterator[FastdfsClient]:
    async with FastdfsClient(fastdfs_config) as client:
        yield client


@pytest.fixture
async def ids(s3: S3Client, fastdfs: FastdfsClient, s3_config: S3Config) -> AsyncIterator[list[str]]:
    """A file on each backend, stored by fusion services of the modes that store there."""
    to_s3 = FusionUploadServiceImpl(S3RawUploadServiceImpl(s3, s3_config), VALIDATOR, ROUTER)
    to_fastdfs = FusionUploadServiceImpl(
        None, VALIDATOR, ROUTER, fdfs_upload_service=FastdfsUploadServiceImpl(fastdfs), mode=StorageMode.FASTDFS
    )
    stored = [
        (await to_s3.upload_bytes("new.pdf", CONTENT, folder="reports", metadata={"author": "john"})).file_id,
        (await to_fastdfs.upload_bytes("old.pdf", CONTENT, metadata={"author": "john"})).file_id,
    ]
    yield stored
    await FastdfsDeleteServiceImpl(fastdfs).delete_file(stored[1])


async def test_new_files_go_where_the_mode_says(ids: list[str]) -> None:
    assert ids[0].startswith("s3:my-bucket/reports/")
    assert [ROUTER.route(file_id) for file_id in ids] == ["s3", "fastdfs"]


async def test_files_of_both_backends_are_read_and_packed(s3: S3Client, fastdfs: FastdfsClient, ids: list[str]) -> None:
    downloads = FusionDownloadServiceImpl(S3RawDownloadServiceImpl(s3), FastdfsDownloadServiceImpl(fastdfs), ROUTER)
    buffer = io.BytesIO()
    await downloads.download_files_as_zip([FileDownload(file_id=file_id) for file_id in ids], buffer)
    with zipfile.ZipFile(buffer) as archive:
        assert archive.namelist() == ["new.pdf", "old.pdf"]
    for file_id in ids:
        assert await downloads.download_bytes(file_id) == CONTENT


async def test_files_of_both_backends_are_described(s3: S3Client, fastdfs: FastdfsClient, ids: list[str]) -> None:
    infos = FusionInfoServiceImpl(S3RawInfoServiceImpl(s3), FastdfsInfoServiceImpl(fastdfs), ROUTER)
    for file_id in ids:
        info = await infos.get_file_info(file_id)
        assert (info.file_id, info.file_size, info.metadata) == (file_id, len(CONTENT), {"author": "john"})


async def test_what_is_switched_off_is_refused(s3: S3Client, fastdfs: FastdfsClient, ids: list[str]) -> None:
    config = FusionConfig(enable_fastdfs_download=False, enable_fastdfs_delete=False)
    deletes = FusionDeleteServiceImpl(S3RawDeleteServiceImpl(s3), FastdfsDeleteServiceImpl(fastdfs), ROUTER, config)
    downloads = FusionDownloadServiceImpl(
        S3RawDownloadServiceImpl(s3), FastdfsDownloadServiceImpl(fastdfs), ROUTER, config
    )
    with pytest.raises(DeleteNotSupportedException):
        await deletes.delete_file(ids[1])
    with pytest.raises(RouteNotSupportedException):
        await downloads.download_bytes(ids[1])
    assert await downloads.download_bytes(ids[0]) == CONTENT
    await deletes.delete_file(ids[0])


async def test_a_backend_without_a_raw_service_is_not_served(
    s3: S3Client, fastdfs: FastdfsClient, ids: list[str]
) -> None:
    s3_only = FusionInfoServiceImpl(S3RawInfoServiceImpl(s3), None, ROUTER)
    fastdfs_only = FusionInfoServiceImpl(None, FastdfsInfoServiceImpl(fastdfs), ROUTER)
    for service, served, refused in ((s3_only, ids[0], ids[1]), (fastdfs_only, ids[1], ids[0])):
        assert (await service.get_file_info(served)).file_id == served
        with pytest.raises(RouteNotSupportedException):
            await service.get_file_info(refused)


async def test_the_settings_of_raw_services_hold(s3: S3Client, ids: list[str]) -> None:
    small = S3RawDownloadServiceImpl(s3, perf_config=S3PerfConfig(download_chunk_size=4096))
    downloads = FusionDownloadServiceImpl(small, None, ROUTER)
    sizes = [len(chunk) async for chunk in downloads.download_to_generator(ids[0])]
    assert max(sizes) == 4096
    assert sum(sizes) == len(CONTENT)


async def test_uploads_are_validated(s3: S3Client, s3_config: S3Config) -> None:
    uploads = FusionUploadServiceImpl(S3RawUploadServiceImpl(s3, s3_config), VALIDATOR, ROUTER)
    with pytest.raises(InvalidFileTypeException):
        await uploads.upload_bytes("a.exe", b"x")


@pytest.mark.parametrize(
    ("mode", "missing"),
    [
        (StorageMode.S3, "s3_upload_service"),
        (StorageMode.HYBRID, "s3_upload_service"),
        (StorageMode.FASTDFS, "fdfs_upload_service"),
        (StorageMode.FILESYSTEM, "modes s3, fastdfs and hybrid"),
    ],
)
def test_a_missing_raw_service_is_named(mode: StorageMode, missing: str) -> None:
    with pytest.raises(InvalidArgumentException, match=missing):
        FusionUploadServiceImpl(None, VALIDATOR, ROUTER, mode=mode)


def test_a_fusion_service_needs_one_raw_service() -> None:
    for make in (FusionDownloadServiceImpl, FusionDeleteServiceImpl, FusionInfoServiceImpl):
        with pytest.raises(InvalidArgumentException, match="of S3, of FastDFS, or of both"):
            make(None, None, ROUTER)


def test_the_router_looks_at_prefixes() -> None:
    assert ROUTER.add_s3_prefix("my-bucket/a") == ROUTER.add_s3_prefix("s3:my-bucket/a") == "s3:my-bucket/a"
    assert ROUTER.strip_s3_prefix("s3:my-bucket/a") == ROUTER.strip_s3_prefix("my-bucket/a") == "my-bucket/a"
    assert [ROUTER.is_s3_file(text) for text in ("s3:a/b", "group1/M00/a", "S3:a/b")] == [True, False, False]
    assert ROUTER.route("fs:files/a") == "filesystem"

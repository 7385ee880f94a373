"""What fusion services take over from the raw services they are made of."""

import pytest

from s3py_helper.application.ports.observer import OperationEnded
from s3py_helper.domain.errors import FileTypeMismatchException, StorageOperationException
from s3py_helper.domain.routing import StorageMode
from s3py_helper.storage import (
    FastdfsConfig,
    FileIdRouterImpl,
    FileTypeConfig,
    FileValidatorImpl,
    FusionInfoServiceImpl,
    FusionUploadServiceImpl,
    S3Config,
)
from s3py_helper.storage.fastdfs import FastdfsClient, FastdfsInfoServiceImpl, FastdfsUploadServiceImpl
from s3py_helper.storage.fusion.assembly import fused
from s3py_helper.storage.s3raw import S3Client, S3RawInfoServiceImpl, S3RawUploadServiceImpl
from tests.support.recorder import Recorder

ROUTER = FileIdRouterImpl()
S3 = S3Config(endpoint="http://127.0.0.1:9", access_key_id="key", secret_access_key="secret")
FASTDFS = FastdfsConfig(tracker_servers=["127.0.0.1:9"])


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


@pytest.fixture
def s3(observer: Recorder) -> S3Client:
    """Not open."""
    return S3Client(S3, observer)


@pytest.fixture
def fastdfs(observer: Recorder) -> FastdfsClient:
    """Not open."""
    return FastdfsClient(FASTDFS, observer)


async def test_they_report_to_the_observer_of_the_client(
    s3: S3Client, fastdfs: FastdfsClient, observer: Recorder
) -> None:
    for service, file_id in (
        (FusionInfoServiceImpl(S3RawInfoServiceImpl(s3), None, ROUTER), "s3:my-bucket/a"),
        (FusionInfoServiceImpl(None, FastdfsInfoServiceImpl(fastdfs), ROUTER), "group1/M00/00/00/a.txt"),
    ):
        with pytest.raises(StorageOperationException, match="not open"):
            await service.get_file_info(file_id)
    assert [event.file_id for event in observer.of(OperationEnded)] == ["s3:my-bucket/a", "group1/M00/00/00/a.txt"]


def test_what_they_leave_is_cleaned_up_before_the_client_is_closed(s3: S3Client, fastdfs: FastdfsClient) -> None:
    both = fused(S3RawInfoServiceImpl(s3), FastdfsInfoServiceImpl(fastdfs))
    assert both.clean_up is s3.locator().clean_up
    assert fused(None, FastdfsInfoServiceImpl(fastdfs)).clean_up is fastdfs.locator().clean_up


async def test_a_file_that_is_not_of_its_type_is_refused_where_that_is_asked_for(
    s3: S3Client, fastdfs: FastdfsClient
) -> None:
    strict = FileValidatorImpl(FileTypeConfig(match_content=True))
    for uploads in (
        FusionUploadServiceImpl(S3RawUploadServiceImpl(s3, S3), strict, ROUTER),
        FusionUploadServiceImpl(None, strict, ROUTER, FastdfsUploadServiceImpl(fastdfs), StorageMode.FASTDFS),
    ):
        with pytest.raises(FileTypeMismatchException):
            await uploads.upload_bytes("picture.png", b"%PDF-1.7 and so on")

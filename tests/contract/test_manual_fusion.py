"""Section 3 of the published manual: one set of services over S3 and FastDFS."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import UploadFile
from starlette.responses import StreamingResponse

from s3py_helper.storage import (
    DeleteNotSupportedException,
    FastdfsConfig,
    FileDownload,
    FileNotFoundException,
    FusionConfig,
    RouteNotSupportedException,
    S3Config,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.contract.conftest import CONTENT

MISSING_IN_FASTDFS = "group1/M00/00/00/some_file.pdf"


async def test_new_files_go_to_s3(manager: StorageManager) -> None:
    uploads = manager.upload_service
    attach = await uploads.upload_bytes("report.pdf", CONTENT, folder="reports")
    assert attach.file_id.startswith("s3:my-bucket/reports/")
    assert attach.file_name == "report.pdf"

    attach = await uploads.upload_file(UploadFile(io.BytesIO(CONTENT), filename="report.pdf"), folder="uploads")
    assert attach.file_id.startswith("s3:my-bucket/uploads/")

    attach = await uploads.upload_stream("data.csv", io.BytesIO(CONTENT), len(CONTENT), folder="data")
    assert await manager.download_service.download_bytes(attach.file_id) == CONTENT

    attach = await uploads.upload_bytes(
        "report.pdf", CONTENT, folder="reports", metadata={"author": "john", "category": "finance"}
    )
    info = await manager.info_service.get_file_info(attach.file_id)
    assert info.metadata == {"author": "john", "category": "finance"}

    many = [UploadFile(io.BytesIO(CONTENT), filename=f"{index}.pdf") for index in range(3)]
    attached = await uploads.upload_files(many, bucket="other-bucket")
    assert [attach.file_name for attach in attached] == ["0.pdf", "1.pdf", "2.pdf"]
    assert all(attach.file_id.startswith("s3:other-bucket/") for attach in attached)


@pytest.fixture
async def new_report(manager: StorageManager) -> str:
    return (await manager.upload_service.upload_bytes("report.pdf", CONTENT, folder="reports")).file_id


@pytest.mark.parametrize("source", ["new_report", "old_contract"])
async def test_every_id_is_read_by_its_prefix(
    manager: StorageManager,
    source: str,
    request: pytest.FixtureRequest,
    new_report: str,
    old_contract: str,
    tmp_path: Path,
) -> None:
    file_id = {"new_report": new_report, "old_contract": old_contract}[source]
    downloads = manager.download_service
    assert await downloads.download_bytes(file_id) == CONTENT
    with (tmp_path / "output.pdf").open("wb") as f:
        await downloads.download_to_stream(file_id, f)
    assert (tmp_path / "output.pdf").read_bytes() == CONTENT
    assert b"".join([chunk async for chunk in downloads.download_to_generator(file_id)]) == CONTENT


async def test_files_from_both_go_into_one_archive(manager: StorageManager, new_report: str, old_contract: str) -> None:
    files = [
        FileDownload(file_id=new_report, file_name="report.pdf"),
        FileDownload(file_id=old_contract, file_name="contract.pdf"),
        FileDownload(file_id=new_report, file_name="report.pdf"),
        FileDownload(file_id=new_report),
    ]
    buf = io.BytesIO()
    await manager.download_service.download_files_as_zip(files, buf)
    with zipfile.ZipFile(buf) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        assert len(set(names)) == 4
        assert names[:2] == ["report.pdf", "contract.pdf"]
        assert all(archive.read(name) == CONTENT for name in names)


async def test_an_archive_streams_into_a_response(manager: StorageManager, new_report: str) -> None:
    response = StreamingResponse(
        manager.download_service.stream_zip([FileDownload(file_id=new_report, file_name="doc.pdf")]),
        media_type="application/zip",
        headers={"Content-Disposition": "attachment; filename=files.zip"},
    )
    parts = [bytes(part) async for part in response.body_iterator]  # type: ignore[arg-type]  # it yields bytes here
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.read("doc.pdf") == CONTENT


async def test_a_file_in_s3_is_described(manager: StorageManager, new_report: str) -> None:
    info = await manager.info_service.get_file_info(new_report)
    assert (info.file_id, info.file_name, info.file_size) == (new_report, "report.pdf", len(CONTENT))
    assert info.last_modify_time is not None
    assert abs(datetime.now(UTC) - info.last_modify_time) < timedelta(minutes=5)
    assert info.metadata == {}


async def test_a_file_in_fastdfs_is_described(manager: StorageManager, old_contract: str) -> None:
    info = await manager.info_service.get_file_info(old_contract)
    assert (info.file_id, info.file_name, info.file_size) == (old_contract, "old contract.pdf", len(CONTENT))


@pytest.mark.parametrize("missing", ["s3:my-bucket/reports/none.pdf", MISSING_IN_FASTDFS])
async def test_a_missing_file_is_not_found(manager: StorageManager, missing: str) -> None:
    with pytest.raises(FileNotFoundException):
        await manager.info_service.get_file_info(missing)
    with pytest.raises(FileNotFoundException):
        await manager.download_service.download_bytes(missing)


async def test_files_are_deleted_by_their_prefix(manager: StorageManager, new_report: str, old_contract: str) -> None:
    for file_id in (new_report, old_contract):
        await manager.delete_service.delete_file(file_id)
        with pytest.raises(FileNotFoundException):
            await manager.info_service.get_file_info(file_id)
    await manager.delete_service.delete_file(new_report)
    with pytest.raises(FileNotFoundException):
        await manager.delete_service.delete_file(old_contract)


async def test_s3_mode_refuses_ids_of_fastdfs(s3_config: S3Config) -> None:
    async with StorageManager(mode_config=StorageModeConfig(mode=StorageMode.S3), s3_config=s3_config) as manager:
        attach = await manager.upload_service.upload_bytes("report.pdf", CONTENT)
        assert attach.file_id.startswith("s3:my-bucket/")
        await refuses(manager, MISSING_IN_FASTDFS)


async def test_fastdfs_mode_stores_there_and_refuses_ids_of_s3(fastdfs_config: FastdfsConfig) -> None:
    async with StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=fastdfs_config
    ) as manager:
        attach = await manager.upload_service.upload_bytes("report.pdf", CONTENT, folder="ignored", bucket="ignored")
        assert attach.file_id.startswith("group")
        assert attach.file_id.endswith(".pdf")
        assert await manager.download_service.download_bytes(attach.file_id) == CONTENT
        await manager.delete_service.delete_file(attach.file_id)
        await refuses(manager, "s3:my-bucket/reports/report.pdf")


async def refuses(manager: StorageManager, file_id: str) -> None:
    with pytest.raises(RouteNotSupportedException):
        await manager.download_service.download_bytes(file_id)
    with pytest.raises(RouteNotSupportedException):
        await manager.info_service.get_file_info(file_id)
    with pytest.raises(RouteNotSupportedException):
        await manager.delete_service.delete_file(file_id)
    with pytest.raises(RouteNotSupportedException):
        await manager.download_service.download_files_as_zip([FileDownload(file_id=file_id)], io.BytesIO())


async def test_deleting_from_fastdfs_can_be_switched_off(
    s3_config: S3Config, fastdfs_config: FastdfsConfig, old_contract: str
) -> None:
    async with StorageManager(
        s3_config=s3_config,
        fastdfs_config=fastdfs_config,
        fusion_config=FusionConfig(enable_fastdfs_delete=False),
    ) as manager:
        with pytest.raises(DeleteNotSupportedException):
            await manager.delete_service.delete_file(old_contract)
        assert await manager.download_service.download_bytes(old_contract) == CONTENT


async def test_hybrid_mode_serves_s3_while_fastdfs_is_down(s3_config: S3Config) -> None:
    # Port 1 of another loopback address: nobody listens there, so that connecting fails at once.
    nowhere = FastdfsConfig(tracker_servers=["127.0.0.99:1"])
    async with StorageManager(s3_config=s3_config, fastdfs_config=nowhere) as manager:
        attach = await manager.upload_service.upload_bytes("report.pdf", CONTENT)
        assert await manager.download_service.download_bytes(attach.file_id) == CONTENT
        with pytest.raises(Exception, match=r"127\.0\.0\.99:1") as caught:
            await manager.download_service.download_bytes(MISSING_IN_FASTDFS)
        assert getattr(caught.value, "retryable", False)
        report = await manager.health_service.report()
        assert report.usable
        assert not report.healthy
        assert "127.0.0.99:1" in str(report.problems["fastdfs"])

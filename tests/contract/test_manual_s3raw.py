"""Section 4 of the published manual: S3 without prefixes, routing and validation."""

import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, UploadFile
from starlette.responses import StreamingResponse

from s3py_helper.storage import FileDownload, FileNotFoundException, S3Config
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.storage.s3raw.service.delete_service import S3RawDeleteServiceImpl
from s3py_helper.storage.s3raw.service.download_service import S3RawDownloadServiceImpl
from s3py_helper.storage.s3raw.service.info_service import S3RawInfoServiceImpl
from s3py_helper.storage.s3raw.service.upload_service import S3RawUploadServiceImpl
from tests.contract.conftest import CONTENT


@pytest.fixture
async def s3(s3_config: S3Config) -> AsyncIterator[S3Client]:
    async with S3Client(s3_config) as client:
        yield client


@pytest.fixture
async def report(s3: S3Client, s3_config: S3Config) -> str:
    upload_svc = S3RawUploadServiceImpl(s3, s3_config)
    return (await upload_svc.upload_bytes("report.pdf", CONTENT, folder="reports")).file_id


async def test_uploads_give_ids_without_prefix(s3: S3Client, s3_config: S3Config) -> None:
    upload_svc = S3RawUploadServiceImpl(s3, s3_config)
    attach = await upload_svc.upload_bytes("report.pdf", CONTENT, folder="reports")
    bucket, folder, name = attach.file_id.split("/")
    assert (bucket, folder, attach.file_name) == ("my-bucket", "reports", "report.pdf")
    assert int(name[:16], 16) >= 0
    assert name[16:] == "_report.pdf"

    attach = await upload_svc.upload_stream("data.bin", io.BytesIO(CONTENT), len(CONTENT))
    assert attach.file_id.startswith("my-bucket/")

    upload_file = UploadFile(io.BytesIO(CONTENT), filename="report.pdf")
    attach = await upload_svc.upload_file(upload_file, bucket="other-bucket")
    assert attach.file_id.startswith("other-bucket/")

    attached = await upload_svc.upload_files([UploadFile(io.BytesIO(b"1"), filename="1"), upload_file])
    assert [attach.file_name for attach in attached] == ["1", "report.pdf"]


async def test_downloads_take_them(s3: S3Client, report: str, tmp_path: Path) -> None:
    download_svc = S3RawDownloadServiceImpl(s3)
    assert await download_svc.download_bytes(report) == CONTENT
    with (tmp_path / "output.pdf").open("wb") as f:
        await download_svc.download_to_stream(report, f)
    assert (tmp_path / "output.pdf").read_bytes() == CONTENT
    assert b"".join([chunk async for chunk in download_svc.download_to_generator(report)]) == CONTENT


async def test_archives_take_them(s3: S3Client, report: str) -> None:
    download_svc = S3RawDownloadServiceImpl(s3)
    files = [
        FileDownload(file_id=report, file_name="Document A.pdf"),
        FileDownload(file_id=report, file_name="Document B.pdf"),
    ]
    buf = io.BytesIO()
    await download_svc.download_files_as_zip(files, buf)
    with zipfile.ZipFile(buf) as archive:
        assert archive.namelist() == ["Document A.pdf", "Document B.pdf"]

    app = FastAPI()

    @app.get("/download")
    async def download() -> StreamingResponse:
        return StreamingResponse(download_svc.stream_zip(files), media_type="application/zip")

    parts = [bytes(part) async for part in (await download()).body_iterator]  # type: ignore[arg-type]  # bytes here
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None


async def test_information_takes_them(s3: S3Client, report: str) -> None:
    info = await S3RawInfoServiceImpl(s3).get_file_info(report)
    assert (info.file_id, info.file_name, info.file_size) == (report, "report.pdf", len(CONTENT))
    assert info.last_modify_time is not None
    assert info.metadata == {}


async def test_deletion_takes_them_twice(s3: S3Client, report: str) -> None:
    delete_svc = S3RawDeleteServiceImpl(s3)
    await delete_svc.delete_file(report)
    await delete_svc.delete_file(report)
    with pytest.raises(FileNotFoundException):
        await S3RawInfoServiceImpl(s3).get_file_info(report)


def read_chunks(content: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def test_a_multipart_upload_by_hand(s3: S3Client) -> None:
    content = bytes(range(256)) * (11 * 4096)
    result = await s3.create_multipart_upload("my-bucket", "large-file.bin", metadata={"a": "b"})
    upload_id = result["UploadId"]
    parts = []
    for part_num, chunk in enumerate(read_chunks(content, 8 * 1024 * 1024), start=1):
        result = await s3.upload_part("my-bucket", "large-file.bin", upload_id, part_num, chunk)
        parts.append({"PartNumber": part_num, "ETag": result["ETag"]})
    listed = await s3.list_parts("my-bucket", "large-file.bin", upload_id)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2]
    await s3.complete_multipart_upload("my-bucket", "large-file.bin", upload_id, parts)
    assert await S3RawDownloadServiceImpl(s3).download_bytes("my-bucket/large-file.bin") == content


async def test_an_aborted_multipart_upload_is_gone(s3: S3Client) -> None:
    upload_id = (await s3.create_multipart_upload("my-bucket", "never.bin"))["UploadId"]
    await s3.upload_part("my-bucket", "never.bin", upload_id, 1, b"x")
    await s3.abort_multipart_upload("my-bucket", "never.bin", upload_id)
    with pytest.raises(FileNotFoundException):
        await S3RawInfoServiceImpl(s3).get_file_info("my-bucket/never.bin")


async def test_objects_by_hand(s3: S3Client) -> None:
    await s3.put_object("my-bucket", "by-hand.txt", b"hello", 5, {"author": "john"})
    head = await s3.head_object("my-bucket", "by-hand.txt")
    assert (head["ContentLength"], head["Metadata"]) == (5, {"author": "john"})
    got = await s3.get_object("my-bucket", "by-hand.txt")
    async with got["Body"] as body:
        assert await body.read() == b"hello"
    await s3.delete_object("my-bucket", "by-hand.txt")
    with pytest.raises(FileNotFoundException):
        await S3RawInfoServiceImpl(s3).get_file_info("my-bucket/by-hand.txt")

"""The published manual's guide to pure S3, as written there but for endpoint and keys."""

import io
import zipfile
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from fastapi import UploadFile

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.domain.errors import (
    BucketNotFoundException,
    FileNotFoundException,
    InvalidArgumentException,
    StorageOperationException,
)
from s3py_helper.storage import FileDownload
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.storage.s3raw.multipart import S3MultipartUploadImpl
from s3py_helper.storage.s3raw.service.delete_service import S3RawDeleteServiceImpl
from s3py_helper.storage.s3raw.service.download_service import S3RawDownloadServiceImpl
from s3py_helper.storage.s3raw.service.info_service import S3RawInfoServiceImpl
from s3py_helper.storage.s3raw.service.upload_service import S3RawUploadServiceImpl
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.scripted import scripted_server
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

CONTENT = b"%PDF-1.7 quarterly figures"


@pytest.fixture
async def s3(s3_server: S3Server) -> AsyncIterator[S3Client]:
    async with S3Client(s3_server.config()) as client:
        yield client


@pytest.fixture
def upload_svc(s3: S3Client, s3_server: S3Server) -> S3RawUploadServiceImpl:
    return S3RawUploadServiceImpl(s3, s3_server.config())


async def test_bytes_go_up_and_come_down(s3: S3Client, upload_svc: S3RawUploadServiceImpl) -> None:
    attach = await upload_svc.upload_bytes("report.pdf", CONTENT, folder="reports", metadata={"author": "Иван"})
    bucket, folder, name = attach.file_id.split("/")
    assert (bucket, folder, attach.file_name) == (DEFAULT_BUCKET, "reports", "report.pdf")
    assert len(name) == 16 + len("_report.pdf")

    download_svc = S3RawDownloadServiceImpl(s3)
    assert await download_svc.download_bytes(attach.file_id) == CONTENT
    out = io.BytesIO()
    await download_svc.download_to_stream(attach.file_id, out)
    assert out.getvalue() == CONTENT
    assert b"".join([chunk async for chunk in download_svc.download_to_generator(attach.file_id)]) == CONTENT

    info = await S3RawInfoServiceImpl(s3).get_file_info(attach.file_id)
    assert info.file_id == attach.file_id
    assert (info.file_name, info.file_size, info.storage_class) == ("report.pdf", len(CONTENT), "STANDARD")
    assert info.last_modify_time is not None
    assert info.metadata == {"author": "Иван"}

    delete_svc = S3RawDeleteServiceImpl(s3)
    await delete_svc.delete_file(attach.file_id)
    await delete_svc.delete_file(attach.file_id)
    with pytest.raises(FileNotFoundException):
        await S3RawInfoServiceImpl(s3).get_file_info(attach.file_id)


async def test_streams_and_form_files_go_up(s3: S3Client, upload_svc: S3RawUploadServiceImpl) -> None:
    download_svc = S3RawDownloadServiceImpl(s3)
    attach = await upload_svc.upload_stream("data.bin", io.BytesIO(CONTENT), len(CONTENT))
    assert await download_svc.download_bytes(attach.file_id) == CONTENT

    def form_file() -> UploadFile:
        return UploadFile(io.BytesIO(CONTENT), filename="form.pdf", size=len(CONTENT))

    attach = await upload_svc.upload_file(form_file(), bucket=DEFAULT_BUCKET)
    assert await download_svc.download_bytes(attach.file_id) == CONTENT

    attaches = await upload_svc.upload_files([form_file(), form_file()], folder="batch")
    assert [attach.file_name for attach in attaches] == ["form.pdf", "form.pdf"]


async def test_nothing_is_validated(upload_svc: S3RawUploadServiceImpl) -> None:
    assert (await upload_svc.upload_bytes("README", CONTENT)).file_name == "README"


async def test_several_files_come_as_one_archive(s3: S3Client, upload_svc: S3RawUploadServiceImpl) -> None:
    first = await upload_svc.upload_bytes("a.pdf", b"first")
    second = await upload_svc.upload_bytes("b.pdf", b"second")
    files = [
        FileDownload(file_id=first.file_id, file_name="XmlDocument A.pdf"),
        FileDownload(file_id=second.file_id, file_name="XmlDocument B.pdf"),
    ]
    download_svc = S3RawDownloadServiceImpl(s3)
    written = io.BytesIO()
    await download_svc.download_files_as_zip(files, written)
    streamed = io.BytesIO(b"".join([chunk async for chunk in download_svc.stream_zip(files)]))
    for archive in (written, streamed):
        with zipfile.ZipFile(archive) as opened:
            assert {name: opened.read(name) for name in opened.namelist()} == {
                "XmlDocument A.pdf": b"first",
                "XmlDocument B.pdf": b"second",
            }


async def test_a_multipart_upload_by_hand(s3: S3Client, s3_inspector: S3Inspector) -> None:
    key, pieces = "large-file.bin", [bytes(5 * 1024 * 1024), b"the rest"]
    result = await s3.create_multipart_upload(DEFAULT_BUCKET, key, metadata={"origin": "hand"})
    upload_id = result["UploadId"]
    parts = []
    for part_num, chunk in enumerate(pieces, start=1):
        result = await s3.upload_part(DEFAULT_BUCKET, key, upload_id, part_num, chunk)
        parts.append({"PartNumber": part_num, "ETag": result["ETag"]})
    listed = await s3.list_parts(DEFAULT_BUCKET, key, upload_id)
    assert [part["Size"] for part in listed["Parts"]] == [len(piece) for piece in pieces]
    await s3.complete_multipart_upload(DEFAULT_BUCKET, key, upload_id, parts)
    assert await s3_inspector.read(key) == b"".join(pieces)
    assert (await s3_inspector.head(key))["Metadata"] == {"origin": "hand"}
    await s3.delete_object(DEFAULT_BUCKET, key)


async def test_a_multipart_upload_can_be_given_up(s3: S3Client, s3_inspector: S3Inspector) -> None:
    result = await s3.create_multipart_upload(DEFAULT_BUCKET, "given-up.bin")
    assert await s3_inspector.unfinished_uploads("given-up") == ["given-up.bin"]
    await s3.abort_multipart_upload(DEFAULT_BUCKET, "given-up.bin", result["UploadId"])
    assert await s3_inspector.unfinished_uploads("given-up") == []


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ("<LastModified>2026-11-25T12:00:00.000Z</LastModified><ETag>x</ETag><Size>5</Size>", "does not go on"),
        ("<LastModified>2026-11-25T12:00:00.000Z</LastModified><ETag>x</ETag>", "usable size"),
    ],
)
async def test_a_list_of_parts_that_makes_no_sense_is_an_error(part: str, problem: str) -> None:
    text = (
        f"<ListPartsResult><IsTruncated>true</IsTruncated><Part><PartNumber>1</PartNumber>{part}</Part>"
        "</ListPartsResult>"
    )

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="application/xml")

    async with scripted_server(answer) as server, S3Client(server.config()) as client:
        with pytest.raises(StorageOperationException, match=problem):
            await S3MultipartUploadImpl(client).list_parts(DEFAULT_BUCKET, "a", "upload")


async def test_single_operations_answer_as_the_sdk_does(s3: S3Client) -> None:
    stored = await s3.put_object(DEFAULT_BUCKET, "by-hand.txt", b"0123456789", 10, {"author": "ada"})
    head = await s3.head_object(DEFAULT_BUCKET, "by-hand.txt")
    assert (head["ETag"], head["ContentLength"], head["Metadata"]) == (stored["ETag"], 10, {"author": "ada"})

    answer = await s3.get_object(DEFAULT_BUCKET, "by-hand.txt")
    async with answer["Body"] as body:
        assert await body.read(4) == b"0123"
        assert await body.read() == b"456789"
    answer = await s3.get_object(DEFAULT_BUCKET, "by-hand.txt")
    async with answer["Body"] as body:
        assert b"|".join([chunk async for chunk in body.iter_chunks(5)]) == b"01234|56789"
    assert (await s3.delete_object(DEFAULT_BUCKET, "by-hand.txt"))["ResponseMetadata"]["HTTPStatusCode"] == 204


async def test_what_goes_wrong_is_one_of_ours(s3: S3Client) -> None:
    with pytest.raises(FileNotFoundException, match=r"'missing\.txt'"):
        await s3.get_object(DEFAULT_BUCKET, "missing.txt")
    with pytest.raises(FileNotFoundException, match="upload"):
        await s3.list_parts(DEFAULT_BUCKET, "missing.txt", "no-such-upload")
    with pytest.raises(InvalidArgumentException):
        await s3.put_object(DEFAULT_BUCKET, "k", b"", metadata={"author": "Иван"})
    with pytest.raises(InvalidArgumentException, match="no object key"):
        await S3RawInfoServiceImpl(s3).get_file_info(DEFAULT_BUCKET)


async def test_a_client_can_be_opened_again(s3_server: S3Server) -> None:
    client = S3Client(s3_server.config())
    for _ in range(2):
        async with client:
            await client.put_object(DEFAULT_BUCKET, "again.txt", b"x")
        with pytest.raises(StorageOperationException, match="not open"):
            await client.head_object(DEFAULT_BUCKET, "again.txt")


async def test_a_service_may_have_a_bucket_and_a_chunk_size_of_its_own(s3: S3Client, s3_server: S3Server) -> None:
    other = s3_server.config(default_bucket=f"{DEFAULT_BUCKET}-other", create_bucket_if_missing=True)
    async with S3Client(s3_server.config()) as client:
        service = S3RawUploadServiceImpl(client, other)
        with pytest.raises(BucketNotFoundException, match="no such bucket"):
            await service.upload_bytes("a.bin", b"x")
    attach = await S3RawUploadServiceImpl(s3, s3_server.config()).upload_bytes("a.bin", bytes(10_000))
    reading = S3RawDownloadServiceImpl(s3, S3PerfConfig(download_chunk_size=4096))
    sizes = [len(chunk) async for chunk in reading.download_to_generator(attach.file_id)]
    # It is a largest size: a chunk ends where the connection gave no more for the moment.
    assert sum(sizes) == 10_000
    assert max(sizes) <= 4096

"""Storing files: what is checked, what is returned, and what stays when something fails."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator
from typing import Any, BinaryIO, cast
from zlib import crc32

import pytest
from starlette.datastructures import Headers, UploadFile

from s3py_helper.application.info import InfoService
from s3py_helper.application.locator import Locator
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.errors import (
    FileNotFoundException,
    FileTooLargeException,
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.validation import FileValidatorImpl
from tests.unit.application.conftest import Deployment


def service(deployment: Deployment, **rules: object) -> UploadService:
    return UploadService(deployment.locator, FileValidatorImpl(**rules))  # type: ignore[arg-type]  # rules of each test


def form_file(name: str | None, content: bytes, content_type: str | None = None) -> UploadFile:
    headers = Headers({"content-type": content_type} if content_type else {})
    return UploadFile(io.BytesIO(content), size=len(content), filename=name, headers=headers)


async def some_chunks() -> AsyncIterator[bytes]:
    yield b"%PDF-1.7 "
    yield b"rest"


async def test_bytes_are_stored_under_a_fresh_key_in_the_folder(deployment: Deployment) -> None:
    attach = await service(deployment).upload_bytes("report.pdf", b"hello", folder="reports")
    assert attach.file_id.startswith("s3:my-bucket/reports/")
    assert attach.file_id.endswith("_report.pdf")
    assert (attach.file_name, attach.file_size, attach.content_type) == ("report.pdf", 5, "application/pdf")
    assert attach.checksum == f"crc32:{crc32(b'hello'):08x}"


async def test_what_is_described_later_is_what_was_uploaded(deployment: Deployment) -> None:
    attach = await service(deployment).upload_bytes(
        "отчёт.bin", b"hello", bucket="other-bucket", metadata={"author": "Иван"}, content_type="text/x-own"
    )
    info = await InfoService(deployment.locator).get_file_info(attach.file_id)
    assert attach.file_id.startswith("s3:other-bucket/")
    assert (info.file_name, info.file_size, info.content_type) == ("отчёт.bin", 5, "text/x-own")
    assert info.metadata == {"author": "Иван"}
    assert info.last_modify_time is not None
    assert info.last_modify_time.tzinfo is not None


@pytest.mark.parametrize("size", [13, None])
async def test_a_stream_is_stored_and_its_type_sniffed(deployment: Deployment, size: int | None) -> None:
    attach = await service(deployment).upload_stream("scan", some_chunks(), size)
    assert (attach.file_size, attach.content_type) == (13, "application/pdf")


async def test_a_binary_file_object_is_stored(deployment: Deployment) -> None:
    attach = await service(deployment).upload_stream("data.csv", io.BytesIO(b"a,b"), 3, folder="data")
    assert (attach.file_size, attach.content_type) == (3, "text/csv")


@pytest.mark.parametrize("size", [12, 14, 0])
async def test_a_wrong_size_stores_nothing(deployment: Deployment, size: int) -> None:
    with pytest.raises(InvalidArgumentException, match="declared"):
        await service(deployment).upload_stream("scan.pdf", some_chunks(), size)


async def test_an_upload_file_is_stored_from_its_first_byte(deployment: Deployment) -> None:
    file = form_file("a.txt", b"0123456789", "text/x-claimed")
    await file.read(4)
    attach = await service(deployment).upload_file(file)
    assert (attach.file_name, attach.file_size, attach.content_type) == ("a.txt", 10, "text/x-claimed")


async def test_an_upload_file_without_a_size_is_stored(deployment: Deployment) -> None:
    attach = await service(deployment).upload_file(UploadFile(io.BytesIO(b"abc"), filename="a.txt"))
    assert attach.file_size == 3


@pytest.mark.parametrize("rolled", [False, True], ids=["in memory", "on disk"])
async def test_an_upload_file_from_a_real_form_is_stored_from_its_first_byte(
    deployment: Deployment, rolled: bool
) -> None:
    with tempfile.SpooledTemporaryFile(max_size=1 if rolled else 0) as spooled:
        spooled.write(b"0123456789")
        file = UploadFile(cast("BinaryIO", spooled), size=10, filename="a.txt")
        assert (await service(deployment).upload_file(file)).file_size == 10


async def test_an_upload_file_over_bytes_in_memory_needs_no_thread(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("a thread was asked for")

    monkeypatch.setattr("starlette.datastructures.run_in_threadpool", refuse)
    assert (await service(deployment).upload_file(form_file("a.txt", b"0123456789"))).file_size == 10


async def test_what_is_no_source_is_refused_as_part_of_the_upload(deployment: Deployment) -> None:
    uploads, wrong = service(deployment), cast("Any", object())
    for attempt in (
        uploads.upload_file(wrong),
        uploads.upload_bytes("a.txt", wrong),
        uploads.upload_stream("a.txt", wrong),
    ):
        with pytest.raises(InvalidArgumentException) as refused:
            await attempt
        assert refused.value.operation == "upload"


@pytest.mark.parametrize("name", [None, ""])
async def test_an_upload_file_without_a_name_is_refused(deployment: Deployment, name: str | None) -> None:
    with pytest.raises(InvalidArgumentException, match="no file name") as refused:
        await service(deployment).upload_file(form_file(name, b"x"))
    assert refused.value.operation == "upload"


@pytest.mark.parametrize(
    ("name", "folder", "bucket", "kind"),
    [
        ("../x", None, None, InvalidArgumentException),
        ("a.exe", None, None, InvalidFileTypeException),
        ("a.txt", "../up", None, InvalidArgumentException),
        ("a.txt", None, "No Bucket", InvalidArgumentException),
        ("large.txt", None, None, FileTooLargeException),
    ],
)
async def test_a_bad_input_never_reaches_the_backend(
    deployment: Deployment, name: str, folder: str | None, bucket: str | None, kind: type[StorageException]
) -> None:
    uploads = service(deployment, file_type_config=FileTypeConfig(blacklist=["exe"]), max_file_size=3)
    with pytest.raises(kind) as caught:
        await uploads.upload_bytes(name, b"1234" if name.startswith("large") else b"123", folder, bucket)
    assert caught.value.file_name == name
    assert deployment.s3.calls["write"] == 0


async def test_the_size_limit_holds_whatever_was_declared(deployment: Deployment) -> None:
    with pytest.raises(FileTooLargeException, match="10 bytes"):
        await service(deployment, max_file_size=10).upload_stream("scan.pdf", some_chunks())


async def test_raw_ids_have_no_prefix_and_raw_uploads_no_validation(deployment: Deployment) -> None:
    raw = Locator(deployment.locator.policy, deployment.locator.backends, implied_prefix="s3:")
    attach = await UploadService(raw).upload_bytes("a.exe", b"x")
    assert attach.file_id.startswith("my-bucket/")
    assert (await InfoService(raw).get_file_info(attach.file_id)).file_id == attach.file_id


async def test_fastdfs_ignores_folder_and_bucket_whatever_is_served_elsewhere(deployment: Deployment) -> None:
    policy = RoutingPolicy(StorageMode.FASTDFS, buckets={"my-bucket"}, folders=("in/",))
    uploads = UploadService(Locator(policy, {Backend.FASTDFS: deployment.locator.backends[Backend.FASTDFS]}))
    attach = await uploads.upload_bytes("a.txt", b"x", folder="out", bucket="No Bucket")
    assert [str(file_id) for file_id in deployment.kept_in_fastdfs.file_ids] == [attach.file_id]


async def test_many_files_come_back_in_their_order(deployment: Deployment) -> None:
    files = [form_file(f"{index}.txt", b"x" * index) for index in range(30)]
    attached = await UploadService(deployment.locator, concurrent_files=4).upload_files(files, folder="batch")
    assert [attach.file_name for attach in attached] == [f"{index}.txt" for index in range(30)]
    assert [attach.file_size for attach in attached] == list(range(30))


async def test_a_batch_that_fails_leaves_none_of_its_files(deployment: Deployment) -> None:
    deployment.s3.hold("write", times=2).released.set()
    deployment.s3.fail("write", StorageUnavailableException("the server is busy"))
    files = [form_file(f"{index}.txt", b"x") for index in range(5)]
    with pytest.raises(StorageUnavailableException, match="busy") as caught:
        await UploadService(deployment.locator, concurrent_files=1).upload_files(files)
    assert caught.value.file_name == "2.txt"
    assert deployment.s3.calls["delete"] == 2
    assert deployment.kept_in_s3.file_ids == ()


async def test_a_batch_with_an_invalid_file_names_it_and_leaves_nothing(deployment: Deployment) -> None:
    files = [form_file("good.txt", b"x"), form_file("b\0d.txt", b"x"), form_file("also-good.txt", b"x")]
    with pytest.raises(InvalidArgumentException) as caught:
        await service(deployment).upload_files(files)
    assert caught.value.file_name == "b\0d.txt"
    assert deployment.kept_in_s3.file_ids == ()


async def test_a_cancelled_batch_leaves_nothing(deployment: Deployment) -> None:
    gate = deployment.s3.hold("write")
    files = [form_file(f"{index}.txt", b"x") for index in range(5)]
    task = asyncio.create_task(service(deployment).upload_files(files))
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deployment.kept_in_s3.file_ids == ()


async def test_an_error_of_the_callers_stream_passes_unchanged(deployment: Deployment) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"a"
        raise ValueError("the caller's own")

    with pytest.raises(ValueError, match="own"):
        await service(deployment).upload_stream("a.txt", breaking())
    assert deployment.kept_in_s3.file_ids == ()


async def test_files_that_are_rolled_back_are_gone(deployment: Deployment) -> None:
    uploads = service(deployment)
    attach = await uploads.upload_bytes("a.txt", b"x")
    await uploads.roll_back([attach])
    with pytest.raises(FileNotFoundException):
        await InfoService(deployment.locator).get_file_info(attach.file_id)


async def test_an_error_of_the_source_keeps_the_name_of_its_own_file(deployment: Deployment) -> None:
    async def another_file() -> AsyncIterator[bytes]:
        yield b"x"
        raise StorageException("it broke off", file_name="another.txt")

    with pytest.raises(StorageException) as failed:
        await service(deployment).upload_stream("a.txt", another_file())
    assert failed.value.file_name == "another.txt"


async def test_a_bounded_number_of_files_is_stored_at_a_time(deployment: Deployment) -> None:
    gate = deployment.s3.hold("write", times=9)
    uploads = UploadService(deployment.locator, concurrent_files=2)
    storing = asyncio.create_task(uploads.upload_files([form_file(f"{number}.txt", b"x") for number in range(5)]))
    await gate.reached.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert deployment.s3.calls["write"] == 2
    gate.released.set()
    assert len(await storing) == 5


async def test_what_is_too_large_is_refused_before_the_first_byte(deployment: Deployment) -> None:
    uploads = service(deployment, max_file_size=10)
    uploads.require_acceptable("a.txt", 10)
    with pytest.raises(FileTooLargeException) as refused:
        uploads.require_acceptable("a.txt", 11)
    assert (refused.value.limit, refused.value.file_name) == (10, "a.txt")


async def test_what_is_not_served_is_refused_before_the_first_byte(deployment: Deployment) -> None:
    policy = RoutingPolicy(StorageMode.S3, buckets={"my-bucket"}, folders=("in/",))
    uploads = UploadService(Locator(policy, {Backend.S3: deployment.locator.backends[Backend.S3]}))
    uploads.require_acceptable("a.txt", 5, "in", "my-bucket")
    for folder, bucket in (("out", None), (None, None), ("in", "another")):
        with pytest.raises(RouteNotSupportedException) as refused:
            uploads.require_acceptable("a.txt", 5, folder, bucket)
        assert refused.value.file_name == "a.txt"

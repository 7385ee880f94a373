"""Reading files, whole and in part, and leaving early."""

import asyncio
import io
from contextlib import aclosing
from typing import BinaryIO, cast

import pytest

from s3py_helper.application.download import DownloadService
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    RouteNotSupportedException,
)
from s3py_helper.testing import leak_guard
from tests.unit.application.conftest import Deployment

CONTENT = bytes(range(256)) * 1024  # four chunks


@pytest.fixture
async def file_id(deployment: Deployment) -> str:
    return (await UploadService(deployment.locator).upload_bytes("a.bin", CONTENT)).file_id


@pytest.fixture
def downloads(deployment: Deployment) -> DownloadService:
    return DownloadService(deployment.locator)


async def test_every_way_of_reading_gives_the_same_bytes(downloads: DownloadService, file_id: str) -> None:
    out = io.BytesIO()
    await downloads.download_to_stream(file_id, out)
    chunks = [chunk async for chunk in downloads.download_to_generator(file_id)]
    assert await downloads.download_bytes(file_id) == out.getvalue() == b"".join(chunks) == CONTENT
    assert len(chunks) > 1


async def test_every_way_of_reading_takes_a_range(downloads: DownloadService, file_id: str) -> None:
    wanted = ByteRange(1000, 200_000)
    out = io.BytesIO()
    await downloads.download_to_stream(file_id, out, byte_range=wanted)
    chunks = [chunk async for chunk in downloads.download_to_generator(file_id, byte_range=wanted)]
    async with downloads.open(file_id, wanted) as opened:
        assert opened.span == Span(1000, 200_001)
        assert opened.info.file_size == len(CONTENT)
    assert (
        await downloads.download_bytes(file_id, byte_range=wanted)
        == out.getvalue()
        == b"".join(chunks)
        == CONTENT[1000:200_001]
    )


async def test_a_range_beyond_the_end_names_the_size(downloads: DownloadService, file_id: str) -> None:
    with pytest.raises(InvalidRangeException) as caught:
        await downloads.download_bytes(file_id, byte_range=ByteRange(len(CONTENT), None))
    assert caught.value.size == len(CONTENT)


async def test_an_empty_file_is_read(deployment: Deployment, downloads: DownloadService) -> None:
    attach = await UploadService(deployment.locator).upload_bytes("empty", b"")
    assert await downloads.download_bytes(attach.file_id) == b""
    assert [chunk async for chunk in downloads.download_to_generator(attach.file_id)] == []


@pytest.mark.parametrize(
    ("file_id", "kind"),
    [
        ("s3:my-bucket/missing", FileNotFoundException),
        ("group1/M00/00/00/missing_file_name.txt", FileNotFoundException),
        ("fs:files/a", RouteNotSupportedException),
        ("s3:", InvalidArgumentException),
    ],
)
async def test_what_cannot_be_read_is_refused_in_every_way(
    downloads: DownloadService, file_id: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await downloads.download_bytes(file_id)
    with pytest.raises(kind):
        await downloads.download_to_stream(file_id, io.BytesIO())
    with pytest.raises(kind):
        await anext(downloads.download_to_generator(file_id))


async def test_a_sink_is_checked_before_anything_is_opened(
    deployment: Deployment, downloads: DownloadService, file_id: str
) -> None:
    with pytest.raises(InvalidArgumentException):
        await downloads.download_to_stream(file_id, cast("BinaryIO", object()))
    assert deployment.s3.calls["open"] == 0


async def test_an_error_in_mid_body_reaches_the_reader(
    deployment: Deployment, downloads: DownloadService, file_id: str
) -> None:
    deployment.s3.fail("read", IntegrityException("bytes are missing"), after_bytes=100_000)
    out = io.BytesIO()
    with pytest.raises(IntegrityException):
        await downloads.download_to_stream(file_id, out)
    assert out.getvalue() == CONTENT[:100_000]


async def test_a_generator_that_is_left_closes_its_source(downloads: DownloadService, file_id: str) -> None:
    async with leak_guard(), aclosing(downloads.download_to_generator(file_id)) as chunks:
        assert await anext(chunks)


async def test_a_reader_that_is_cancelled_closes_its_source(
    deployment: Deployment, downloads: DownloadService, file_id: str
) -> None:
    async with leak_guard():
        gate = deployment.s3.hold("read", after_bytes=10)
        task = asyncio.create_task(downloads.download_to_stream(file_id, io.BytesIO()))
        await gate.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

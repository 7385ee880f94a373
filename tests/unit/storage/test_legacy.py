"""Helpers of 0.0.17 do what they did."""

import asyncio

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.storage import FileDownload
from s3py_helper.storage.legacy import (
    AsyncQueueWriter,
    build_s3_file_id,
    extract_file_extension,
    generate_object_key,
    parse_s3_file_id,
)
from s3py_helper.storage.s3raw import S3RawDownloadServiceImpl


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("folder.d/a", ""), ("x/a.txt", "txt"), (".profile", ""), ("a.", "")],
)
def test_the_extension_of_a_name(name: str, extension: str) -> None:
    assert extract_file_extension(name) == extension


def test_a_key_is_made_of_folder_and_name() -> None:
    assert generate_object_key("a.txt", "x/y").startswith("x/y/")
    assert generate_object_key("a.txt").endswith("_a.txt")
    with pytest.raises(InvalidArgumentException):
        generate_object_key("a.txt", "../up")


def test_an_id_is_bucket_and_key() -> None:
    assert parse_s3_file_id(build_s3_file_id("my-bucket", "x/a.txt")) == ("my-bucket", "x/a.txt")
    for wrong in ("my-bucket", "my-bucket/", "/a.txt", ""):
        with pytest.raises(InvalidArgumentException, match="it reads bucket/key") as refused:
            parse_s3_file_id(wrong)
        assert refused.value.file_id == wrong


async def test_a_queue_gets_what_is_written_and_one_end() -> None:
    writer = AsyncQueueWriter(2)
    assert writer.write(b"") == 0
    assert writer.write(b"abc") == 3
    writer.flush()
    writer.write(b"de")
    with pytest.raises(asyncio.QueueFull):
        writer.write(b"f")
    closing = asyncio.create_task(writer.close())
    assert [await writer.queue.get() for _ in range(3)] == [b"abc", b"de", None]
    await closing
    await writer.close()
    assert writer.queue.empty()
    with pytest.raises(RuntimeError, match="closed"):
        writer.write(b"g")


@pytest.mark.parametrize(
    ("name", "entry"), [("x/a.txt", "a.txt"), ("../a:b.txt", "a_b.txt"), (None, "report.pdf"), ("", "report.pdf")]
)
def test_the_name_of_an_entry_is_made_safe_and_has_no_folders(name: str | None, entry: str) -> None:
    file = FileDownload(file_id="my-bucket/x/0123456789abcdef_report.pdf", file_name=name)
    with pytest.warns(DeprecationWarning, match="safe by themselves"):
        assert S3RawDownloadServiceImpl.safe_zip_entry_name(file) == entry

"""What headers say of an object, and what is said with them."""

import datetime as dt

import pytest

from s3py_helper.adapters.s3.api.object_headers import (
    blob_info,
    content_encoding,
    content_length,
    crc32_text,
    etag_of,
    from_headers,
    kept_headers,
    metadata_of,
    parse_content_range,
    quoted,
    to_headers,
    upload_headers,
)
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

FILE_ID = FileId(Backend.S3, "docs", "a")


def test_a_whole_description() -> None:
    headers = {
        "etag": "x",
        "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
        "content-type": "text/plain",
        "content-encoding": "gzip, AWS-Chunked",
        "content-length": "9",
        "x-amz-storage-class": "GLACIER",
        "x-amz-checksum-crc32": "AAAAAQ==",
        "x-amz-meta---real-file-name--": "a%20b.txt",
        "x-amz-meta-by": "ada",
        "x-amz-meta-note": "UTF-8''%C3%A9",
    }
    assert blob_info(FILE_ID, headers, 7) == BlobInfo(
        file_id=FILE_ID,
        size=7,
        file_name="a b.txt",
        last_modified=dt.datetime(2015, 10, 21, 7, 28, tzinfo=dt.UTC),
        content_type="text/plain",
        content_encoding="gzip",
        etag='"x"',
        checksum=Checksum.crc32(1),
        storage_class="GLACIER",
        metadata={"by": "ada", "note": "é"},
    )


def test_a_description_that_says_nothing() -> None:
    nothing = BlobInfo(file_id=FILE_ID, size=0, storage_class="STANDARD")
    assert blob_info(FILE_ID, {}, 0) == nothing
    assert blob_info(FILE_ID, {"etag": "", "last-modified": ""}, 0) == nothing


@pytest.mark.parametrize(
    ("headers", "checksum"),
    [
        ({"x-amz-checksum-crc32": "AAAAAQ=="}, Checksum.crc32(1)),
        ({"x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "FULL_OBJECT"}, Checksum.crc32(1)),
        ({"x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "COMPOSITE"}, None),
        ({"x-amz-checksum-crc32": "AAAAAQ==-2"}, None),
        ({"x-amz-checksum-crc32": "AAAAAQ==-2", "x-amz-checksum-sha1": "AAAAAQ=="}, Checksum("sha1", "00000001")),
        ({"x-amz-checksum-sha256": "AAAAAg==", "x-amz-checksum-crc32": "AAAAAQ=="}, Checksum.crc32(1)),
        ({"x-amz-checksum-crc32": "AA AAAQ=="}, None),
        ({"x-amz-checksum-crc32": "!"}, None),
        ({"x-amz-checksum-crc32c": "AAAAAQ=="}, Checksum("crc32c", "00000001")),
        ({"x-amz-checksum-crc64nvme": "AAAAAQ=="}, Checksum("crc64nvme", "00000001")),
    ],
)
def test_a_checksum_is_that_of_the_whole_or_none(headers: dict[str, str], checksum: Checksum | None) -> None:
    assert blob_info(FILE_ID, headers, 0).checksum == checksum


def test_a_checksum_is_written_with_its_highest_byte_first() -> None:
    assert crc32_text(0x01020304) == "AQIDBA=="


def test_what_is_stored_beside_the_bytes() -> None:
    blob = NewBlob("a", "a/b c.txt", content_type="text/plain; charset=utf-8", metadata={"By": "a  b"})
    assert upload_headers(blob) == {
        "content-type": "text/plain; charset=utf-8",
        "x-amz-meta---real-file-name--": "a%2Fb%20c.txt",
        "x-amz-meta-by": "UTF-8''a%20%20b",
    }


@pytest.mark.parametrize("content_type", ["text/plän", "text/plain\r\nx: y", "a/b\t"])
def test_a_type_that_no_header_takes_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidArgumentException, match="no media type") as raised:
        upload_headers(NewBlob("a", "a", content_type=content_type))
    assert (raised.value.operation, raised.value.backend) == ("upload", "s3")


def test_a_description_that_s3_does_not_take_is_refused_with_its_facts() -> None:
    with pytest.raises(InvalidArgumentException, match="is taken") as raised:
        to_headers(None, {"a": "1", "A": "2"})
    assert (raised.value.operation, raised.value.backend) == ("upload", "s3")


def test_what_the_sdk_says_of_an_object_has_other_headers_too() -> None:
    assert metadata_of({"etag": "x", "x-amz-meta-a": "UTF-8''%41"}) == {"a": "UTF-8''%41"}


def test_slashes_are_encoded_wherever_something_is() -> None:
    headers = to_headers("ä/b", {"k": "é/x"})
    assert headers == {"x-amz-meta---real-file-name--": "%C3%A4%2Fb", "x-amz-meta-k": "UTF-8''%C3%A9%2Fx"}


@pytest.mark.parametrize(
    ("stored", "name"),
    [("utf-8--.41b.2fc", "Ab/c"), ("utf-8--.ff", "\ufffd"), ("utf-8--.zz", ".zz"), ("plain.41", "plain.41")],
)
def test_whatever_stands_for_a_name_is_read(stored: str, name: str) -> None:
    assert from_headers({f"x-amz-meta-{stored}": "1"}) == (None, {name: "1"})


@pytest.mark.parametrize(("stored", "value"), [("utf-8''%41", "A"), ("UTF-8''%ff", "\ufffd"), ("%41", "%41")])
def test_whatever_stands_for_a_value_is_read(stored: str, value: str) -> None:
    assert from_headers({"x-amz-meta-k": stored}) == (None, {"k": value})


def test_what_belongs_to_the_bytes_is_kept_and_nothing_else() -> None:
    kept = {
        "cache-control": "private",
        "content-disposition": "inline",
        "content-language": "de",
        "expires": "Wed, 21 Oct 2037 07:28:00 GMT",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-website-redirect-location": "/b",
        "content-encoding": "gzip",
    }
    others = {
        "content-type": "a/b",
        "etag": '"x"',
        "content-length": "5",
        "x-amz-meta-a": "b",
        "x-amz-tagging-count": "1",
    }
    assert kept_headers({**kept, **others}) == kept
    assert kept_headers({**dict.fromkeys(kept, ""), **others}) == {}
    assert kept_headers({"content-encoding": "aws-chunked"}) == {}


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("aws-chunked", None),
        ("AWS-chunked , br,gzip", "br, gzip"),
        (" , ", None),
    ],
)
def test_how_the_bytes_are_encoded(header: str | None, coding: str | None) -> None:
    assert content_encoding({} if header is None else {"content-encoding": header}) == coding


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "5, 5"])
def test_a_size_is_a_number(text: str) -> None:
    assert content_length({"content-length": "0"}) == 0
    with pytest.raises(StorageOperationException, match="size"):
        content_length({"content-length": text})
    with pytest.raises(StorageOperationException, match="size") as raised:
        content_length({})
    assert raised.value.backend == "s3"


def test_a_range_ends_with_its_last_byte() -> None:
    assert parse_content_range("bytes 5-9/12") == (Span(5, 10), 12)


@pytest.mark.parametrize("text", ["", "bytes */12", "bytes 5-/12", "bytes 5-9/*", "items 5-9/12", "bytes 5-9/12,"])
def test_what_is_no_range_is_quoted(text: str) -> None:
    with pytest.raises(StorageOperationException) as raised:
        parse_content_range(text)
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize(("etag", "as_http"), [("x", '"x"'), ('"x"', '"x"'), ('W/"x"', 'W/"x"')])
def test_a_tag_has_quotes(etag: str, as_http: str) -> None:
    assert quoted(etag) == as_http
    assert etag_of({"etag": etag}) == as_http


@pytest.mark.parametrize("headers", [{}, {"etag": ""}])
def test_no_tag_is_none(headers: dict[str, str]) -> None:
    assert etag_of(headers) is None

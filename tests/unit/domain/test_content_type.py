"""The media type of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.content_type import check_content_type, guess_content_type
from s3py_helper.domain.errors import InvalidArgumentException


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.pdf", "application/pdf"),
        ("A.JPG", "image/jpeg"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.tar.gz", "application/gzip"),
        ("a.svg.gz", "application/gzip"),
        ("a.md", "text/markdown"),
        ("a.7z", "application/x-7z-compressed"),
        ("a.tgz", "application/gzip"),
        ("a.csv.bz2", "application/x-bzip2"),
        ("a.xz", "application/x-xz"),
        ("a.txt.br", "application/x-brotli"),
        ("a.Z", "application/x-compress"),
        ("a.apk", "application/vnd.android.package-archive"),
        ("a.epub", "application/epub+zip"),
        ("a.flac", "audio/flac"),
        ("a.jxl", "image/jxl"),
        ("a.m4a", "audio/mp4"),
        ("a.mkv", "video/matroska"),
        ("a.odp", "application/vnd.oasis.opendocument.presentation"),
        ("a.ods", "application/vnd.oasis.opendocument.spreadsheet"),
        ("a.odt", "application/vnd.oasis.opendocument.text"),
        ("a.parquet", "application/vnd.apache.parquet"),
        ("a.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("a.rar", "application/vnd.rar"),
        ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.yaml", "application/yaml"),
        ("a.yml", "application/yaml"),
        ("a.zst", "application/zstd"),
        ("data:x.png", "image/png"),
        ("отчёт.csv", "text/csv"),
        ("README", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_the_extension_decides(name: str, content_type: str) -> None:
    assert guess_content_type(name) == content_type


@pytest.mark.parametrize(
    ("first_bytes", "content_type"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF87a\x01\x00", "image/gif"),
        (b"GIF89a\x01\x00", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"PK\x05\x06" + bytes(18), "application/zip"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\x01\x00", "application/vnd.rar"),
        (b"\x28\xb5\x2f\xfd\x04", "application/zstd"),
        (b"BZh91AY&SY", "application/x-bzip2"),
        (b"\xfd7zXZ\x00\x00\x04", "application/x-xz"),
        (b"OggS\x00\x02", "application/ogg"),
        (b"fLaC\x00\x00\x00\x22", "audio/flac"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\x1aE\xdf\xa3\x9fB\x86", "video/webm"),
        (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
        (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
        (b"\x00\x00\x00\x18ftypavif", "image/avif"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"hello", "application/octet-stream"),
    ],
)
def test_a_name_without_extension_is_judged_by_its_first_bytes(first_bytes: bytes, content_type: str) -> None:
    assert guess_content_type("scan", first_bytes) == content_type


def test_a_known_extension_wins_over_the_bytes() -> None:
    assert guess_content_type("a.txt", b"%PDF-1.7") == "text/plain"


@given(st.text(alphabet=st.characters()), st.binary(max_size=40))
def test_any_name_and_content_have_a_type(name: str, first_bytes: bytes) -> None:
    assert "/" in guess_content_type(name, first_bytes)


@pytest.mark.parametrize("content_type", ["", " ", "text/plain\r\nX-Evil: 1", "text/plain\0", "text/größe", 5])
def test_what_no_header_carries_is_no_content_type(content_type: str) -> None:
    with pytest.raises(InvalidArgumentException, match="content type"):
        check_content_type(content_type)


def test_a_content_type_stays_as_it_was_written() -> None:
    assert check_content_type("Text/Plain; charset=UTF-8") == "Text/Plain; charset=UTF-8"

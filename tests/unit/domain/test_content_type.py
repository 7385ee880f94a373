"""The media type of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.content_type import guess_content_type


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
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
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

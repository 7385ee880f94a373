"""What content can be of the type that is said."""

import pytest

from s3py_helper.domain.content_type import compared_content_type
from s3py_helper.domain.errors import FileTypeMismatchException
from s3py_helper.domain.signature import Signature, contradiction, told_by

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
PDF_SIGNATURES = [Signature("application/pdf", "pdf", 4), Signature("application/vnd.fdf", "fdf", 4)]


@pytest.mark.parametrize(
    ("name", "said", "content", "signatures"),
    [
        ("a.png", None, b"<!DOCTYPE html><script>", []),
        ("a.png", None, b"MZ\x90\x00", []),
        ("A.PNG", "image/png", b"\xff\xd8\xff\xe0", []),
        ("a.txt", None, b"MZ\x90\x00\x03\x00", []),
        ("a.svg", None, PNG, []),
        ("a.json", None, PDF + b"\x00", PDF_SIGNATURES),
        ("report.docx", None, b"plain words", []),
        ("a.tar.gz", None, b"tar, not gzip", []),
        ("a.mp3", None, PDF, PDF_SIGNATURES),
        ("a.bmp", None, b"{\\rtf1\\ansi", [Signature("application/rtf", "rtf", 6)]),
        # What the sender says counts as well.
        ("a.png", "text/html", PNG, []),
        ("a.html", "image/png; q=1", b"<!DOCTYPE html>", []),
        ("unnamed", "application/pdf", b"#!/bin/sh", []),
    ],
)
def test_a_disguise_is_refused(name: str, said: str | None, content: bytes, signatures: list[Signature]) -> None:
    with pytest.raises(FileTypeMismatchException, match=r"while its (name|sender) says") as caught:
        compared_content_type(name, said, content, signatures)
    assert caught.value.file_name == name


@pytest.mark.parametrize(
    ("name", "said", "content", "signatures", "expected"),
    [
        ("a.png", None, PNG, [], "image/png"),
        ("a.png", None, b"", [], "image/png"),
        ("a.txt", None, b"plain\tword\x1b[0m\r\n\x0c", [], "text/plain"),
        ("a.txt", None, "wide".encode("utf-16"), [], "text/plain"),
        ("a.txt", None, b"BMW prices", [Signature("image/x-ms-bmp", "bmp", 2)], "text/plain"),
        ("a.csv", None, b"true,false", [Signature("font/ttf", "ttf", 4)], "text/csv"),
        ("a.docx", None, b"PK\x03\x04", [], "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (
            "locked.xlsx",
            None,
            b"\xd0\xcf\x11\xe0",
            [Signature("application/msword", "doc", 8)],
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("a.zip", "application/x-zip-compressed", b"PK\x03\x04", [], "application/x-zip-compressed"),
        ("a.wav", None, b"RIFF\x24\x00\x00\x00WAVE", [], "audio/x-wav"),
        ("a.m4a", "audio/x-m4a", b"\x00\x00\x00\x18ftypisom", [], "audio/x-m4a"),
        ("a.ts", "video/mp2t", b"let a: number = 1;", [], "video/mp2t"),
        ("a.mp3", None, b"\xff\xfb\x90d", [Signature("audio/mpeg", "mp1", 2)], "audio/mpeg"),
        # The name is usual for the signature, whatever its type is called.
        ("a.ico", None, b"\x00\x00\x01\x00", [Signature("application/futuresplash", "ico", 4)], None),
        # Nothing is known of the name's type: the signature tells.
        ("unnamed", None, PNG, [Signature("image/png", "png", 8)], "image/png"),
        ("a.unknown", None, b"SQLite format 3\x00", [Signature("application/x-sqlite3", "", 15)], None),
        ("a.unknown", None, b"PK\x03\x04", [Signature("a/docx", "docx", 4), Signature("a/xlsx", "xlsx", 4)], None),
        ("a.dat", None, b"no signature", [], "application/octet-stream"),
    ],
)
def test_what_may_be_true_is_taken(
    name: str, said: str | None, content: bytes, signatures: list[Signature], expected: str | None
) -> None:
    media_type = compared_content_type(name, said, content, signatures)
    assert expected is None or media_type == expected


def test_signatures_tell_a_type_where_the_longest_of_them_agree() -> None:
    one, other = Signature("application/x-one", "one", 8), Signature("application/x-other", "other", 8)
    assert told_by([one, Signature("application/x-short", "s", 4)]) == "application/x-one"
    assert told_by([one, other]) is None
    assert told_by([Signature("image/x-ms-bmp", "bmp", 2)]) is None
    assert told_by([]) is None


@pytest.mark.parametrize(
    ("said", "signature", "found"),
    [
        ("image/x-own", Signature("audio/x-its", "", 4), "audio/x-its"),
        ("image/x-own", Signature("audio/x-its", "", 3), None),
        ("image/x-own", Signature("", "its", 8), None),
        ("image/x-own", Signature("image/x-its", "", 8), None),
        ("video/x-own", Signature("application/ogg", "", 8), None),
        ("video/x-own", Signature("image/x-its", "", 8), "image/x-its"),
        ("application/x-own", Signature("image/x-its", "", 8), None),
    ],
)
def test_only_what_is_plain_and_of_another_kind_contradicts(said: str, signature: Signature, found: str | None) -> None:
    assert contradiction(said, None, b"1234567890", [signature]) == found
    assert contradiction(said, None, b"", [signature]) is None

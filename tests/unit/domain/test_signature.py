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


def test_a_disguise_is_told_with_who_wears_it() -> None:
    with pytest.raises(FileTypeMismatchException, match=r"'a\.png' is something else, while its name says 'image/png'"):
        compared_content_type("a.png", None, b"<html>", [])
    with pytest.raises(FileTypeMismatchException, match=r"'a\.png' is image/png, while its sender says 'text/html'"):
        compared_content_type("a.png", "text/html", PNG, [])


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
        ("A.ICO", None, b"\x00\x00\x01\x00", [Signature("application/futuresplash", "ico", 4)], None),
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
    assert told_by([Signature("", "nameless", 9), one]) == "application/x-one"
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


SIGNED = [
    *("image/avif", "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp", "audio/wav", "audio/ogg"),
    *("video/ogg", "video/webm", "video/matroska", "application/7z-compressed", "application/bzip2"),
    *("application/gzip", "application/pdf", "application/vnd.rar", "application/xz", "application/zip"),
    *("application/epub+zip", "application/vnd.android.package-archive"),
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
]


@pytest.mark.parametrize("media_type", SIGNED)
def test_a_type_that_always_has_a_signature_is_not_taken_without_it(media_type: str) -> None:
    assert contradiction(media_type, None, b"plain words", []) == "something else"
    assert contradiction(f"{media_type.upper()}; q=1", None, b"plain words", []) == "something else"
    assert contradiction(media_type, None, b"MZ\x90\x00", [Signature("application/x-dosexec", "exe", 4)])


@pytest.mark.parametrize(
    ("media_type", "signature"),
    [
        ("application/epub+zip", "application/zip"),
        ("application/vnd.android.package-archive", "application/zip"),
        ("application/vnd.oasis.opendocument.spreadsheet", "application/zip"),
        ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/zip"),
        ("audio/ogg", "application/ogg"),
        ("video/ogg", "application/ogg"),
        ("video/matroska", "video/webm"),
        ("video/x-matroska", "video/webm"),
        ("application/x-xz", "application/xz"),
        ("image/svg+xml", "image/svg+xml"),
        *(("video/mp4", f"application/{kind}") for kind in ("matroska", "mp4", "mxf", "ogg", "vnd.ms-asf")),
        ("video/x-flv", "application/x-shockwave-flash"),
    ],
)
def test_what_a_type_is_kept_in_does_not_contradict_it(media_type: str, signature: str) -> None:
    assert contradiction(media_type, None, b"1234567890", [Signature(signature, "", 8)]) is None


@pytest.mark.parametrize(
    "media_type",
    [
        *("text/plain", "application/x-javascript", "application/json", "application/x-sh", "application/sql"),
        *("application/toml", "application/xml", "application/xml-dtd", "application/yaml"),
        *("image/svg+xml", "application/ld+json"),
    ],
)
def test_text_has_no_binary_bytes(media_type: str) -> None:
    # WHATWG MIME Sniffing, "binary data byte".
    binary = {*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)}
    refused = {byte for byte in range(256) if contradiction(media_type, None, b"a" + bytes([byte]), [])}
    assert refused == binary


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_text_in_wide_letters_is_text_when_it_says_so(encoding: str) -> None:
    content = "\ufeffwide".encode(encoding)
    assert contradiction("text/plain", None, content, []) is None
    wide = encoding != "utf-8-sig"
    assert (contradiction("text/plain", None, "wide".encode(encoding), []) == "binary data") is wide

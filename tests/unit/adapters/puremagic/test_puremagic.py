"""Real files' first bytes against the real table."""

import gzip
import io
import sys
import zipfile

import pytest

from s3py_helper.adapters.puremagic.signatures import PuremagicSignatures
from s3py_helper.domain.content_type import OCTET_STREAM, compared_content_type, guess_content_type
from s3py_helper.domain.errors import FileTypeMismatchException, InvalidArgumentException
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.signatures import signatures_for
from s3py_helper.storage import FileTypeMismatchException as PublicException
from s3py_helper.storage import StorageManager


def _zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


REAL = {
    "a.png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20),
    "a.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(20),
    "exif.jpeg": b"\xff\xd8\xff\xe1\x00\x10Exif\x00" + bytes(20),
    "a.gif": b"GIF89a\x01\x00\x01\x00" + bytes(20),
    "a.webp": b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(20),
    "a.wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20),
    "a.avi": b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(20),
    "a.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a.zip": _zipped("a.txt"),
    "a.docx": _zipped("[Content_Types].xml", "word/document.xml"),
    "a.odt": _zipped("mimetype"),
    "a.epub": _zipped("mimetype"),
    "a.gz": gzip.compress(b"x"),
    "a.svgz": gzip.compress(b"<svg/>"),
    "a.mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42",
    "dash.mp4": b"\x00\x00\x00\x18ftypdash\x00\x00\x00\x00iso6mp41",
    "a.mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ",
    "a.m4a": b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00isommp42",
    "a.heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "a.avif": b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1",
    "a.webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
    "a.mkv": b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x88matroska",
    "a.ogg": b"OggS\x00\x02" + bytes(30),
    "a.mp3": b"ID3\x03\x00" + bytes(20),
    "bare.mp3": b"\xff\xfb\x90d" + bytes(30),
    "a.flac": b"fLaC" + bytes(20),
    "a.7z": b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(8),
    "a.rar": b"Rar!\x1a\x07\x01\x00",
    "a.xz": b"\xfd7zXZ\x00",
    "a.bz2": b"BZh91AY&SY",
    "a.tar": b"a.txt" + bytes(252) + b"ustar\x0000" + bytes(200),
    "a.bmp": b"BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00" + bytes(20),
    "a.ico": b"\x00\x00\x01\x00\x01\x00" + bytes(10),
    "a.tiff": b"II*\x00" + bytes(10),
    "a.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20),
    "a.html": b"<!DOCTYPE html><html>",
    "a.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "declared.svg": b'<?xml version="1.0"?><svg/>',
    "a.xml": b'<?xml version="1.0"?><a/>',
    "a.json": b'{"a": 1}',
    "a.csv": b"ID,name\n1,x\n",
    "a.txt": "héllo wörld, 世界".encode(),
    "a.py": b"#!/usr/bin/env python\n",
    "a.rtf": b"{\\rtf1\\ansi",
    "a.woff2": b"wOF2\x00\x01\x00\x00",
    "a.wasm": b"\x00asm\x01\x00\x00\x00",
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_taken_for_what_they_are(name: str) -> None:
    content = REAL[name]
    media_type = compared_content_type(name, None, content, PuremagicSignatures().of(content))
    guessed = guess_content_type(name, content)
    assert media_type == (guessed if guessed != OCTET_STREAM else "font/woff2")


PICTURES_AND_DOCUMENTS = [f"a.{ending}" for ending in ("png", "jpg", "gif", "webp", "pdf", "docx", "zip", "gz", "webm")]


@pytest.mark.parametrize("disguise", PICTURES_AND_DOCUMENTS)
@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.py", "a.mp3", "a.doc", "a.txt"])
def test_other_content_under_the_name_of_a_picture_or_document_is_refused(name: str, disguise: str) -> None:
    if (name, disguise) == ("a.doc", "a.docx"):
        return  # it may be one with a password
    content = REAL[name]
    with pytest.raises(FileTypeMismatchException):
        compared_content_type(disguise, None, content, PuremagicSignatures().of(content))


async def test_managers_compare_where_the_rules_of_types_say_so() -> None:
    validator = FileValidatorImpl(FileTypeConfig(match_content=True))
    async with StorageManager.in_memory(validator=validator) as manager:
        assert (await manager.upload_service.upload_bytes("a", REAL["a.png"])).content_type == "image/png"
        with pytest.raises(PublicException):
            await manager.upload_service.upload_bytes("a.png", REAL["a.html"])
        assert [file.file_size for file in (await manager.list_service.list_page()).files] == [len(REAL["a.png"])]


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "s3py_helper.adapters.puremagic.signatures", raising=False)
    monkeypatch.setitem(sys.modules, "puremagic", None)
    with pytest.raises(InvalidArgumentException, match=r"s3py-helper\[types\]"):
        signatures_for(FileValidatorImpl(FileTypeConfig(match_content=True)))
    assert signatures_for(FileValidatorImpl()) is None

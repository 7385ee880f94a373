"""The media type of a file: from its name, else from its first bytes."""

import mimetypes
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

from s3py_helper.domain.errors import FileTypeMismatchException, InvalidArgumentException
from s3py_helper.domain.signature import Signature, contradiction, told_by
from s3py_helper.domain.text_rules import require_text, shortened

OCTET_STREAM: Final = "application/octet-stream"

SNIFFED_BYTES: Final = 512
"""How many of the first bytes `guess_content_type` looks at."""

COMPARED_BYTES: Final = 4096
"""How many of the first bytes `compared_content_type` wants, where there are as many."""

# Not in every Python's table; the names are those of the IANA registry.
_MORE_TYPES: Final = {
    ".7z": "application/x-7z-compressed",
    ".apk": "application/vnd.android.package-archive",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".jxl": "image/jxl",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mkv": "video/matroska",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".parquet": "application/vnd.apache.parquet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zst": "application/zstd",
}

_SIGNATURES: Final = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"OggS", "application/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
)

_ENCODING_TYPES: Final = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
    "compress": "application/x-compress",
}


def check_content_type(content_type: str) -> str:
    """The type, which becomes the value of a header.

    Raises:
        InvalidArgumentException: It is blank, or has characters that no header may carry.
    """
    if not is_content_type(require_text(content_type, "a content type")):
        raise InvalidArgumentException(
            f"the content type {shortened(content_type)} is no media type: it is printable ASCII, as in text/plain"
        )
    return content_type


def is_content_type(text: str) -> bool:
    """Whether a header can carry it."""
    return bool(text.strip()) and text.isascii() and text.isprintable()


def guess_content_type(file_name: str, first_bytes: bytes = b"") -> str:
    """The type of the name's extension, else that of a known signature, else `application/octet-stream`."""
    guessed, encoding = _by_ending(".".join(file_name.rsplit(".", 2)[1:]))
    if encoding is not None:
        # `a.tar.gz` is stored compressed: what a client gets is the gzip file.
        return _ENCODING_TYPES.get(encoding, OCTET_STREAM)
    return guessed or _sniffed(first_bytes[:SNIFFED_BYTES]) or OCTET_STREAM


def compared_content_type(file_name: str, said: str | None, first_bytes: bytes, signatures: Sequence[Signature]) -> str:
    """The type that the sender says, else as `guess_content_type`, else the one that the signatures agree on.

    Args:
        file_name: The file's name.
        said: What the sender says; `None` when nothing.
        first_bytes: How the file begins.
        signatures: More signatures that these bytes have.

    Raises:
        FileTypeMismatchException: The bytes cannot be of the type of the name, or of the one that the sender says.
    """
    guessed = guess_content_type(file_name, first_bytes)
    extension = file_name.rpartition(".")[2].lower() if "." in file_name else ""
    if (own := _sniffed(first_bytes)) is not None:
        signatures = [Signature(own, "", len(first_bytes)), *signatures]
    for media_type, ending in ((guessed, extension), (said, None)):
        if media_type is not None and (found := contradiction(media_type, ending, first_bytes, signatures)):
            source = "its sender" if ending is None else "its name"
            raise FileTypeMismatchException(
                f"the content of {file_name!r} is {found}, while {source} says {shortened(media_type)}",
                operation="upload",
                file_name=file_name,
            )
    return said or (told_by(signatures) if guessed == OCTET_STREAM else None) or guessed


@lru_cache(maxsize=1024)
def _by_ending(ending: str) -> tuple[str | None, str | None]:
    # guess_type takes a URL apart, which costs more than all other work on a small file's name; endings recur.
    return _types().guess_type(f"./x.{ending}") if ending else (None, None)


@cache
def _types() -> mimetypes.MimeTypes:
    # The system's own tables are left out, so that the same name has the same type everywhere.
    types = mimetypes.MimeTypes(filenames=())
    for extension, media_type in _MORE_TYPES.items():
        types.add_type(media_type, extension)
    return types


def _sniffed(first_bytes: bytes) -> str | None:
    return next((kind for at, magic, kind in _SIGNATURES if first_bytes[at : at + len(magic)] == magic), None)

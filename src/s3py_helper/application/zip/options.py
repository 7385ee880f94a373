"""How an archive is made, and which files are worth compressing."""

import os.path
from dataclasses import dataclass
from typing import Final, Literal

from s3py_helper.domain.content_type import OCTET_STREAM, guess_content_type
from s3py_helper.domain.errors import InvalidArgumentException

type Compression = Literal["auto", "always", "never"]
"""`auto` does not compress what already is, `never` nothing, `always` everything that gets smaller by it."""

COMPRESSIONS: Final = ("auto", "always", "never")

type OnError = Literal["raise", "skip"]
"""`raise` breaks off at a file that cannot be read, `skip` leaves the file out and lists it in the archive."""

_ON_ERROR: Final = ("raise", "skip")

_COMPRESSED_FAMILIES: Final = ("image/", "video/", "audio/", "application/vnd.openxmlformats-officedocument.")

# Among these families, the formats that hold their data as it is.
_PLAIN: Final = frozenset({
    "image/bmp", "image/svg+xml", "image/tiff", "image/vnd.adobe.photoshop", "image/vnd.microsoft.icon",
    "image/x-icon", "image/x-ms-bmp", "image/x-portable-anymap", "image/x-portable-bitmap",
    "image/x-portable-graymap", "image/x-portable-pixmap",
    "audio/aiff", "audio/basic", "audio/midi", "audio/wav", "audio/x-aiff", "audio/x-wav",
})  # fmt: skip

_COMPRESSED: Final = frozenset({
    "application/epub+zip", "application/gzip", "application/java-archive", "application/ogg", "application/pdf",
    "application/vnd.android.package-archive", "application/vnd.apache.parquet", "application/vnd.rar",
    "application/x-7z-compressed", "application/x-brotli", "application/x-bzip2", "application/x-compress",
    "application/x-rar-compressed", "application/x-xz", "application/zip", "application/zstd",
    "application/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.graphics",
    "font/woff", "font/woff2",
})  # fmt: skip

# Extensions that have no registered type, or one that servers seldom know.
_COMPRESSED_EXTENSIONS: Final = frozenset({
    ".aab", ".arrow", ".avif", ".br", ".cab", ".crx", ".deb", ".dmg", ".ear", ".heic", ".heif", ".ipa", ".jxl", ".kmz",
    ".lz", ".lz4", ".lzma", ".m2ts", ".mkv", ".npz", ".orc", ".rpm", ".sz", ".tbz2", ".tgz", ".txz", ".tzst", ".vsdx",
    ".war", ".whl", ".woff", ".woff2", ".xapk", ".xpi", ".xps", ".zipx",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZipOptions:
    """The choices that callers have.

    Attributes:
        compression: Which files are compressed.
        on_error: What to do about files that cannot be read.
        verify_first: Ask the backends for every file before the first byte is written.

    Raises:
        InvalidArgumentException: A value is not one of those listed.
    """

    compression: Compression = "auto"
    on_error: OnError = "raise"
    verify_first: bool = False

    def __post_init__(self) -> None:
        _require_one_of("compression", self.compression, COMPRESSIONS)
        _require_one_of("on_error", self.on_error, _ON_ERROR)


def compresses(compression: Compression, file_name: str, content_type: str | None = None) -> bool:
    """Whether to try to compress a file, judged before its first byte; the bytes may show otherwise."""
    match compression:
        case "always":
            return True
        case "never":
            return False
        case "auto":
            return not _is_compressed(file_name, content_type)


def _is_compressed(file_name: str, content_type: str | None) -> bool:
    if os.path.splitext(file_name)[1].lower() in _COMPRESSED_EXTENSIONS:
        return True
    guessed = guess_content_type(file_name)
    # The name comes first: the stored type may be merely what some client claimed.
    media_type = (content_type or guessed if guessed == OCTET_STREAM else guessed).partition(";")[0].strip().lower()
    if media_type in _PLAIN:
        return False
    return media_type in _COMPRESSED or media_type.startswith(_COMPRESSED_FAMILIES)


def _require_one_of(argument: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidArgumentException(f"{argument} is one of {', '.join(map(repr, allowed))}, got {value!r}")

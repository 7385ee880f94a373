"""A file's description as headers carry it, both ways.

Headers are ASCII, names and metadata are text in any script. The original file name travels percent-encoded under the
key that s3py-helper has always used. A pair that is plain ASCII travels as it is, readable to every tool. Any other
value is written as RFC 8187, 3.2.1 does (`UTF-8''%D0%98`); any other name with `.d0` for a byte, because some servers
drop names with characters that are no letter, digit, `.`, `-` or `_`. Plain text that looks encoded is encoded as well,
so reading is never a guess.
"""

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from s3py_helper.adapters.s3.api.dates import moment_of
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

CRC32_HEADER: Final = "x-amz-checksum-crc32"
ONLY_NEW: Final = {"if-none-match": "*"}
"""Makes a server store an object only where none exists."""

# In order of preference: the first can be compared with the checksums of other backends.
_CHECKSUMS: Final = tuple(
    (algorithm, f"x-amz-checksum-{algorithm}") for algorithm in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
)

_GOES_WITH_THE_BYTES: Final = (
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)


PREFIX: Final = "x-amz-meta-"
FILE_NAME_KEY: Final = "--real-file-name--"

MAX_METADATA_BYTES: Final = 2048
"""All names and values together (Amazon S3 User Guide, "Working with object metadata")."""

_VALUE_MARK: Final = "UTF-8''"
_NAME_MARK: Final = "utf-8--"

# Nothing in it is percent-encoded: a match takes a tenth of the time of encoding.
_PLAIN_FILE_NAME: Final = re.compile(r"[A-Za-z0-9._~-]*")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
# Leading, trailing and repeated blanks do not survive in a header.
_PLAIN_VALUE: Final = re.compile(r"[!-~]+( [!-~]+)*")
_BYTE: Final = re.compile(rb"[^a-z0-9_-]")
_ENCODED_BYTE: Final = re.compile(rb"\.([0-9a-f]{2})")

_RANGE: Final = re.compile(r"bytes (\d{1,20})-(\d{1,20})/(\d{1,20})", re.ASCII)


def blob_info(file_id: FileId, headers: Mapping[str, str], size: int) -> BlobInfo:
    """The description in a response to GET or HEAD; header names are in lower case."""
    file_name, metadata = from_headers(headers)
    modified = headers.get("last-modified")
    return BlobInfo(
        file_id=file_id,
        size=size,
        file_name=file_name,
        last_modified=moment_of(modified) if modified else None,
        content_type=headers.get("content-type"),
        content_encoding=content_encoding(headers),
        etag=etag_of(headers),
        checksum=_checksum(headers),
        # S3 leaves the header out for its standard class.
        storage_class=headers.get("x-amz-storage-class", "STANDARD"),
        metadata=metadata,
    )


def upload_headers(blob: NewBlob) -> dict[str, str]:
    """Everything that is stored beside the bytes, as headers."""
    return describing_headers(blob.content_type, blob.file_name, blob.metadata)


def describing_headers(content_type: str, file_name: str | None, metadata: Mapping[str, str]) -> dict[str, str]:
    """The same for a file that may have no name."""
    if not (content_type.isascii() and content_type.isprintable()):
        raise InvalidArgumentException(
            f"the content type {content_type!r} is no media type", operation="upload", backend=Backend.S3
        )
    return {"content-type": content_type, **to_headers(file_name, metadata)}


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The part of an object's description that belongs to its bytes, and is copied with them."""
    kept = {name: headers[name] for name in _GOES_WITH_THE_BYTES if headers.get(name)}
    if (encoding := content_encoding(headers)) is not None:
        kept["content-encoding"] = encoding
    return kept


def content_encoding(headers: Mapping[str, str]) -> str | None:
    """How the stored bytes are encoded (RFC 9110, 8.4), `None` where they are not.

    `aws-chunked` is how an upload was signed; some servers keep it, although it says nothing about the bytes.
    """
    header = headers.get("content-encoding")
    if header is None:
        return None
    codings = [coding.strip() for coding in header.split(",")]
    return ", ".join(coding for coding in codings if coding.lower() not in {"", "aws-chunked"}) or None


def content_length(headers: Mapping[str, str]) -> int:
    """The size of the body that a response describes, in bytes."""
    length = headers.get("content-length", "")
    if not length.isdecimal():
        raise StorageOperationException("the server does not tell the size of the object", backend=Backend.S3)
    return int(length)


def parse_content_range(header: str) -> tuple[Span, int]:
    """The bytes that a response holds, and the size of the whole, from `Content-Range` (RFC 9110, 14.4).

    Raises:
        StorageOperationException: The header says something else, or nothing.
    """
    match = _RANGE.fullmatch(header)
    if match is None:
        raise StorageOperationException(f"the server responds with the range {header!r}", backend=Backend.S3)
    first, last, size = map(int, match.groups())
    return Span(first, last + 1), size


def quoted(etag: str) -> str:
    """An entity tag as HTTP writes it (RFC 9110, 8.8.3): some servers leave the quotes out."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def etag_of(headers: Mapping[str, str]) -> str | None:
    """The entity tag, with its quotes; `None` where there is none."""
    etag = headers.get("etag")
    return quoted(etag) if etag else None


def crc32_text(value: int) -> str:
    """A CRC-32 as S3's headers carry it: base64 of four bytes, highest first."""
    return b2a_base64(value.to_bytes(4), newline=False).decode()


def to_headers(file_name: str | None, metadata: Mapping[str, str]) -> dict[str, str]:
    """The headers that carry both, or the metadata alone.

    Raises:
        InvalidArgumentException: They exceed what S3 stores, or two names differ only in case.
    """
    pairs: dict[str, str] = {}
    if file_name is not None:
        pairs[FILE_NAME_KEY] = file_name if _PLAIN_FILE_NAME.fullmatch(file_name) else quote(file_name, safe="")
    for name, value in metadata.items():
        key = _encoded_name(name)
        if key in pairs:
            raise _invalid(f"the metadata name {name!r} is taken: S3 does not tell upper from lower case")
        pairs[key] = _encoded_value(value)
    if (size := sum([len(key) + len(value) for key, value in pairs.items()])) > MAX_METADATA_BYTES:
        raise _invalid(f"metadata and file name take {size} bytes as they are stored, S3 allows {MAX_METADATA_BYTES}")
    return {PREFIX + key: value for key, value in pairs.items()}


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The metadata among the headers as the SDK presents them: still encoded, but without the prefix."""
    return {name.removeprefix(PREFIX): text for name, text in headers.items() if name.startswith(PREFIX)}


def from_headers(headers: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """File name and metadata from a response's headers, their names in lower case."""
    file_name, metadata = None, {}
    for header in headers:
        if not header.startswith(PREFIX):
            continue
        key, value = header.removeprefix(PREFIX), headers[header]
        if key == FILE_NAME_KEY:
            file_name = unquote(value)
        else:
            metadata[_decoded_name(key)] = _decoded_value(value)
    return file_name, metadata


def _encoded_name(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and not name.lower().startswith(_NAME_MARK):
        return name.lower()
    # Capital letters are encoded as well: S3 would turn them into small ones.
    return _NAME_MARK + _BYTE.sub(lambda byte: b".%02x" % byte[0][0], name.encode()).decode()


def _decoded_name(key: str) -> str:
    if not key.startswith(_NAME_MARK):
        return key
    text = _ENCODED_BYTE.sub(lambda code: bytes.fromhex(code[1].decode()), key.removeprefix(_NAME_MARK).encode())
    return text.decode(errors="replace")


def _encoded_value(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value) and not _is_marked(value):
        return value
    return _VALUE_MARK + quote(value, safe="")


def _decoded_value(text: str) -> str:
    return unquote(text[len(_VALUE_MARK) :]) if _is_marked(text) else text


def _is_marked(value: str) -> bool:
    return value[: len(_VALUE_MARK)].upper() == _VALUE_MARK


def _invalid(message: str) -> InvalidArgumentException:
    return InvalidArgumentException(message, operation="upload", backend=Backend.S3)


def _checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The checksum of the whole content; one made of the parts' checksums (`...-2`) says nothing about it."""
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    for algorithm, header in _CHECKSUMS:
        text = headers.get(header)
        if text is not None and "-" not in text:
            try:
                return Checksum(algorithm, a2b_base64(text, strict_mode=True).hex())
            except ValueError:
                return None
    return None

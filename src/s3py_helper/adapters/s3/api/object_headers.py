"""A stored file as the headers of a response describe it."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Final

from s3py_helper.adapters.s3.api.dates import moment_of
from s3py_helper.adapters.s3.api.metadata import from_headers, to_headers
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

CRC32_HEADER: Final = "x-amz-checksum-crc32"

_CHECKSUM_HEADER: Final = "x-amz-checksum-"
# In the order of preference: the first can be compared with the checksums of the other backends.
_ALGORITHMS: Final = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")

_GOES_WITH_THE_BYTES: Final = (
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)


def blob_info(file_id: FileId, headers: Mapping[str, str], size: int) -> BlobInfo:
    """What a response to GET or HEAD says; names of headers in lower case."""
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
    content_type = blob.content_type
    if not (content_type.isascii() and content_type.isprintable()):
        raise InvalidArgumentException(
            f"the content type {content_type!r} is no media type", operation="upload", backend=Backend.S3
        )
    return {"content-type": content_type, **to_headers(blob.file_name, blob.metadata)}


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What of an object's description belongs to its bytes, and goes with them where they are copied to."""
    kept = {name: headers[name] for name in _GOES_WITH_THE_BYTES if headers.get(name)}
    if (encoding := content_encoding(headers)) is not None:
        kept["content-encoding"] = encoding
    return kept


def content_encoding(headers: Mapping[str, str]) -> str | None:
    """How the stored bytes are encoded (RFC 9110, 8.4), `None` where they are not.

    `aws-chunked` is how an upload was signed; some servers keep it, although it says nothing about the bytes.
    """
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    return ", ".join(coding for coding in codings if coding.lower() not in {"", "aws-chunked"}) or None


def content_length(headers: Mapping[str, str]) -> int:
    """The size of the body that a response describes, in bytes."""
    length = headers.get("content-length", "")
    if not length.isdecimal():
        raise StorageOperationException("the server does not tell the size of the object", backend=Backend.S3)
    return int(length)


def quoted(etag: str) -> str:
    """An entity tag as HTTP writes it (RFC 9110, 8.8.3): some servers leave the quotes out."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def etag_of(headers: Mapping[str, str]) -> str | None:
    """The entity tag, with its quotes; `None` where there is none."""
    etag = headers.get("etag")
    return quoted(etag) if etag else None


def crc32_text(value: int) -> str:
    """A CRC-32 as S3's headers carry it: base64 of four bytes, highest first."""
    return b64encode(value.to_bytes(4)).decode()


def _checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The checksum of the whole content; one made of the parts' checksums (`...-2`) says nothing about it."""
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    for algorithm in _ALGORITHMS:
        text = headers.get(_CHECKSUM_HEADER + algorithm)
        if text is not None and "-" not in text:
            try:
                return Checksum(algorithm, b64decode(text, validate=True).hex())
            except Base64Error:
                return None
    return None

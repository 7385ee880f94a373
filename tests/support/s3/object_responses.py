"""What servers respond to requests for objects, listings, and uploads in parts."""

import base64
import zlib

from tests.support.s3.canned import CannedResponse, xml


def crc32(content: bytes) -> str:
    """As a header tells it."""
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()


def done(content: bytes | None = None, etag: str = '"x"') -> CannedResponse:
    """To a write, with the sum of what was stored where the server tells it."""
    return CannedResponse(200, {"etag": etag} | ({} if content is None else {"x-amz-checksum-crc32": crc32(content)}))


def stored(content: bytes | None = b"12345", **more: str) -> CannedResponse:
    """The same of five bytes, or others, with further headers."""
    return CannedResponse(200, {**done(content).headers, **more})


def head(content: bytes, **more: str) -> CannedResponse:
    """To a look at an object."""
    return CannedResponse(
        200, {"etag": '"h"', "content-length": str(len(content)), "x-amz-checksum-crc32": crc32(content), **more}
    )


def created(*, checks: bool = True) -> CannedResponse:
    """To the beginning of an upload, of which the server checks the whole or does not."""
    kind = {"x-amz-checksum-type": "FULL_OBJECT"} if checks else {}
    return xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>", kind)


def completed(content: bytes | None = None) -> CannedResponse:
    """To the end of an upload, with the sum of the whole where the server tells it."""
    told = "" if content is None else f"<ChecksumCRC32>{crc32(content)}</ChecksumCRC32>"
    return xml(f"<CompleteMultipartUploadResult><ETag>x-2</ETag>{told}</CompleteMultipartUploadResult>")


def in_progress(*uploads: str) -> CannedResponse:
    """To a look for uploads of a key."""
    entries = "".join(f"<Upload><Key>a</Key><UploadId>{upload}</UploadId></Upload>" for upload in uploads)
    return xml(f"<ListMultipartUploadsResult>{entries}</ListMultipartUploadsResult>")


def page(*keys: str, more: bool = False, token: str | None = None) -> CannedResponse:
    """A page of a listing; `token` leads to the next."""
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>5</Size><ETag>x</ETag><StorageClass>GLACIER</StorageClass>"
        "<LastModified>2020-01-02T03:04:05Z</LastModified></Contents>"
        for key in keys
    )
    told = "" if token is None else f"<NextContinuationToken>{token}</NextContinuationToken>"
    return xml(f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{told}{entries}</ListBucketResult>")

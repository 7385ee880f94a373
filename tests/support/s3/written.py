"""A blob of a few bytes and one in two parts, and what a server responds while they are written."""

from typing import Final

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.testing import body_of
from tests.support.s3.canned import OpenStage, refusing
from tests.support.s3.object_responses import created, done, in_progress

MIB: Final = 1024 * 1024
SMALL: Final = b"12345"
LARGE: Final = bytes(6 * MIB)
BLOB: Final = NewBlob("a", "a.txt", content_type="text/plain", metadata={"by": "ada"})
PARTS: Final = S3PerfConfig(max_retries=0, multipart_part_size=5 * MIB, multipart_threshold=5 * MIB, parts_in_flight=1)
DESCRIBED: Final = {"content-type": "text/plain", "x-amz-meta---real-file-name--": "a.txt", "x-amz-meta-by": "ada"}
GONE: Final = refusing(404, "NoSuchUpload")
LOOKS: Final = ["HEAD /docs/a"] * 2
"""What is asked for later where nobody knows whether the server has carried out a request, or still will."""
NOTHING_THERE: Final = {"HEAD": refusing(404, "NoSuchBucket")}
NO_UPLOADS: Final = {"GET": in_progress()}
LARGE_SENT: Final = (created(), done(LARGE[: 5 * MIB]), done(LARGE[5 * MIB :]))
"""Responses until the upload of `LARGE` is to be completed."""


async def write(s3: OpenStage, content: bytes = SMALL) -> BlobInfo:
    return await S3BlobStore(s3.session).write(BLOB, body_of(content))

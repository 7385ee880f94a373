"""Whatever a server responds: no hang, no raw error, no success without evidence, no bytes of another size."""

import asyncio
import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob
from tests.support.recorder import Recorder
from tests.support.s3.raw_server import Peer, raw_server

pytestmark = pytest.mark.timeout(120)

FILE_ID = FileId(Backend.S3, "tests", "a.bin")
MIB = 1024 * 1024
PERF = S3PerfConfig(
    max_retries=1, read_timeout=2, operation_timeout=2, multipart_part_size=5 * MIB, multipart_threshold=5 * MIB
)
SIZE = 10
"""Of the object that the server pretends to have."""

BODIES = [
    b"",
    b"0123456789",
    b"01234",
    b"0123456789+",
    b"<html><body>Please log in</body></html>",
    b"<Error><Code>InternalError</Code><Message>Sorry</Message></Error>",
    b"<Error><Code>NoSuchKey</Code></Error>",
    b"<Error>",
    b"<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>",
    b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>",
    b'<CopyObjectResult xmlns="any"><ETag>"x"</ETag></CopyObjectResult>',
    b"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>",
    b"<ListBucketResult><Contents><Key>a</Key><Size>5</Size></Contents></ListBucketResult>",
    b"<ListMultipartUploadsResult/>",
    b"\xff\x00\xfe",
    b"[]",
]
HEADERS = {
    "ETag": ['"x"', "x", 'W/"x"', "", '"\xe9"'],
    "Last-Modified": ["Sun, 06 Nov 1994 08:49:37 GMT", "yesterday", "1994-11-06T08:49:37Z", ""],
    "Content-Range": ["bytes 0-9/10", "bytes 0-4/10", "bytes 5-9/10", "bytes */10", "bytes 9-0/10", "nonsense"],
    "Content-Type": ["text/plain", "", "text/html; charset"],
    "Content-Encoding": ["gzip", "aws-chunked", ""],
    "Retry-After": ["0", "-1", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"],
    "Date": ["Sun, 06 Nov 1994 08:49:37 GMT", "never"],
    "x-amz-checksum-crc32": ["AAAAAA==", "poW+Wg==", "!", "AAAAAA==-2"],
    "x-amz-checksum-type": ["FULL_OBJECT", "COMPOSITE", "?"],
    "x-amz-meta---real-file-name--": ["%", "%ff%fe", "a.txt"],
    "x-amz-meta-utf-8--.zz": ["UTF-8''%zz", ""],
    "x-amz-storage-class": ["", "GLACIER"],
    "x-amz-bucket-region": ["eu-west-1"],
    "Location": ["http://127.0.0.1:9/"],
}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    framing: str

    def message(self, *, bodyless: bool) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever"]
        lines += [f"{name}: {text}" for name, text in self.headers.items()]
        body = self.body
        match self.framing:
            case "exact":
                lines.append(f"Content-Length: {len(body)}")
            case "too short":
                lines.append(f"Content-Length: {len(body) + 3}")
            case "chunked":
                lines.append("Transfer-Encoding: chunked")
                body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
            case _:
                lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if bodyless else body)


_status = st.one_of(
    st.sampled_from([200, 200, 200, 201, 204, 206, 304, 400, 403, 404, 416, 503]), st.integers(200, 599)
)
_headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(texts) for name, texts in HEADERS.items()})
_replies = st.lists(
    st.builds(
        Reply,
        _status,
        _headers,
        st.one_of(st.sampled_from(BODIES), st.binary(max_size=40)),
        st.sampled_from(["exact", "exact", "exact", "too short", "chunked", "until closed"]),
    ),
    min_size=1,
    max_size=5,
)
_operations = st.sampled_from(["upload", "download", "range", "info", "delete", "list", "copy", "health"])


@given(_operations, _replies)
@settings(max_examples=150)
def test_a_response_is_understood_or_an_error_of_ours(operation: str, replies: list[Reply]) -> None:
    asyncio.run(_operate(operation, replies))


async def _operate(operation: str, replies: list[Reply]) -> None:
    sent: list[Reply] = []

    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            size = re.search(rb"content-length: (\d+)", head)
            if size:
                await peer.reader.readexactly(int(size[1]))
            reply = replies[len(sent)] if len(sent) < len(replies) else Reply(503, {}, b"", "exact")
            sent.append(reply)
            await peer.answer(reply.message(bodyless=head.startswith(b"HEAD")))
            if reply.framing in {"too short", "until closed"}:
                return

    async with raw_server(behave) as server:
        session = S3Session(server.s3().config(perf=PERF), Recorder())
        details: list[str] = []
        async with session:
            try:
                await _do(operation, session, sent)
            except StorageException as error:
                details.append(error.detail)
        assert not [detail for detail in details if server.origin.removeprefix("http://") in detail]


async def _do(operation: str, session: S3Session, sent: list[Reply]) -> None:
    store = S3BlobStore(session)
    match operation:
        case "upload":
            written = await store.write(new_blob(), body_of(b"0123456789"))
            assert written.etag, "stored, and nobody confirmed it"
        case "download" | "range":
            span = None if operation == "download" else ByteRange(5, 9)
            async with store.open(FILE_ID, span) as blob:
                content = b"".join([chunk async for chunk in blob.body])
            assert len(content) == len(blob.span) <= blob.info.size
            assert any(content in reply.body for reply in sent) or len(sent) > 1, "bytes that nobody has sent"
        case "info":
            assert (await store.info(FILE_ID)).size >= 0
        case "delete":
            await store.delete(FILE_ID)
        case "list":
            async with S3Listing(session).list() as blobs:
                assert all([blob.size >= 0 async for blob in blobs])
        case "copy":
            copied = await S3Copy(session).copy(FILE_ID, new_blob())
            assert copied.etag, "copied, and nobody confirmed it"
        case _:
            await S3Health(session).check()

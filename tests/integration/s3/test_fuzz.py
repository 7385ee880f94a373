"""Responses made by chance from those that an S3 gives.

Whatever comes: no hang, no error but ours, no other bytes, no success without the bytes; and the next download, over
what is left of the connections, is right.
"""

import asyncio
import base64
import contextlib
import hashlib
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import StorageException
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fuzzing import examples
from tests.support.recorder import Recorder
from tests.support.s3.operations import FILE_ID
from tests.support.s3.raw_server import Peer, raw_server

pytestmark = pytest.mark.timeout(240)

CONTENT: Final = bytes(range(256)) * 20
SENT: Final = bytes(reversed(range(256))) * 300
SECONDS: Final = 30
PERF: Final = S3PerfConfig(max_retries=1, read_timeout=0.4, operation_timeout=1.5, pool_timeout=1)

type Change = Callable[[bytes], bytes]


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()


@dataclass
class Script:
    """What the server does: `change` befalls so many responses, `early` ones come before the request's body is read.

    Attributes:
        stored: Bodies of PUT requests that came in whole.
    """

    change: Change | None = None
    left: int = 0
    early: bool = False
    close: bool = False
    stored: list[bytes] = field(default_factory=list)

    async def serve(self, peer: Peer) -> None:
        while head := await peer.head():
            spoilt = self.change if self.left else None
            self.left = max(0, self.left - 1)
            size = int(head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0] or 0)
            body = b""
            if not (spoilt and self.early):
                body = await peer.reader.readexactly(size)
                if head.startswith(b"PUT "):
                    self.stored.append(body)
            response = self.response(head, body)
            await peer.answer(response if spoilt is None else spoilt(response))
            if spoilt and (self.close or self.early):
                return

    def response(self, head: bytes, received: bytes) -> bytes:
        method, target, _ = head.split(b" ", 2)
        described = [
            f'ETag: "{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"',
            f"x-amz-checksum-crc32: {crc32(CONTENT)}",
            "Content-Type: application/octet-stream",
            "Last-Modified: Wed, 25 Nov 2026 12:00:00 GMT",
        ]
        match method:
            case b"PUT":
                return _response(['ETag: "x"', f"x-amz-checksum-crc32: {crc32(received)}"], b"")
            case b"HEAD":
                return _response(described, CONTENT).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            case b"GET" if b"list-type" in target:
                return _response(["Content-Type: application/xml"], LISTING)
            case b"GET":
                return _response(described, CONTENT)
            case _:
                return _response([], b"", "204 No Content")


def _response(headers: list[str], body: bytes, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


LISTING: Final = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false'
    b"</IsTruncated><Contents><Key>a.bin</Key><LastModified>2026-11-25T12:00:00.000Z</LastModified>"
    b"<ETag>&quot;x&quot;</ETag><Size>5120</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
)


def with_status(status: int) -> Change:
    return lambda response: b"HTTP/1.1 %d Oops" % status + response[response.index(b"\r\n") :]


def with_header(name: bytes, value: bytes) -> Change:
    return lambda response: response.replace(b"\r\n", b"\r\n%b: %b\r\n" % (name, value), 1)


def without_header(name: bytes) -> Change:
    def change(response: bytes) -> bytes:
        head, end, body = response.partition(b"\r\n\r\n")
        return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(name + b":")) + end + body

    return change


def with_body(body: bytes, *, sized: bool) -> Change:
    def change(response: bytes) -> bytes:
        head, end, old = response.partition(b"\r\n\r\n")
        if sized:
            head = head.replace(b"Content-Length: %d" % len(old), b"Content-Length: %d" % len(body))
        return head + end + body

    return change


def spliced(at: int, piece: bytes, *, instead: bool) -> Change:
    def change(response: bytes) -> bytes:
        start = at % (len(response) + 1)
        return response[:start] + piece + response[start + len(piece) * instead :]

    return change


POSITIONS = st.integers(0, 400) | st.integers(0, 6000)
PIECES = st.binary(min_size=1, max_size=30)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30).map(
    lambda text: text.encode("latin-1")
)
NAMES = st.sampled_from(
    [
        *(b"Content-Length", b"Content-Type", b"Content-Range", b"Content-Encoding", b"Transfer-Encoding"),
        *(b"Connection", b"Date", b"ETag", b"Last-Modified", b"Location", b"Retry-After"),
        *(b"x-amz-checksum-crc32", b"x-amz-meta-a"),
    ]
)
BODIES = st.binary(max_size=300) | st.sampled_from(
    [
        b"<Error><Code>SlowDown</Code></Error>",
        b"<Error><Code>NoSuchKey</Code><Message>\xff</Message></Error>",
        b"<html>Log in</html>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>../a</Key><Size>-1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Size>x</Size></Contents></ListBucketResult>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><ListBucketResult>&b;</ListBucketResult>",
    ]
)

CHANGES = st.one_of(
    st.builds(lambda at: lambda response: response[: at % (len(response) + 1)], POSITIONS),
    st.builds(with_status, st.integers(100, 599) | st.sampled_from([200, 204, 206, 301, 304, 307, 400, 404, 416, 503])),
    st.builds(with_header, NAMES, TEXTS | st.integers(0, 9000).map(lambda number: b"%d" % number)),
    st.builds(without_header, NAMES),
    st.builds(lambda body, sized: with_body(body, sized=sized), BODIES, st.booleans()),
    st.builds(lambda at, piece, instead: spliced(at, piece, instead=instead), POSITIONS, PIECES, st.booleans()),
    st.builds(lambda surplus: lambda response: response + surplus, PIECES),
    st.just(lambda response: response + response),
    st.builds(lambda junk: lambda _: junk, st.binary(max_size=60)),
)


async def upload(session: S3Session, script: Script) -> None:
    script.stored.clear()
    await S3BlobStore(session).write(new_blob(size=len(SENT)), body_of(SENT, size=len(SENT)))
    assert SENT in script.stored, "success without the bytes"


async def download(session: S3Session, script: Script) -> None:
    assert await read_all(S3BlobStore(session), FILE_ID) == CONTENT, "other bytes"


async def info(session: S3Session, script: Script) -> None:
    assert (await S3BlobStore(session).info(FILE_ID)).size >= 0


async def delete(session: S3Session, script: Script) -> None:
    await S3BlobStore(session).delete(FILE_ID)


async def listing(session: S3Session, script: Script) -> None:
    async with S3Listing(session).list() as blobs:
        assert all([blob.size >= 0 async for blob in blobs])


async def health(session: S3Session, script: Script) -> None:
    await S3Health(session).check()


type Operation = Callable[[S3Session, Script], Awaitable[None]]


@pytest.mark.slow
@pytest.mark.parametrize("operation", [upload, download, info, delete, listing, health])
@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(change=CHANGES, times=st.integers(1, 3), early=st.booleans(), close=st.booleans())
@example(change=with_body(b"", sized=True), times=1, early=False, close=False)
@example(change=with_status(200), times=1, early=True, close=False)
def test_whatever_is_answered(operation: Operation, change: Change, times: int, *, early: bool, close: bool) -> None:
    async def run() -> None:
        script = Script(change, times, early, close)
        async with (
            asyncio.timeout(SECONDS),
            raw_server(script.serve) as server,
            # Without a confirmed checksum nobody could tell whether what the kernel took was read.
            S3Session(server.s3().config(perf=PERF, checksum="required"), Recorder()) as session,
        ):
            with contextlib.suppress(StorageException):
                await operation(session, script)
            script.left = 0
            assert await until_read(session) == CONTENT, "bytes of another response"

    asyncio.run(run())


async def until_read(session: S3Session) -> bytes:
    """The file from a server that is well: a busy machine may be late, and makes the request fail."""
    while True:
        try:
            return await read_all(S3BlobStore(session), FILE_ID)
        except StorageException as error:
            last = error
        assert "in time" in str(last) or "timed out" in str(last), last

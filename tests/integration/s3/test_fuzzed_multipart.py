"""Whatever a server responds in the middle of a multipart upload: no hang, no raw error, no success without evidence,
and nothing left that could have been removed."""

import asyncio
import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.api import retrying
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import StorageException
from s3py_helper.testing import body_of, new_blob
from tests.support.recorder import Recorder
from tests.support.s3.odd_replies import OddReply, odd_replies
from tests.support.s3.raw_server import Peer, raw_server

pytestmark = pytest.mark.timeout(120)

MIB: Final = 1024 * 1024
CONTENT: Final = bytes(5 * MIB) + b"0123456789"
PERF: Final = S3PerfConfig(
    max_retries=1, read_timeout=5, operation_timeout=5, multipart_part_size=5 * MIB, multipart_threshold=5 * MIB
)
SECONDS: Final = 30
CRC32: Final = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()


@pytest.fixture(scope="module", autouse=True)
def no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrying, "_LONGEST_PAUSE", 0.0)
        yield


@dataclass(frozen=True)
class Slip:
    """What happens to one request: it is carried out or not, and answered with a reply or as is right."""

    carried_out: bool
    reply: OddReply | None


@dataclass
class OneUpload:
    """A server that can hold one upload, and lets one request after the other slip once the upload has begun.

    Attributes:
        slips: What is still to happen.
        uploads: Ids of uploads under way.
        stored: Whether the object is there.
        confirmed: Whether something that the client got may count as evidence that the object is there.
        misled: Whether a request that looks for remains, or removes them, was answered wrongly.
    """

    slips: list[Slip]
    uploads: set[str] = field(default_factory=set)
    stored: bool = False
    confirmed: bool = False
    misled: bool = False
    key: bytes = b""

    async def serve(self, peer: Peer) -> None:
        while head := await peer.head():
            size = re.search(rb"content-length: (\d+)", head)
            if size:
                await peer.reader.readexactly(int(size[1]))
            method, target = head.split(b" ", 2)[:2]
            begins = method == b"POST" and target.endswith(b"uploads=")
            slip = Slip(True, None) if begins or not self.slips else self.slips.pop(0)
            right = self.answer_to(method, target, carried_out=slip.carried_out)
            if slip.reply is None:
                self.confirmed |= self.stored
                await peer.answer(right)
                continue
            self.confirmed |= slip.reply.status < 300 and method in {b"POST", b"HEAD"}
            self.misled |= method in {b"DELETE", b"GET", b"HEAD"}
            await peer.answer(slip.reply.message(bodyless=method == b"HEAD"))
            if slip.reply.closes:
                return

    def answer_to(self, method: bytes, target: bytes, *, carried_out: bool) -> bytes:
        """What is right to say, `carried_out` or refused for now."""
        if not carried_out:
            return response("503 Slow Down")
        upload_id = re.search(rb"uploadId=(\w+)", target)
        if method == b"POST" and upload_id is None:
            self.uploads.add("up")
            self.key = target.partition(b"?")[0].removeprefix(b"/tests/")
            return response(
                "200 OK",
                b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>",
                "x-amz-checksum-type: FULL_OBJECT",
            )
        if upload_id is not None and "up" not in self.uploads:
            return response("404 Not Found", b"<Error><Code>NoSuchUpload</Code></Error>")
        match method:
            case b"PUT":
                return response("200 OK", b"", 'ETag: "part"')
            case b"POST":
                self.uploads.clear()
                self.stored = True
                return response(
                    "200 OK",
                    b"<CompleteMultipartUploadResult><ETag>whole</ETag><ChecksumCRC32>%b</ChecksumCRC32>"
                    b"</CompleteMultipartUploadResult>" % CRC32.encode(),
                )
            case b"DELETE":
                if upload_id is not None:
                    self.uploads.clear()
                else:
                    self.stored = False
                return response("204 No Content")
            case b"HEAD" if self.stored:
                head = response("200 OK", b"", 'ETag: "whole"', f"x-amz-checksum-crc32: {CRC32}")
                return head.replace(b"Content-Length: 0", b"Content-Length: %d" % len(CONTENT))
            case b"HEAD":
                return response("404 Not Found")
            case _:
                shown = b"<Upload><Key>%b</Key><UploadId>up</UploadId></Upload>" % self.key if self.uploads else b""
                return response("200 OK", b"<AnyResult>%b</AnyResult>" % shown)


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]).encode() + body


SLIPS = st.lists(st.builds(Slip, st.booleans(), st.none() | odd_replies), min_size=1, max_size=8)


@given(SLIPS)
def test_an_upload_ends_and_leaves_nothing(slips: list[Slip]) -> None:
    server, recorder = OneUpload(slips), Recorder()

    async def upload() -> bool:
        async with (
            asyncio.timeout(SECONDS),
            raw_server(server.serve) as raw,
            S3Session(raw.s3().config(perf=PERF), recorder) as session,
        ):
            try:
                await S3BlobStore(session).write(new_blob(size=len(CONTENT)), body_of(CONTENT, size=len(CONTENT)))
            except StorageException:
                return False
        return True

    if asyncio.run(upload()):
        assert server.confirmed, "stored, and nobody confirmed it"
    elif not server.misled and not recorder.of(RollbackFailed):
        assert not server.uploads, "parts stayed"
        assert not server.stored, "the object stayed"

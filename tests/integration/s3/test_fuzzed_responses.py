"""Whatever a server responds: no hang, no raw error, no success without evidence, no bytes of another size."""

import asyncio
import re

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
from tests.support.s3.odd_replies import OddReply, odd_replies
from tests.support.s3.raw_server import Peer, raw_server

pytestmark = pytest.mark.timeout(120)

FILE_ID = FileId(Backend.S3, "tests", "a.bin")
MIB = 1024 * 1024
PERF = S3PerfConfig(
    max_retries=1, read_timeout=2, operation_timeout=2, multipart_part_size=5 * MIB, multipart_threshold=5 * MIB
)
SIZE = 10
"""Of the object that the server pretends to have."""

_operations = st.sampled_from(["upload", "download", "range", "info", "delete", "list", "copy", "health"])


@pytest.mark.slow
@given(_operations, st.lists(odd_replies, min_size=1, max_size=5))
@settings(max_examples=150)
def test_a_response_is_understood_or_an_error_of_ours(operation: str, replies: list[OddReply]) -> None:
    asyncio.run(_operate(operation, replies))


async def _operate(operation: str, replies: list[OddReply]) -> None:
    sent: list[OddReply] = []

    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            size = re.search(rb"content-length: (\d+)", head)
            if size:
                await peer.reader.readexactly(int(size[1]))
            reply = replies[len(sent)] if len(sent) < len(replies) else OddReply(503, {}, b"", "exact")
            sent.append(reply)
            await peer.answer(reply.message(bodyless=head.startswith(b"HEAD")))
            if reply.closes:
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


async def _do(operation: str, session: S3Session, sent: list[OddReply]) -> None:
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

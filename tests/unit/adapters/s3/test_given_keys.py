"""Objects under keys that callers name: whether a server refuses to overwrite is tried, and none is overwritten."""

import asyncio
import zlib

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.upload.writer import BlobWriter
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    FileNotFoundException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.testing import body_of
from tests.support.s3.canned import CannedResponse, open_stage, refusing
from tests.support.s3.object_responses import completed, crc32, created, done, head
from tests.support.s3.written import BLOB, GONE, LARGE, LARGE_SENT, NOTHING_THERE, PARTS, SMALL
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


class TestGivenKeys:
    """The first request of a bucket tries whether the server refuses to overwrite."""

    TRIED = (
        done(),
        refusing(412),
        created(checks=False),
        done(),
        refusing(412),
        CannedResponse(204),
        CannedResponse(204),
    )

    async def test_an_object_is_stored_where_none_is(self) -> None:
        async with open_stage(*self.TRIED, done(SMALL), done(SMALL)) as s3:
            naming = S3NamedWrites(s3.session)
            info = await naming.create(BLOB, body_of(SMALL))
            await naming.create(NewBlob("b/c", "c"), body_of(SMALL))
        assert [sent.method for sent in s3.sent[:7]] == ["PUT", "PUT", "POST", "PUT", "POST", "DELETE", "DELETE"]
        conditions = [sent.headers.get("if-none-match") for sent in s3.sent]
        assert conditions == [None, "*", None, None, "*", None, None, "*", "*"]
        assert s3.lines[5:] == [
            s3.lines[4].replace("POST", "DELETE"),
            s3.lines[0].replace("PUT", "DELETE"),
            "PUT /docs/a",
            "PUT /docs/b/c",
        ]
        assert (info.etag, info.checksum) == ('"x"', Checksum.crc32(zlib.crc32(SMALL)))

    @pytest.mark.parametrize(
        "answers", [[done(), done(), CannedResponse(204)], [*TRIED[:4], completed(), GONE, CannedResponse(204)]]
    )
    async def test_a_server_that_overwrites_is_not_used(self, answers: list[CannedResponse]) -> None:
        async with open_stage(*answers) as s3:
            naming = S3NamedWrites(s3.session)
            for _ in range(2):
                with pytest.raises(RouteNotSupportedException, match="ignores If-None-Match") as refused:
                    await naming.create(BLOB, body_of(SMALL))
                assert (refused.value.operation, refused.value.backend) == ("upload", "s3")
            with pytest.raises(RouteNotSupportedException):
                await naming.require_free(naming.place_of(None, "a"))
        assert not s3.recorder.events

    async def test_each_bucket_is_tried_before_a_key_is_looked_for(self) -> None:
        async with open_stage(*self.TRIED, refusing(404, "NoSuchKey"), CannedResponse(200)) as s3:
            naming = S3NamedWrites(s3.session)
            await naming.require_free(naming.place_of("others", "f/g/c"))
        assert s3.lines[0].startswith("PUT /others/f/g/s3py-probe-"), "beside the file, where the keys may write"
        assert s3.lines[-2:] == ["HEAD /others/f/g/c", "HEAD /others"]
        assert "partNumber=1" in s3.lines[3]
        assert b"<PartNumber>1</PartNumber>" in s3.sent[4].body

    async def test_what_one_bucket_can_says_nothing_of_another(self) -> None:
        async with open_stage(done(), done(), CannedResponse(204), *self.TRIED, done(SMALL)) as s3:
            naming = S3NamedWrites(s3.session)
            with pytest.raises(RouteNotSupportedException):
                await naming.create(BLOB, body_of(SMALL))
            await naming.create(NewBlob("a", "a", bucket="others"), body_of(SMALL))
        assert s3.lines[-1] == "PUT /others/a"

    async def test_what_was_only_to_be_tried_is_removed_although_its_response_was_lost(self) -> None:
        async with open_stage(Disconnected(), CannedResponse(204), whenever=NOTHING_THERE) as s3:
            with pytest.raises(StorageUnavailableException):
                await S3NamedWrites(s3.session).create(BLOB, body_of(SMALL))
        assert s3.lines[1] == s3.lines[0].replace("PUT", "DELETE")
        assert "s3py-probe-" in s3.lines[0]
        assert not s3.recorder.of(RollbackFailed)

    async def test_what_a_bucket_can_is_tried_again_after_a_failure(self) -> None:
        async with open_stage(done(), refusing(503), CannedResponse(204), *self.TRIED, refusing(412)) as s3:
            naming = S3NamedWrites(s3.session)
            with pytest.raises(StorageUnavailableException):
                await naming.create(BLOB, body_of(SMALL))
            with pytest.raises(PreconditionFailedException):
                await naming.create(BLOB, body_of(SMALL))

    async def test_a_missing_something_is_no_missing_file(self) -> None:
        async with open_stage(*self.TRIED, refusing(404, "NoSuchKey")) as s3:
            with pytest.raises(StorageOperationException) as raised:
                await S3NamedWrites(s3.session).create(BLOB, body_of(SMALL))
        assert not isinstance(raised.value, FileNotFoundException)
        assert (raised.value.operation, raised.value.backend, raised.value.file_id) == ("upload", "s3", None)

    async def test_a_key_that_is_taken(self) -> None:
        async with open_stage(
            *self.TRIED, refusing(412), head(SMALL), refusing(404, "NoSuchKey"), CannedResponse(200)
        ) as s3:
            naming = S3NamedWrites(s3.session)
            place = naming.place_of(None, "a")
            with pytest.raises(PreconditionFailedException, match="s3:docs/a") as raised:
                await naming.create(BLOB, body_of(SMALL))
            with pytest.raises(PreconditionFailedException):
                await naming.require_free(place)
            await naming.require_free(place)
        assert (raised.value.file_id, raised.value.detail) == ("s3:docs/a", "something is there already")
        assert (raised.value.operation, raised.value.backend) == ("upload", "s3")
        assert "DELETE /docs/a" not in s3.lines, "it is somebody else's"

    @pytest.mark.parametrize("found", [head(SMALL), head(b"other"), head(b"123456"), refusing(403, "AccessDenied")])
    async def test_one_whose_response_was_lost_is_known_by_size_and_sum(self, found: CannedResponse) -> None:
        perf = S3PerfConfig(max_retries=1)
        async with open_stage(*self.TRIED, Disconnected(), refusing(412), found, perf=perf) as s3:
            naming = S3NamedWrites(s3.session)
            if found.headers.get("x-amz-checksum-crc32") == crc32(SMALL):
                assert (await naming.create(BLOB, body_of(SMALL))).etag == '"h"'
            else:
                with pytest.raises(PreconditionFailedException):
                    await naming.create(BLOB, body_of(SMALL))
        assert "DELETE /docs/a" not in s3.lines

    @pytest.mark.parametrize("found", [head(LARGE), head(bytes(len(LARGE) - 1) + b"!"), None])
    async def test_so_is_one_in_parts(self, found: CannedResponse | None) -> None:
        perf = PARTS.model_copy(update={"max_retries": 1})
        lost = [refusing(412)] if found is None else [Disconnected(), refusing(412), found]
        there = found is not None and found.headers.get("x-amz-checksum-crc32") == crc32(LARGE)
        tidied = [] if there else [GONE]
        async with open_stage(*self.TRIED, *LARGE_SENT, *lost, *tidied, perf=perf) as s3:
            naming = S3NamedWrites(s3.session)
            if there:
                assert (await naming.create(BLOB, body_of(LARGE))).etag == '"h"'
            else:
                with pytest.raises(PreconditionFailedException):
                    await naming.create(BLOB, body_of(LARGE))
        assert "DELETE /docs/a" not in s3.lines
        assert s3.sent[10].headers["if-none-match"] == "*"

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["object", "parts"])
    async def test_one_at_a_time_is_stored_under_a_key(self, content: bytes) -> None:
        answers = [done(SMALL)] if content is SMALL else [*LARGE_SENT, completed(LARGE)]
        async with open_stage(*answers, perf=PARTS) as s3:
            lock = asyncio.Lock()
            await lock.acquire()
            writing = asyncio.ensure_future(
                BlobWriter(s3.session, "docs", PARTS).write(BLOB, body_of(content), only_new=lock)
            )
            await until(lambda: len(s3.sent) == len(answers) - 1)
            for _ in range(100):
                await asyncio.sleep(0)
            assert len(s3.sent) == len(answers) - 1, "what makes the object waits for the other one"
            lock.release()
            await writing
        assert s3.sent[-1].headers["if-none-match"] == "*"

    async def test_nor_is_one_of_known_size_that_replaces_another(self) -> None:
        blob = NewBlob("a", "a.txt", size=len(SMALL))
        async with open_stage(*self.TRIED, refusing(412)) as s3:
            with pytest.raises(PreconditionFailedException):
                await S3NamedWrites(s3.session).create(blob, body_of(SMALL, size=len(SMALL)))
        assert s3.sent[-1].headers["if-none-match"] == "*"

    async def test_one_in_parts_is_not_known_without_a_sum(self) -> None:
        perf = PARTS.model_copy(update={"max_retries": 1})
        sent = created(checks=False), done(), done(), Disconnected(), refusing(412), head(LARGE), GONE
        async with open_stage(*self.TRIED, *sent, perf=perf) as s3:
            with pytest.raises(PreconditionFailedException):
                await S3NamedWrites(s3.session).create(BLOB, body_of(LARGE))
        assert "DELETE /docs/a" not in s3.lines

    async def test_two_that_come_at_once_take_turns(self) -> None:
        async with open_stage(*self.TRIED, done(SMALL), refusing(412)) as s3:
            naming = S3NamedWrites(s3.session)
            await naming._require_conditions(naming.place_of(None, "a"))  # noqa: SLF001 - the bucket's first request
            real, go_on = s3.client.send, asyncio.Event()
            begun: list[object] = []

            async def slowly(*arguments: object) -> object:
                begun.append(arguments)
                await go_on.wait()
                return await real(*arguments)  # type: ignore[arg-type]  # as given

            s3.client.send = slowly  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            both = [asyncio.ensure_future(naming.create(BLOB, body_of(SMALL))) for _ in range(2)]
            for _ in range(100):
                await asyncio.sleep(0)
            assert len(begun) == 1
            go_on.set()
            first, second = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(first, BlobInfo)
        assert isinstance(second, PreconditionFailedException)

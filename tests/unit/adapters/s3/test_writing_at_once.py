"""What an upload in one request sends, and what each way of failing leaves to be removed."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.faults import Disconnected, NotConnected
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of
from tests.support.s3.canned import CannedResponse, open_stage, refusing
from tests.support.s3.object_responses import crc32, done, head
from tests.support.s3.written import BLOB, DESCRIBED, LOOKS, MIB, NOTHING_THERE, SMALL, write

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


class TestOneRequest:
    async def test_what_was_stored_is_told(self) -> None:
        async with open_stage(done(SMALL)) as s3:
            written = await write(s3)
        assert written == BlobInfo(
            file_id=FileId(Backend.S3, "docs", "a"),
            size=5,
            file_name="a.txt",
            content_type="text/plain",
            etag='"x"',
            checksum=Checksum.crc32(zlib.crc32(SMALL)),
            metadata={"by": "ada"},
        )
        assert s3.lines == ["PUT /docs/a"]
        assert s3.sent[0].own_headers == {**DESCRIBED, "x-amz-checksum-crc32": crc32(SMALL)}
        assert s3.sent[0].body == SMALL

    @pytest.mark.parametrize("answer", [CannedResponse(204), refusing(404, "NoSuchKey")])
    async def test_it_is_deleted_by_one(self, answer: CannedResponse) -> None:
        async with open_stage(answer) as s3:
            await S3BlobStore(s3.session).delete(FileId(Backend.S3, "others", "a"))
        assert s3.lines == ["DELETE /others/a"]

    async def test_a_checksum_that_nobody_confirmed_is_not_told(self) -> None:
        async with open_stage(done()) as s3:
            assert (await write(s3)).checksum is None

    async def test_another_bucket(self) -> None:
        async with open_stage(done(SMALL), done(SMALL)) as s3:
            await S3BlobStore(s3.session).write(NewBlob("a", "a", bucket="others"), body_of(SMALL))
            await S3BlobStore(s3.session, default_bucket="mine").write(BLOB, body_of(SMALL))
        assert s3.lines == ["PUT /others/a", "PUT /mine/a"]

    @pytest.mark.parametrize("answer", [refusing(403), NotConnected(), refusing(412)])
    async def test_what_was_refused_is_not_removed(self, answer: CannedResponse | Exception) -> None:
        async with open_stage(answer) as s3:
            with pytest.raises(StorageException):
                await write(s3)
        assert s3.lines == ["PUT /docs/a"]

    @pytest.mark.parametrize("answer", [Disconnected(), refusing(500), CannedResponse(200)])
    async def test_what_may_be_there_is_removed_and_looked_for_again(self, answer: CannedResponse | Exception) -> None:
        async with open_stage(answer, CannedResponse(204), whenever=NOTHING_THERE) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3)
        assert s3.lines == ["PUT /docs/a", "DELETE /docs/a", *LOOKS]
        assert not s3.recorder.of(RollbackFailed)

    async def test_an_object_that_never_came_needs_no_removal(self) -> None:
        async with open_stage(refusing(500), CannedResponse(204), whenever={"HEAD": CannedResponse(200)}) as s3:
            real = s3.client.send

            async def told(method: str, origin: str, target: str, *more: object) -> object:
                s3.client.turn({"HEAD": refusing(404) if target == "/docs/a" else CannedResponse(200)})
                return await real(method, origin, target, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = told  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            with pytest.raises(StorageUnavailableException):
                await write(s3)
        assert s3.lines.count("HEAD /docs/a") == 2
        assert not s3.recorder.of(RollbackFailed)

    async def test_that_a_further_attempt_was_refused_says_nothing_of_the_first(self) -> None:
        perf = S3PerfConfig(max_retries=1)
        async with open_stage(
            Disconnected(), refusing(403), CannedResponse(204), perf=perf, whenever=NOTHING_THERE
        ) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3)
        assert s3.lines[2:] == ["DELETE /docs/a", *LOOKS]

    async def test_what_is_found_later_is_removed(self) -> None:
        removed = CannedResponse(204)
        async with open_stage(refusing(500), removed, removed, removed, whenever={"HEAD": head(SMALL)}) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3)
        assert sorted(s3.lines) == sorted(["PUT /docs/a", *["DELETE /docs/a"] * 3, *LOOKS])
        assert not s3.recorder.of(RollbackFailed)

    async def test_what_cannot_be_removed_is_reported(self) -> None:
        async with open_stage(refusing(500), refusing(403, "AccessDenied"), whenever=NOTHING_THERE) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3)
        assert s3.lines[2:] == LOOKS, "it is looked for again all the same"
        [report] = s3.recorder.of(RollbackFailed)
        assert (report.backend, report.what) == ("s3", "the object s3:docs/a")
        assert "AccessDenied" in report.reason

    async def test_other_bytes_than_were_sent_are_removed(self) -> None:
        async with open_stage(done(b"other"), CannedResponse(204)) as s3:
            with pytest.raises(IntegrityException):
                await write(s3)
        assert s3.lines == ["PUT /docs/a", "DELETE /docs/a"]

    async def test_a_missing_something_is_no_missing_file(self) -> None:
        async with open_stage(refusing(404, "NoSuchKey")) as s3:
            with pytest.raises(StorageOperationException) as raised:
                await write(s3)
        assert not isinstance(raised.value, FileNotFoundException)
        assert (raised.value.operation, raised.value.backend, raised.value.file_id) == ("upload", "s3", None)

    async def test_what_is_in_memory_is_counted(self) -> None:
        async with open_stage(done()) as s3:
            memory, most = s3.session.upload_memory, s3.session.perf.upload_memory
            counted: list[bool] = []

            async def content() -> AsyncIterator[bytes]:
                counted.append(memory.admits(most, 0))
                yield bytes(MIB)
                counted.append(memory.admits(most - MIB, 0))

            await S3BlobStore(s3.session).write(NewBlob("a", "a", size=MIB), body_of(content(), size=MIB))
            assert counted == [False, True], "as much as it has, and no more"

    async def test_a_body_that_breaks_sends_nothing(self) -> None:
        async with open_stage() as s3:
            with pytest.raises(InvalidArgumentException):
                await S3BlobStore(s3.session).write(NewBlob("a", "a", size=9), body_of(SMALL, size=9))

    @pytest.mark.parametrize(
        "answers", [[done(SMALL), CannedResponse(204)], [refusing(403, "AccessDenied")]], ids=["stored", "refused"]
    )
    async def test_it_is_left_to_the_background_when_its_caller_leaves(self, answers: list[CannedResponse]) -> None:
        async with open_stage(*answers) as s3:
            real, begun, go_on = s3.client.send, asyncio.Event(), asyncio.Event()

            async def slowly(*arguments: object) -> object:
                begun.set()
                await go_on.wait()
                return await real(*arguments)  # type: ignore[arg-type]  # as given

            s3.client.send = slowly  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            writing = asyncio.create_task(write(s3))
            await begun.wait()
            writing.cancel()
            await asyncio.sleep(0)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await writing
        removed = ["DELETE /docs/a"] * (len(answers) - 1)
        assert s3.lines == ["PUT /docs/a", *removed], "its response has come: nothing is uncertain"

"""What an upload or a copy sends, and what each way of failing leaves to be removed."""

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator
from xml.etree.ElementTree import fromstring

import pytest

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.http.faults import Disconnected, NotConnected
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.adapters.s3.upload import multipart_upload as multipart_module
from s3py_helper.adapters.s3.upload import writer as writer_module
from s3py_helper.adapters.s3.upload.writer import BlobWriter
from s3py_helper.application.ports.observer import FallbackTaken, RollbackFailed
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    FileTooLargeException,
    IntegrityException,
    InvalidArgumentException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of
from tests.support.s3.canned import CannedResponse, OpenStage, open_stage, refusing, xml
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]

MIB = 1024 * 1024
SMALL, LARGE = b"12345", bytes(6 * MIB)
BLOB = NewBlob("a", "a.txt", content_type="text/plain", metadata={"by": "ada"})
PARTS = S3PerfConfig(max_retries=0, multipart_part_size=5 * MIB, multipart_threshold=5 * MIB, parts_in_flight=1)
DESCRIBED = {"content-type": "text/plain", "x-amz-meta---real-file-name--": "a.txt", "x-amz-meta-by": "ada"}
GONE = refusing(404, "NoSuchUpload")
LOOKS = ["HEAD /docs/a"] * 2
"""What is asked for later where nobody knows whether the server has carried out a request, or still will."""
NOTHING_THERE = {"HEAD": refusing(404, "NoSuchBucket")}


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()


def done(content: bytes | None = None, etag: str = '"x"') -> CannedResponse:
    return CannedResponse(200, {"etag": etag} | ({} if content is None else {"x-amz-checksum-crc32": crc32(content)}))


def head(content: bytes, **more: str) -> CannedResponse:
    return CannedResponse(
        200, {"etag": '"h"', "content-length": str(len(content)), "x-amz-checksum-crc32": crc32(content), **more}
    )


def created(*, checks: bool = True) -> CannedResponse:
    kind = {"x-amz-checksum-type": "FULL_OBJECT"} if checks else {}
    return xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>", kind)


def completed(content: bytes | None = None) -> CannedResponse:
    told = "" if content is None else f"<ChecksumCRC32>{crc32(content)}</ChecksumCRC32>"
    return xml(f"<CompleteMultipartUploadResult><ETag>x-2</ETag>{told}</CompleteMultipartUploadResult>")


def in_progress(*uploads: str) -> CannedResponse:
    entries = "".join(f"<Upload><Key>a</Key><UploadId>{upload}</UploadId></Upload>" for upload in uploads)
    return xml(f"<ListMultipartUploadsResult>{entries}</ListMultipartUploadsResult>")


NO_UPLOADS = {"GET": in_progress()}


async def write(s3: OpenStage, content: bytes = SMALL) -> BlobInfo:
    return await S3BlobStore(s3.session).write(BLOB, body_of(content))


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

    async def test_a_store_may_have_sizes_of_its_own(self) -> None:
        answers = created(checks=False), done(), done(), completed()
        async with open_stage(*answers) as s3:
            await S3BlobStore(s3.session, perf=PARTS).write(BLOB, body_of(LARGE))
        assert [len(sent.body) for sent in s3.sent if "partNumber" in sent.url] == [5 * MIB, MIB]

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


class TestParts:
    PIECES = (LARGE[: 5 * MIB], LARGE[5 * MIB :])

    def answers(self) -> tuple[CannedResponse, ...]:
        return created(), *map(done, self.PIECES)

    async def test_what_was_stored_is_told(self) -> None:
        async with open_stage(*self.answers(), completed(LARGE), perf=PARTS) as s3:
            written = await write(s3, LARGE)
        assert (written.size, written.etag) == (6 * MIB, '"x-2"')
        assert written.checksum == Checksum.crc32(zlib.crc32(LARGE))
        assert s3.lines == [
            "POST /docs/a?uploads=",
            "PUT /docs/a?partNumber=1&uploadId=u",
            "PUT /docs/a?partNumber=2&uploadId=u",
            "POST /docs/a?uploadId=u",
        ]
        assert s3.sent[0].own_headers == {
            **DESCRIBED,
            "x-amz-checksum-algorithm": "CRC32",
            "x-amz-checksum-type": "FULL_OBJECT",
        }
        assert s3.sent[3].own_headers == {
            "content-type": "application/xml",
            "x-amz-checksum-crc32": crc32(LARGE),
            "x-amz-checksum-type": "FULL_OBJECT",
        }
        listed = fromstring(s3.sent[3].body)
        assert [[field.text for field in entry] for entry in listed] == [
            [crc32(piece), '"x"', str(number)] for number, piece in enumerate(self.PIECES, start=1)
        ]

    async def test_parts_are_listed_in_order_whichever_is_stored_first(self) -> None:
        perf = PARTS.model_copy(update={"parts_in_flight": 2})
        async with open_stage(created(checks=False), done(), done(), completed(), perf=perf) as s3:
            real, second = s3.client.send, asyncio.Event()

            async def backwards(method: str, origin: str, target: str, *more: object) -> object:
                if "partNumber=1" in target:
                    await second.wait()
                response = await real(method, origin, target, *more)  # type: ignore[arg-type]  # as given
                if "partNumber=2" in target:
                    asyncio.get_running_loop().call_soon(second.set)
                return response

            s3.client.send = backwards  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            await write(s3, LARGE)
        assert "partNumber=2" in s3.lines[1]
        assert [number.text for number in fromstring(s3.sent[3].body).iterfind("{*}Part/{*}PartNumber")] == ["1", "2"]

    async def test_a_part_is_read_when_its_turn_has_come(self) -> None:
        read = 0

        async def content() -> AsyncIterator[bytes]:
            nonlocal read
            for _ in range(12):
                read += MIB
                yield bytes(MIB)

        parts = [done()] * 3
        async with open_stage(created(checks=False), *parts, completed(), perf=PARTS) as s3:
            real, go_on = s3.client.send, asyncio.Event()

            async def slowly(method: str, *more: object) -> object:
                if method == "PUT":
                    await go_on.wait()
                return await real(method, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = slowly  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            writing = asyncio.create_task(S3BlobStore(s3.session).write(BLOB, body_of(content())))
            await until(lambda: bool(s3.sent))
            for _ in range(100):
                await asyncio.sleep(0)
            assert read == 6 * MIB, "the part that is being sent, and a chunk that shows that there is more"
            go_on.set()
            assert (await writing).size == 12 * MIB

    async def test_where_checksums_are_off_none_is_asked_for(self) -> None:
        async with open_stage(created(), done(), done(), completed(), perf=PARTS, checksum="off") as s3:
            await write(s3, LARGE)
        assert s3.sent[0].own_headers == DESCRIBED

    async def test_what_the_first_part_holds_goes_in_one_request_however_large_it_may_be(self) -> None:
        async with open_stage(done(LARGE)) as s3:
            await write(s3, LARGE)
        assert s3.lines == ["PUT /docs/a"]

    @pytest.mark.parametrize("others", [5 * MIB, 0])
    async def test_parts_are_small_where_others_have_the_memory_when_the_first_has_come(self, others: int) -> None:
        perf = S3PerfConfig(max_retries=0, multipart_part_size=6 * MIB, upload_memory=5 * MIB)
        async with open_stage(created(checks=False), done(), done(), completed(), perf=perf) as s3:
            memory = s3.session.upload_memory

            async def content() -> AsyncIterator[bytes]:
                yield bytes(MIB)
                memory.acquire(others)
                yield bytes(6 * MIB)

            await S3BlobStore(s3.session).write(BLOB, body_of(content()))
            memory.release(others)
        sizes = [len(sent.body) for sent in s3.sent if "partNumber" in sent.url]
        assert sizes == ([5 * MIB, 2 * MIB] if others else [6 * MIB, MIB])

    async def test_one_that_has_more_than_all_parts_take_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer_module, "part_sizes", lambda *_: iter([5 * MIB]))
        async with open_stage(created(), done(LARGE[: 5 * MIB]), CannedResponse(204), GONE, perf=PARTS) as s3:
            with pytest.raises(FileTooLargeException, match="more bytes than S3 stores") as raised:
                await write(s3, LARGE)
        assert raised.value.limit == 5 * 1024 * 1024 * MIB

    @pytest.mark.parametrize(
        ("threshold", "size", "parts"),
        [(MIB, 5 * MIB, 1), (MIB, 5 * MIB + 1, 2), (6 * MIB, 6 * MIB, 2), (7 * MIB, 6 * MIB, 1)],
    )
    async def test_what_one_part_would_hold_or_is_below_the_threshold_goes_in_one_request(
        self, threshold: int, size: int, parts: int
    ) -> None:
        perf = PARTS.model_copy(update={"multipart_threshold": threshold})
        answers = [done()] if parts == 1 else [created(checks=False), done(), done(), completed()]
        async with open_stage(*answers, perf=perf) as s3:
            await S3BlobStore(s3.session).write(NewBlob("a", "a", size=size), body_of(bytes(size), size=size))
        assert len(s3.sent) == len(answers)

    async def test_a_server_that_does_not_compare_the_whole_is_not_asked_to(self) -> None:
        answers = created(checks=False), *map(done, self.PIECES), completed(b"sum of sums")
        async with open_stage(*answers, perf=PARTS) as s3:
            assert (await write(s3, LARGE)).checksum is None
        assert "x-amz-checksum-crc32" not in s3.sent[3].headers

    async def test_one_that_confirms_nothing_is_believed_without_a_checksum(self) -> None:
        async with open_stage(*self.answers(), completed(), perf=PARTS) as s3:
            assert (await write(s3, LARGE)).checksum is None

    async def test_a_server_without_checksums_does_without(self) -> None:
        answers = refusing(501, "NotImplemented"), created(checks=False), done(), done(), completed()
        async with open_stage(*answers, perf=PARTS, whenever=NO_UPLOADS) as s3:
            await write(s3, LARGE)
        assert not [name for sent in s3.sent[1:] for name in sent.headers if "checksum" in name]
        assert len(s3.recorder.of(FallbackTaken)) == 1

    async def test_one_that_refuses_all_the_same_has_other_reasons(self) -> None:
        async with open_stage(refusing(501, "NotImplemented"), refusing(403), perf=PARTS, whenever=NO_UPLOADS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert not s3.recorder.events

    async def test_a_part_that_fails_ends_the_upload(self) -> None:
        async with open_stage(created(), refusing(403), CannedResponse(204), GONE, perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert s3.lines[2:] == ["DELETE /docs/a?uploadId=u", "GET /docs/a?max-parts=1&uploadId=u"]

    async def test_an_abort_is_repeated_until_the_upload_is_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        attempts: list[int] = []

        def pause_before(attempt: int) -> float:
            attempts.append(attempt)
            return 0.0

        monkeypatch.setattr(multipart_module, "pause_before", pause_before)
        there, removed = xml("<ListPartsResult/>"), CannedResponse(204)
        answers = created(), refusing(403), removed, there, refusing(503), removed, refusing(503), GONE
        async with open_stage(*answers, perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert attempts == [0, 1, 2]
        assert not s3.recorder.of(RollbackFailed)

    async def test_one_that_does_not_go_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(multipart_module, "pause_before", lambda _attempt: 0.0)
        there, removed = xml("<ListPartsResult/>"), CannedResponse(204)
        async with open_stage(created(), refusing(403), *[removed, there] * 8, perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        [report] = s3.recorder.of(RollbackFailed)
        assert "still has the upload after 8 aborts" in report.reason

    async def test_one_whose_bucket_is_gone_is_gone_with_it(self) -> None:
        async with open_stage(created(), refusing(403), refusing(404, "NoSuchBucket"), perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert not s3.recorder.of(RollbackFailed)

    @pytest.mark.parametrize("denied", ["DELETE", "GET"])
    async def test_a_refused_abort_is_reported(self, denied: str) -> None:
        refusals = [refusing(403, "AccessDenied")] if denied == "DELETE" else [CannedResponse(204), refusing(403, "No")]
        async with open_stage(created(), refusing(412), *refusals, perf=PARTS) as s3:
            with pytest.raises(PreconditionFailedException):
                await write(s3, LARGE)
        [report] = s3.recorder.of(RollbackFailed)
        assert report.what == "a multipart upload, or the object s3:docs/a"

    async def test_a_refused_creation_has_made_nothing(self) -> None:
        async with open_stage(refusing(403), perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)

    async def test_one_whose_id_nobody_learned_is_looked_for_three_times(self) -> None:
        nothing = in_progress()
        answers = (
            Disconnected(),
            in_progress("u", "v"),
            CannedResponse(204),
            GONE,
            CannedResponse(204),
            GONE,
            nothing,
            nothing,
        )
        async with open_stage(*answers, perf=PARTS) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3, LARGE)
        assert sorted(s3.lines[1:]) == sorted(
            [
                *["GET /docs?prefix=a&uploads="] * 3,
                *(f"DELETE /docs/a?uploadId={upload}" for upload in "uv"),
                *(f"GET /docs/a?max-parts=1&uploadId={upload}" for upload in "uv"),
            ]
        )

    async def test_it_is_looked_for_again_although_the_first_look_was_refused(self) -> None:
        async with open_stage(Disconnected(), perf=PARTS, whenever={"GET": refusing(403, "AccessDenied")}) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3, LARGE)
        assert s3.lines[1:] == ["GET /docs?prefix=a&uploads="] * 3
        assert len(s3.recorder.of(RollbackFailed)) == 3

    async def test_one_whose_caller_leaves_is_aborted(self) -> None:
        async with open_stage(created(), CannedResponse(204), GONE, perf=PARTS) as s3:
            real, begun = s3.client.send, asyncio.Event()

            async def silent(method: str, *more: object) -> object:
                if method == "PUT":
                    begun.set()
                    await asyncio.Event().wait()
                return await real(method, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = silent  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            writing = asyncio.create_task(write(s3, LARGE))
            await begun.wait()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert s3.lines[1:] == ["DELETE /docs/a?uploadId=u", "GET /docs/a?max-parts=1&uploadId=u"]

    async def test_another_that_the_first_attempt_may_have_made_is_aborted(self) -> None:
        perf = PARTS.model_copy(update={"max_retries": 1})
        answers = [created(), *map(done, self.PIECES), completed(LARGE)]
        async with open_stage(
            Disconnected(), *answers, in_progress("u", "other"), CannedResponse(204), GONE, perf=perf
        ) as s3:
            real = s3.client.send

            async def in_order(method: str, origin: str, target: str, *more: object) -> object:
                """The clean-up in the background comes last."""
                while len(s3.client.answers) > 3 and (
                    method == "DELETE" or "prefix" in target or "max-parts" in target
                ):
                    await asyncio.sleep(0.001)
                return await real(method, origin, target, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = in_order  # type: ignore[method-assign,assignment]  # as the real one
            await write(s3, LARGE)
        assert s3.lines[-3:] == [
            "GET /docs?prefix=a&uploads=",
            "DELETE /docs/a?uploadId=other",
            "GET /docs/a?max-parts=1&uploadId=other",
        ]


class TestCompletion:
    SENT = (created(), done(LARGE[: 5 * MIB]), done(LARGE[5 * MIB :]))
    REMOVED = CannedResponse(204)

    @pytest.mark.parametrize("answer", [refusing(500), Disconnected(), refusing(404, "NoSuchUpload"), xml("<Result/>")])
    async def test_one_that_nobody_confirmed_counts_when_the_object_is_there(
        self, answer: CannedResponse | Exception
    ) -> None:
        async with open_stage(*self.SENT, answer, head(LARGE), perf=PARTS) as s3:
            written = await write(s3, LARGE)
        assert (written.etag, written.checksum) == ('"h"', Checksum.crc32(zlib.crc32(LARGE)))

    async def test_its_sum_may_be_unknown(self) -> None:
        there = CannedResponse(200, {"etag": '"h"', "content-length": str(len(LARGE))})
        async with open_stage(*self.SENT, Disconnected(), there, perf=PARTS) as s3:
            written = await write(s3, LARGE)
        assert (written.etag, written.checksum) == ('"h"', None)

    @pytest.mark.parametrize("found", [head(LARGE + b"!"), head(LARGE[1:])])
    async def test_and_not_when_something_else_is(self, found: CannedResponse) -> None:
        answers = refusing(500), self.REMOVED, GONE, *[self.REMOVED] * 3
        async with open_stage(*self.SENT, *answers, perf=PARTS, whenever={"HEAD": found}) as s3:
            with pytest.raises(StorageUnavailableException, match="HTTP 500") as raised:
                await write(s3, LARGE)
        assert raised.value.__cause__ is not None
        assert "DELETE /docs/a" in s3.lines
        assert s3.lines.index("DELETE /docs/a?uploadId=u") < s3.lines.index("DELETE /docs/a")

    @pytest.mark.parametrize("missing", [refusing(404, "NoSuchKey"), refusing(404, "NoSuchBucket")])
    async def test_nor_when_nothing_is(self, missing: CannedResponse) -> None:
        answers = refusing(500), self.REMOVED, GONE, self.REMOVED
        async with open_stage(*self.SENT, *answers, perf=PARTS, whenever={"HEAD": missing}) as s3:
            with pytest.raises(StorageUnavailableException, match="HTTP 500") as raised:
                await write(s3, LARGE)
        assert isinstance(raised.value.__cause__, ErrorResponse)
        assert not s3.recorder.of(RollbackFailed)

    @pytest.mark.parametrize("status", [400, 403])
    async def test_a_refusal_is_final(self, status: int) -> None:
        async with open_stage(*self.SENT, refusing(status), self.REMOVED, GONE, self.REMOVED, perf=PARTS) as s3:
            with pytest.raises(StorageException):
                await write(s3, LARGE)
        assert s3.lines[4:] == [
            "DELETE /docs/a?uploadId=u",
            "GET /docs/a?max-parts=1&uploadId=u",
            "DELETE /docs/a",
        ]

    async def test_that_its_creation_was_uncertain_says_nothing_of_it(self) -> None:
        perf = PARTS.model_copy(update={"max_retries": 1})
        answers = Disconnected(), *self.SENT, refusing(403), GONE, self.REMOVED
        async with open_stage(*answers, perf=perf, whenever={"GET": in_progress("u")}) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert [line for line in s3.lines if "GET" not in line][-2:] == ["DELETE /docs/a?uploadId=u", "DELETE /docs/a"]

    async def test_another_sum_is_refused_and_the_object_removed(self) -> None:
        async with open_stage(*self.SENT, completed(b"other"), GONE, self.REMOVED, perf=PARTS) as s3:
            with pytest.raises(IntegrityException, match=r"other bytes than were sent; .*key 'a'") as raised:
                await write(s3, LARGE)
        assert (raised.value.operation, raised.value.backend) == ("upload", "s3")
        assert s3.lines[-1] == "DELETE /docs/a"

    async def test_the_object_is_removed_although_its_upload_cannot_be_aborted(self) -> None:
        async with open_stage(*self.SENT, refusing(400), refusing(403), self.REMOVED, perf=PARTS) as s3:
            with pytest.raises(StorageException):
                await write(s3, LARGE)
        assert s3.lines[-1] == "DELETE /docs/a"
        assert len(s3.recorder.of(RollbackFailed)) == 1


SOURCE = FileId(Backend.S3, "from", "s é")


def copied(kind: str = "CopyObjectResult") -> CannedResponse:
    return xml(f"<{kind}><ETag>new</ETag></{kind}>")


class TestCopies:
    KEPT = {"cache-control": "private", "content-encoding": "gzip", "x-amz-storage-class": "STANDARD_IA"}  # noqa: RUF012 - read only
    FROM = {"x-amz-copy-source": "from/s%20%C3%A9", "x-amz-copy-source-if-match": '"h"'}  # noqa: RUF012 - read only

    async def test_at_once(self) -> None:
        there = head(SMALL, **self.KEPT, **{"content-type": "a/b", "x-amz-tagging-count": "2", "x-amz-meta-old": "1"})
        async with open_stage(there, copied()) as s3:
            info = await S3Copy(s3.session).copy(SOURCE, BLOB)
        assert info == BlobInfo(
            file_id=FileId(Backend.S3, "docs", "a"),
            size=5,
            file_name="a.txt",
            content_type="text/plain",
            content_encoding="gzip",
            etag='"new"',
            storage_class="STANDARD_IA",
            metadata={"by": "ada"},
        )
        assert s3.lines == ["HEAD /from/s%20%C3%A9", "PUT /docs/a"]
        assert s3.sent[1].own_headers == {
            **DESCRIBED,
            **self.KEPT,
            **self.FROM,
            "x-amz-metadata-directive": "REPLACE",
        }

    async def test_into_another_bucket(self) -> None:
        async with open_stage(head(SMALL), copied()) as s3:
            await S3Copy(s3.session).copy(SOURCE, NewBlob("a", "a", bucket="others"))
        assert s3.lines[1] == "PUT /others/a"

    @pytest.mark.parametrize("tags", [None, "0", "2"])
    async def test_in_parts(self, tags: str | None) -> None:
        count = {} if tags is None else {"x-amz-tagging-count": tags}
        tagging = [xml("<Tagging><Tag><Key>k</Key><Value>v</Value></Tag></Tagging>")] if tags == "2" else []
        parts = [copied("CopyPartResult")] * 2
        async with open_stage(
            head(LARGE, **count), *tagging, created(checks=False), *parts, completed(), perf=PARTS
        ) as s3:
            info = await S3Copy(s3.session, in_one_request=6 * MIB - 1, part_size=5 * MIB).copy(SOURCE, BLOB)
        assert (info.size, info.etag) == (6 * MIB, '"x-2"')
        begun = next(sent for sent in s3.sent if sent.url.endswith("?uploads="))
        assert begun.own_headers == {**DESCRIBED, **({"x-amz-tagging": "k=v"} if tags == "2" else {})}
        assert [sent.own_headers for sent in s3.sent if "partNumber" in sent.url] == [
            {"x-amz-copy-source-range": span, **self.FROM}
            for span in (f"bytes=0-{5 * MIB - 1}", f"bytes={5 * MIB}-{6 * MIB - 1}")
        ]
        assert [line for line in s3.lines if "partNumber" in line] == [
            f"PUT /docs/a?partNumber={number}&uploadId=u" for number in (1, 2)
        ]
        assert s3.sent[-1].body.count(b'<ETag>"new"</ETag>') == 2

    @pytest.mark.parametrize(("more", "parts"), [(0, 0), (1, 5)])
    async def test_up_to_a_gibibyte_goes_at_once_and_more_in_parts_of_a_quarter(self, more: int, parts: int) -> None:
        size = 1024 * MIB + more
        there = CannedResponse(200, {"etag": '"h"', "content-length": str(size)})
        in_parts = [created(), *[copied("CopyPartResult")] * 5, completed()]
        async with open_stage(there, *(in_parts if parts else [copied()])) as s3:
            assert (await S3Copy(s3.session).copy(SOURCE, BLOB)).size == size
        ranges = {sent.headers["x-amz-copy-source-range"] for sent in s3.sent if "partNumber" in sent.url}
        assert len(ranges) == parts
        assert not parts or f"bytes=0-{256 * MIB - 1}" in ranges

    async def test_no_more_parts_at_once_than_configured(self) -> None:
        parts = [copied("CopyPartResult")] * 2
        async with open_stage(head(LARGE), created(), *parts, completed(), perf=PARTS) as s3:
            real, under_way, most = s3.client.send, 0, 0

            async def slowly(*arguments: object) -> object:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0)
                under_way -= 1
                return await real(*arguments)  # type: ignore[arg-type]  # as given

            s3.client.send = slowly  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            await S3Copy(s3.session, in_one_request=1, part_size=5 * MIB).copy(SOURCE, BLOB)
        assert most == 1

    async def test_the_largest_of_one_request(self) -> None:
        async with open_stage(head(LARGE), copied()) as s3:
            await S3Copy(s3.session, in_one_request=6 * MIB).copy(SOURCE, BLOB)

    @pytest.mark.parametrize("answer", [refusing(500), xml("<CopyObjectResult/>"), Disconnected()])
    async def test_one_that_may_be_there_is_removed(self, answer: CannedResponse | Exception) -> None:
        async with open_stage(
            head(SMALL), answer, CannedResponse(204), refusing(404, "NoSuchBucket"), refusing(404, "NoSuchBucket")
        ) as s3:
            with pytest.raises(StorageUnavailableException):
                await S3Copy(s3.session).copy(SOURCE, BLOB)
        assert s3.lines[2:] == ["DELETE /docs/a", *LOOKS]

    @pytest.mark.parametrize("code", ["NoSuchKey", ""])
    async def test_a_missing_source_is_named(self, code: str) -> None:
        async with open_stage(head(SMALL), refusing(404, code)) as s3:
            with pytest.raises(FileNotFoundException) as raised:
                await S3Copy(s3.session).copy(SOURCE, BLOB)
        assert (raised.value.file_id, raised.value.operation, raised.value.backend) == ("s3:from/s é", "copy", "s3")
        assert isinstance(raised.value.__cause__, ErrorResponse)

    async def test_a_missing_upload_is_none(self) -> None:
        async with open_stage(head(LARGE), created(), GONE, GONE, perf=PARTS) as s3:
            with pytest.raises(StorageOperationException) as raised:
                await S3Copy(s3.session, in_one_request=1, part_size=6 * MIB).copy(SOURCE, BLOB)
        assert not isinstance(raised.value, FileNotFoundException)
        assert (raised.value.operation, raised.value.backend) == ("copy", "s3")


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
        async with open_stage(*self.TRIED, *TestCompletion.SENT, *lost, *tidied, perf=perf) as s3:
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
        answers = [done(SMALL)] if content is SMALL else [*TestCompletion.SENT, completed(LARGE)]
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

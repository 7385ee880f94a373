"""What an upload in parts sends, how large its parts are, and when each is read."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from xml.etree.ElementTree import fromstring

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.adapters.s3.upload import writer as writer_module
from s3py_helper.application.ports.observer import FallbackTaken
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import AccessDeniedException, FileTooLargeException
from s3py_helper.testing import body_of
from tests.support.s3.canned import CannedResponse, open_stage, refusing
from tests.support.s3.object_responses import completed, crc32, created, done
from tests.support.s3.written import BLOB, DESCRIBED, GONE, LARGE, MIB, NO_UPLOADS, PARTS, write
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


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

    async def test_a_store_may_have_sizes_of_its_own(self) -> None:
        answers = created(checks=False), done(), done(), completed()
        async with open_stage(*answers) as s3:
            await S3BlobStore(s3.session, perf=PARTS).write(BLOB, body_of(LARGE))
        assert [len(sent.body) for sent in s3.sent if "partNumber" in sent.url] == [5 * MIB, MIB]

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

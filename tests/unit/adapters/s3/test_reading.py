"""What a reader makes of responses: sizes, ranges, versions, and breaks in the middle."""

import asyncio
import base64
import zlib

import pytest

from s3py_helper.adapters.s3 import resumable_body
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.faults import BrokenOff, ClientClosed, Disconnected, NoResponseInTime
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import (
    IntegrityException,
    InvalidRangeException,
    PreconditionFailedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import read_all
from tests.support.s3.canned import CannedResponse, OpenStage, open_stage, refusing

pytestmark = pytest.mark.timeout(10)

FILE_ID = FileId(Backend.S3, "docs", "a b")
CONTENT = b"0123456789"
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
PERF = S3PerfConfig(max_retries=2)


def get(body: bytes = CONTENT, fault: Exception | None = None, **headers: str | None) -> CannedResponse:
    """A response to GET; a header that is `None` is left out."""
    given = {"content-length": str(len(CONTENT)), "etag": '"x"'} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    return CannedResponse(200, {name: text for name, text in given.items() if text is not None}, body, fault)


def part(
    first: int, last: int, *, size: int = 10, etag: str = '"x"', breaks_after: int | None = None
) -> CannedResponse:
    """A response to a request for a range."""
    body = CONTENT[first : last + 1]
    headers = {"content-range": f"bytes {first}-{last}/{size}", "etag": etag, "content-length": str(len(body))}
    return CannedResponse(206, headers, body[:breaks_after], None if breaks_after is None else BrokenOff())


def head(**headers: str) -> CannedResponse:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return CannedResponse(200, {"content-length": "10", "etag": '"x"', **named})


async def opened(s3: OpenStage, byte_range: ByteRange | None = None) -> tuple[OpenBlob, bytes]:
    async with S3BlobStore(s3.session).open(FILE_ID, byte_range) as blob:
        return blob, b"".join([chunk async for chunk in blob.body])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The breaks before each resumption, by which its pause grows."""
    breaks: list[int] = []

    def pause_before(attempt: int) -> float:
        breaks.append(attempt)
        return 0.0

    monkeypatch.setattr(resumable_body, "pause_before", pause_before)
    return breaks


class TestExtent:
    async def test_the_whole(self) -> None:
        async with open_stage(get()) as s3:
            blob, content = await opened(s3)
        assert (blob.info.size, blob.span, content) == (10, Span(0, 10), CONTENT)
        assert s3.lines == ["GET /docs/a%20b"]
        assert s3.sent[0].own_headers == {"x-amz-checksum-mode": "ENABLED"}

    async def test_no_checksum_is_asked_for_where_they_are_off(self) -> None:
        async with open_stage(get(), checksum="off") as s3:
            await opened(s3)
        assert s3.sent[0].own_headers == {}

    @pytest.mark.parametrize(
        ("asked", "header", "first", "last"),
        [
            (ByteRange(2, 4), "bytes=2-4", 2, 4),
            (ByteRange(2, 99), "bytes=2-99", 2, 9),
            (ByteRange(2, None), "bytes=2-", 2, 9),
            (ByteRange(None, 3), "bytes=-3", 7, 9),
        ],
    )
    async def test_a_range(self, asked: ByteRange, header: str, first: int, last: int) -> None:
        async with open_stage(part(first, last)) as s3:
            blob, content = await opened(s3, asked)
        assert (blob.info.size, blob.span, content) == (10, Span(first, last + 1), CONTENT[first : last + 1])
        assert s3.sent[0].own_headers == {"range": header}

    @pytest.mark.parametrize(("first", "last"), [(2, 3), (1, 4), (2, 5), (0, 9)])
    async def test_another_range_than_asked_for_is_refused(self, first: int, last: int) -> None:
        async with open_stage(part(first, last)) as s3:
            with pytest.raises(
                StorageOperationException, match=f"bytes {first} to {last} for the range bytes=2-4"
            ) as raised:
                await opened(s3, ByteRange(2, 4))
        facts = raised.value.file_id, raised.value.operation, raised.value.backend
        assert facts == ("s3:docs/a b", "download", "s3")

    @pytest.mark.parametrize(("first", "last"), [(0, 8), (1, 9)])
    async def test_nor_is_a_part_the_whole(self, first: int, last: int) -> None:
        async with open_stage(part(first, last)) as s3:
            with pytest.raises(StorageOperationException, match="for the whole object"):
                await opened(s3)

    async def test_a_whole_in_form_of_a_range_is_one(self) -> None:
        async with open_stage(part(0, 9)) as s3:
            assert (await opened(s3))[1] == CONTENT

    async def test_a_server_without_ranges_is_of_use_only_where_all_is_asked_for(self) -> None:
        async with open_stage(get(), get()) as s3:
            assert (await opened(s3, ByteRange(0, 9)))[1] == CONTENT
            with pytest.raises(StorageOperationException, match="does not serve ranges"):
                await opened(s3, ByteRange(0, 8))

    async def test_a_range_outside_has_the_size(self) -> None:
        outside = refusing(416, "InvalidRange", {"content-range": "bytes */10"})
        async with open_stage(outside, refusing(416, "InvalidRange"), head()) as s3:
            for _ in range(2):
                with pytest.raises(InvalidRangeException) as raised:
                    await opened(s3, ByteRange(10, None))
                assert raised.value.size == 10
        assert [sent.method for sent in s3.sent] == ["GET", "GET", "HEAD"]

    @pytest.mark.parametrize("size", ["0", "10"])
    async def test_the_last_no_bytes_are_no_range(self, size: str) -> None:
        async with open_stage(head(content_length=size)) as s3:
            with pytest.raises(InvalidRangeException) as raised:
                await opened(s3, ByteRange(None, 0))
        assert (raised.value.size, raised.value.file_id) == (int(size), "s3:docs/a b")
        assert s3.lines == ["HEAD /docs/a%20b"]

    async def test_a_range_beyond_a_response_with_everything(self) -> None:
        async with open_stage(get()) as s3:
            with pytest.raises(InvalidRangeException) as raised:
                await opened(s3, ByteRange(10, None))
        assert (raised.value.size, raised.value.file_id, raised.value.backend) == (10, "s3:docs/a b", "s3")


class TestSizeByHead:
    async def test_it_is_asked_for_where_the_response_lacks_it(self) -> None:
        async with open_stage(get(content_length=None), head()) as s3:
            blob, content = await opened(s3)
        assert (blob.info.size, content) == (10, CONTENT)
        assert s3.lines == ["GET /docs/a%20b", "HEAD /docs/a%20b"]

    @pytest.mark.parametrize("described", [head(etag='"y"'), head(content_encoding="gzip")])
    async def test_it_must_be_that_of_the_same_bytes(self, described: CannedResponse) -> None:
        async with open_stage(get(content_length=None), described) as s3:
            with pytest.raises(StorageOperationException, match="does not tell the size"):
                await opened(s3)

    async def test_a_response_whose_reader_leaves_meanwhile_is_closed(self) -> None:
        async with open_stage(get(content_length=None)) as s3:
            real, asked = s3.client.send, asyncio.Event()

            async def silent(method: str, *more: object) -> object:
                if method == "HEAD":
                    asked.set()
                    await asyncio.Event().wait()
                return await real(method, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = silent  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            opening = asyncio.ensure_future(opened(s3))
            await asked.wait()
            opening.cancel()
            await asyncio.wait([opening])
            assert s3.client.given[0].has_ended
            assert s3.client.places_in_use == 0

    @pytest.mark.parametrize("fault", [None, BrokenOff(), ConnectionResetError(104, "reset")])
    async def test_the_end_of_the_bytes_is_looked_for(self, fault: Exception | None) -> None:
        async with open_stage(get(content_length=None, fault=fault), head()) as s3:
            assert (await opened(s3))[1] == CONTENT

    async def test_what_comes_behind_it_is_too_much(self) -> None:
        class Twice(CannedResponse):
            async def read(self) -> bytes:
                self.close()
                return b"more"

        async with open_stage(Twice(200, {"etag": '"x"'}, CONTENT), head()) as s3:
            with pytest.raises(IntegrityException, match="more bytes than announced") as raised:
                await opened(s3)
        assert (raised.value.file_id, raised.value.operation) == ("s3:docs/a b", "download")

    async def test_it_is_looked_for_when_all_bytes_have_come(self) -> None:
        class InPieces(CannedResponse):
            def take(self) -> bytes:
                piece, self._rest = self._rest[:6], self._rest[6:]
                return piece

        async with open_stage(InPieces(200, {"etag": '"x"'}, CONTENT), head()) as s3:
            assert (await opened(s3))[1] == CONTENT

    async def test_a_defect_behind_it_passes(self) -> None:
        async with open_stage(get(content_length=None, fault=KeyError("a defect")), head()) as s3:
            with pytest.raises(KeyError):
                await opened(s3)


class TestChecksums:
    async def test_a_whole_is_compared(self) -> None:
        async with open_stage(get(x_amz_checksum_crc32=CRC32), get(b"012345678!", x_amz_checksum_crc32=CRC32)) as s3:
            assert (await opened(s3))[1] == CONTENT
            with pytest.raises(IntegrityException, match="checksum"):
                await opened(s3)

    async def test_before_the_last_bytes_are_handed_out(self) -> None:
        wrong = get(b"012345678!", x_amz_checksum_crc32=CRC32)
        async with open_stage(wrong) as s3, S3BlobStore(s3.session).open(FILE_ID) as blob:
            with pytest.raises(IntegrityException, match="checksum"):
                await anext(blob.body)

    @pytest.mark.parametrize(("first", "last"), [(0, 4), (2, 4), (2, 9)])
    async def test_a_part_is_not(self, first: int, last: int) -> None:
        response = part(first, last)
        response.headers = {**response.headers, "x-amz-checksum-crc32": CRC32}
        async with open_stage(response) as s3:
            assert (await opened(s3, ByteRange(first, last)))[1] == CONTENT[first : last + 1]

    async def test_an_object_without_bytes_has_one(self) -> None:
        fine = get(b"", content_length="0", x_amz_checksum_crc32="AAAAAA==")
        async with open_stage(fine, get(b"", content_length="0", x_amz_checksum_crc32=CRC32)) as s3:
            assert (await opened(s3))[1] == b""
            with pytest.raises(IntegrityException):
                await opened(s3)

    async def test_all_pieces_of_a_resumed_one_are_compared(self) -> None:
        broken = get(CONTENT[:4], BrokenOff(), x_amz_checksum_crc32=CRC32)
        spoilt = get(b"!!!!", BrokenOff(), x_amz_checksum_crc32=CRC32)
        async with open_stage(broken, part(4, 9), spoilt, part(4, 9), perf=PERF) as s3:
            assert (await opened(s3))[1] == CONTENT
            with pytest.raises(IntegrityException, match="checksum"):
                await opened(s3)


class TestBreaks:
    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (None, "the response ended too early"),
            (BrokenOff(), "the response broke off"),
            (Disconnected(), "it closed the connection without a response"),
            (NoResponseInTime("5 s"), "no response in time (5 s)"),
            (ConnectionResetError(104, "reset"), "the connection failed (reset)"),
        ],
    )
    async def test_it_goes_on_where_it_broke(self, fault: Exception | None, reason: str, no_pauses: list[int]) -> None:
        async with open_stage(get(CONTENT[:4], fault), part(4, 9), perf=PERF) as s3:
            assert (await opened(s3))[1] == CONTENT
        assert s3.sent[1].own_headers == {"range": "bytes=4-9", "if-match": '"x"'}
        [event] = s3.recorder.of(DownloadResumed)
        assert event == DownloadResumed("s3", "s3:docs/a b", 4, reason)
        assert no_pauses == [0]
        if fault is not None:
            assert s3.sent[1].holds == (), "the place is kept"

    async def test_a_range_ends_where_it_did(self) -> None:
        async with open_stage(part(2, 6, breaks_after=2), part(4, 6), perf=PERF) as s3:
            assert (await opened(s3, ByteRange(2, 6)))[1] == b"23456"
        assert s3.sent[1].own_headers == {"range": "bytes=4-6", "if-match": '"x"'}

    async def test_the_tag_is_sent_as_it_came(self) -> None:
        async with open_stage(get(b"0", BrokenOff(), etag="x"), part(1, 9, etag='"x"'), perf=PERF) as s3:
            assert (await opened(s3))[1] == CONTENT
        assert s3.sent[1].headers["if-match"] == "x"

    async def test_several_times(self, no_pauses: list[int]) -> None:
        async with open_stage(get(b"0", BrokenOff()), part(1, 9, breaks_after=1), part(2, 9), perf=PERF) as s3:
            assert (await opened(s3))[1] == CONTENT
        assert no_pauses == [0, 1]
        assert [event.position for event in s3.recorder.of(DownloadResumed)] == [1, 2]

    async def test_not_for_ever(self) -> None:
        again = part(1, 9, breaks_after=0)
        async with open_stage(get(b"0", BrokenOff()), again, again, perf=PERF) as s3:
            with pytest.raises(StorageUnavailableException, match="download failed: the response broke off") as raised:
                await opened(s3)
        assert isinstance(raised.value.__cause__, BrokenOff)
        assert raised.value.file_id == "s3:docs/a b"

    async def test_breaks_are_forgotten_after_many_bytes(
        self, monkeypatch: pytest.MonkeyPatch, no_pauses: list[int]
    ) -> None:
        monkeypatch.setattr(resumable_body, "_FORGIVEN_AFTER", 3)
        answers = get(CONTENT[:2], BrokenOff()), part(2, 9, breaks_after=4), part(6, 9, breaks_after=3)
        async with open_stage(*answers, perf=S3PerfConfig(max_retries=1)) as s3:
            with pytest.raises(StorageUnavailableException):
                await opened(s3)
        assert no_pauses == [0, 0], "three bytes after a break are not many, four are"

    @pytest.mark.parametrize("etag", ['W/"x"', "W/x"])
    async def test_not_on_a_weak_tag(self, etag: str) -> None:
        async with open_stage(get(b"0", BrokenOff(), etag=etag), perf=PERF) as s3:
            with pytest.raises(StorageUnavailableException):
                await opened(s3)

    async def test_not_where_it_would_break_again(self) -> None:
        async with open_stage(get(b"0", ClientClosed()), perf=PERF) as s3:
            with pytest.raises(StorageOperationException, match="the backend was closed meanwhile"):
                await opened(s3)
        assert not s3.recorder.of(DownloadResumed)

    async def test_one_that_is_cancelled_in_the_pause_gives_its_place_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(resumable_body, "pause_before", lambda _attempt: 3600.0)
        headers = {"etag": '"x"', "content-length": "10"}
        async with (
            open_stage(CannedResponse(200, headers, fault=BrokenOff()), perf=PERF) as s3,
            S3BlobStore(s3.session).open(FILE_ID) as blob,
        ):
            reading = asyncio.ensure_future(anext(blob.body))
            for _ in range(3):
                await asyncio.sleep(0)
            assert s3.client.places_in_use == 1, "kept for the next attempt"
            reading.cancel()
            await asyncio.wait([reading])
            assert s3.client.places_in_use == 0
        assert reading.cancelled()

    async def test_the_end_of_a_further_response_is_looked_for_as_well(self) -> None:
        class Longer(CannedResponse):
            async def read(self) -> bytes:
                if rest := self.take():
                    return rest
                self.close()
                return b"more"

        rest = Longer(206, {"content-range": "bytes 4-9/10", "etag": '"x"'}, CONTENT[4:])
        async with open_stage(get(CONTENT[:4], BrokenOff()), rest, perf=PERF) as s3:
            with pytest.raises(IntegrityException, match="more bytes than announced"):
                await opened(s3)

    async def test_not_after_a_defect(self) -> None:
        async with open_stage(get(b"0", KeyError("a defect")), perf=PERF) as s3:
            with pytest.raises(KeyError):
                await opened(s3)

    @pytest.mark.parametrize(
        ("second", "kind"),
        [
            (refusing(412, "PreconditionFailed"), PreconditionFailedException),
            (part(4, 9, etag='"y"'), PreconditionFailedException),
            (part(4, 9, size=11), IntegrityException),
            (part(3, 9), IntegrityException),
            (part(4, 8), IntegrityException),
            (get(), StorageOperationException),
            (refusing(404, "NoSuchKey"), StorageException),
        ],
    )
    async def test_nor_where_it_is_another_object(self, second: CannedResponse, kind: type[StorageException]) -> None:
        async with open_stage(get(CONTENT[:4], BrokenOff()), second, perf=PERF) as s3:
            with pytest.raises(kind) as raised:
                await opened(s3)
        assert raised.value.file_id in {"s3:docs/a b", None}
        assert raised.value.backend == "s3"
        if kind is PreconditionFailedException:
            assert (raised.value.file_id, raised.value.operation) == ("s3:docs/a b", "download")
            assert "replaced while it was being read" in raised.value.message

    async def test_nothing_follows_an_error(self) -> None:
        async with open_stage(get(CONTENT + b"!")) as s3, S3BlobStore(s3.session).open(FILE_ID) as blob:
            with pytest.raises(IntegrityException, match="more bytes"):
                await anext(blob.body)
            with pytest.raises(StopAsyncIteration):
                await anext(blob.body)

    async def test_nor_a_cancellation(self) -> None:
        class Silent(CannedResponse):
            async def read(self) -> bytes:
                await asyncio.Event().wait()
                return b""

        headers = {"etag": '"x"', "content-length": "10"}
        async with (
            open_stage(Silent(200, headers, fault=BrokenOff())) as s3,
            S3BlobStore(s3.session).open(FILE_ID) as blob,
        ):
            reading = asyncio.ensure_future(anext(blob.body))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            with pytest.raises(StopAsyncIteration):
                await anext(blob.body)

    async def test_nothing_follows_the_block(self) -> None:
        async with open_stage(get()) as s3:
            async with S3BlobStore(s3.session).open(FILE_ID) as blob:
                pass
            with pytest.raises(StopAsyncIteration):
                await anext(blob.body)

    async def test_nor_does_the_rest_of_a_chunk(self) -> None:
        content = bytes(9000)
        perf = S3PerfConfig(download_chunk_size=4096)
        async with open_stage(get(content, content_length="9000"), perf=perf) as s3:
            async with S3BlobStore(s3.session).open(FILE_ID) as blob:
                assert len(await anext(blob.body)) == 4096
            with pytest.raises(StopAsyncIteration):
                await anext(blob.body)

    async def test_what_comes_after_the_block_is_closed(self) -> None:
        async with open_stage(get(CONTENT[:4], BrokenOff()), part(4, 9), perf=PERF) as s3:
            opening = S3BlobStore(s3.session).open(FILE_ID)
            blob, real = await opening.__aenter__(), s3.client.send
            assert await anext(blob.body) == CONTENT[:4]

            async def late(*arguments: object) -> object:
                await opening.__aexit__(None, None, None)
                return await real(*arguments)  # type: ignore[arg-type]  # as given

            s3.client.send = late  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            with pytest.raises(StorageOperationException, match="the block that opened it was left meanwhile"):
                await anext(blob.body)

    async def test_one_that_breaks_after_the_block_is_not_resumed(self) -> None:
        class Breaking(CannedResponse):
            async def read(self) -> bytes:
                await opening.__aexit__(None, None, None)
                raise BrokenOff

        headers = {"etag": '"x"', "content-length": "10"}
        async with open_stage(Breaking(200, headers, b""), perf=PERF) as s3:
            opening = S3BlobStore(s3.session).open(FILE_ID)
            blob = await opening.__aenter__()
            with pytest.raises(StorageOperationException, match="the block that opened it was left meanwhile"):
                await anext(blob.body)
        assert len(s3.sent) == 1

    async def test_two_readers_at_once_are_refused(self) -> None:
        go_on = asyncio.Event()

        class Slow(CannedResponse):
            def take(self) -> bytes:
                return b""

            async def read(self) -> bytes:
                await go_on.wait()
                self.close()
                return CONTENT

        headers = {"etag": '"x"', "content-length": "10"}
        async with open_stage(Slow(200, headers, CONTENT)) as s3, S3BlobStore(s3.session).open(FILE_ID) as blob:
            first = asyncio.ensure_future(anext(blob.body))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="two tasks"):
                await anext(blob.body)
            go_on.set()
            assert await first == CONTENT

    async def test_pieces_are_no_larger_than_configured(self) -> None:
        content = bytes(range(256)) * 1024
        perf = S3PerfConfig(download_chunk_size=64 * 1024 + 1)
        async with (
            open_stage(get(content, content_length=str(len(content))), perf=perf) as s3,
            S3BlobStore(s3.session).open(FILE_ID) as blob,
        ):
            pieces = [chunk async for chunk in blob.body]
        assert [len(piece) for piece in pieces] == [64 * 1024 + 1] * 3 + [64 * 1024 - 3]
        assert b"".join(pieces) == content

    async def test_nor_than_the_store_says(self) -> None:
        content, perf = bytes(8192), S3PerfConfig(download_chunk_size=4096)
        async with (
            open_stage(get(content, content_length="8192")) as s3,
            S3BlobStore(s3.session, perf=perf).open(FILE_ID) as blob,
        ):
            assert [len(chunk) async for chunk in blob.body] == [4096, 4096]


class TestSlowServers:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [1000.0]
        monkeypatch.setattr(resumable_body, "monotonic", lambda: now[0])
        return now

    @staticmethod
    def dripping(clock: list[float], seconds: float, size: int, first: int = 0) -> CannedResponse:
        """One byte each time, after as many seconds."""

        class Dripping(CannedResponse):
            def take(self) -> bytes:
                return b""

            async def read(self) -> bytes:
                clock[0] += seconds
                return b"x"

        where = {"etag": '"x"', "content-length": str(size - first)}
        if first:
            where["content-range"] = f"bytes {first}-{size - 1}/{size}"
        return Dripping(206 if first else 200, where, b"x")

    async def test_one_that_drips_counts_as_broken(self, clock: list[float]) -> None:
        perf = S3PerfConfig(max_retries=1, operation_timeout=10)
        first, second = self.dripping(clock, 3, 100), self.dripping(clock, 3, 100, 3)
        async with open_stage(first, second, perf=perf) as s3:
            with pytest.raises(StorageUnavailableException, match="less than 4 KiB per second"):
                await opened(s3)
        assert s3.sent[1].headers["range"] == "bytes=3-99", "after 12 s: what came too late is asked for again"
        assert [event.position for event in s3.recorder.of(DownloadResumed)] == [3]
        assert clock[0] == 1000 + 2 * 12, "the time starts anew with each response"

    async def test_the_bytes_before_a_range_do_not_count(self, clock: list[float]) -> None:
        perf = S3PerfConfig(max_retries=0, operation_timeout=10)
        size, first = 9_000_000, 8_000_000
        async with open_stage(self.dripping(clock, 3, size, first), perf=perf) as s3:
            with pytest.raises(StorageUnavailableException, match="less than 4 KiB per second"):
                await opened(s3, ByteRange(first, None))
        assert clock[0] == 1012

    async def test_the_bytes_that_took_long_count(self, clock: list[float]) -> None:
        class Late(CannedResponse):
            def take(self) -> bytes:
                return b""

            async def read(self) -> bytes:
                clock[0] += 12
                self.close()
                return bytes(3 * 4096)

        perf = S3PerfConfig(max_retries=0, operation_timeout=10)
        async with open_stage(Late(200, {"etag": '"x"', "content-length": "12288"}, b"x"), perf=perf) as s3:
            assert len((await opened(s3))[1]) == 3 * 4096

    async def test_one_that_sends_enough_may_take_long(self, clock: list[float]) -> None:
        perf = S3PerfConfig(max_retries=0, operation_timeout=10)
        piece = bytes(4096)

        class Steady(CannedResponse):
            sent = 0

            def take(self) -> bytes:
                return b""

            async def read(self) -> bytes:
                clock[0] += 1
                self.sent += 1
                if self.sent == 60:
                    self.close()
                return piece

        size = 60 * len(piece)
        async with open_stage(Steady(200, {"etag": '"x"', "content-length": str(size)}, b"x"), perf=perf) as s3:
            assert len((await opened(s3))[1]) == size


async def test_a_description_is_one_request() -> None:
    async with open_stage(head(content_type="a/b")) as s3:
        info = await S3BlobStore(s3.session).info(FILE_ID)
    assert (info.size, info.content_type, str(info.file_id)) == (10, "a/b", "s3:docs/a b")
    assert s3.lines == ["HEAD /docs/a%20b"]


async def test_a_session_that_is_closed_refuses() -> None:
    async with open_stage() as s3:
        store = S3BlobStore(s3.session)
    with pytest.raises(StorageOperationException, match=r"not open.*127\.0\.0\.1:9000"):
        await read_all(store, FILE_ID)

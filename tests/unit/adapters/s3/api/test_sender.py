"""One request: the place it holds, the time it has, and what becomes of it when it fails."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.evidence import stored
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.api.sender import Request
from s3py_helper.adapters.s3.api.signing import EMPTY_PAYLOAD, UNSIGNED_PAYLOAD, Credentials
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, NoPlaceInTime, NotConnected
from s3py_helper.adapters.s3.http.payload import Payload, payload_of
from s3py_helper.adapters.s3.http.places import Hold, Place
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.errors import (
    InvalidRangeException,
    PreconditionFailedException,
    StorageException,
    StorageUnavailableException,
)
from tests.support.s3.canned import CannedResponse, Stage, refusing, stage, xml

pytestmark = [pytest.mark.timeout(10), pytest.mark.usefixtures("no_pauses")]

KIB = 1024
FINE = {"etag": '"x"'}
UP = Request("upload", "PUT", "docs", "a b", body=payload_of(b"12345"))


def body_of(size: int) -> Payload:
    return payload_of(bytes(size))


class TestPlaces:
    @pytest.mark.parametrize(
        ("size", "hold"),
        [(0, Hold.BRIEF), (256 * KIB, Hold.BRIEF), (256 * KIB + 1, Hold.BULK), (8 * KIB * KIB, Hold.BULK)],
    )
    async def test_a_large_body_holds_it_for_longer(self, size: int, hold: Hold) -> None:
        async with stage(CannedResponse(headers=FINE)) as s3:
            await s3.sender.send_whole(UP._replace(body=body_of(size)), stored)
        assert s3.sent[0].holds == (hold,)

    @pytest.mark.parametrize(
        ("requested", "hold"),
        [
            (None, Hold.LASTING),
            ("bytes=0-9", Hold.BRIEF),
            (f"bytes=7000000-{7000000 + 256 * KIB - 1}", Hold.BRIEF),
            (f"bytes=7000000-{7000000 + 256 * KIB}", Hold.LASTING),
            ("bytes=5-", Hold.LASTING),
            ("bytes=-9", Hold.BRIEF),
            ("bytes=-9000000", Hold.LASTING),
        ],
    )
    async def test_a_download_holds_it_as_long_as_its_reader_likes_unless_it_is_short(
        self, requested: str | None, hold: Hold
    ) -> None:
        headers = {} if requested is None else {"range": requested}
        async with stage(CannedResponse(headers=FINE, body=b"x")) as s3:
            response = await s3.sender.send(Request("download", "GET", "docs", "a", headers=headers))
            assert s3.client.places_in_use == 1
            response.close()
            assert s3.client.places_in_use == 0
        assert s3.sent[0].holds == (hold,)

    @pytest.mark.parametrize("answer", [NotConnected(), refusing(403, "AccessDenied"), CannedResponse(202, FINE)])
    async def test_a_download_that_fails_gives_it_back(self, answer: CannedResponse | Exception) -> None:
        async with stage(answer) as s3:
            with pytest.raises(StorageException):
                await s3.sender.send(Request("download", "GET", "docs", "a"))

    async def test_a_download_that_ends_with_its_head_gives_it_back_at_once(self) -> None:
        async with stage(CannedResponse(headers=FINE)) as s3:
            await s3.sender.send(Request("download", "GET", "docs", "a"))
            assert s3.client.places_in_use == 0

    async def test_a_resumption_takes_none_beside_the_one_that_it_is_given(self) -> None:
        async with stage(CannedResponse(206, FINE, b"x")) as s3:
            place = s3.client.take_place(Hold.LASTING)
            assert place is not None
            response = await s3.sender.send(Request("download", "GET", "docs", "a"), place)
            assert s3.client.places_in_use == 1
            response.close()
        assert len(s3.sent[0].holds) == 1

    async def test_a_resumption_that_fails_gives_it_back(self) -> None:
        async with stage(refusing(412)) as s3:
            place = s3.client.take_place(Hold.LASTING)
            with pytest.raises(PreconditionFailedException):
                await s3.sender.send(Request("download", "GET", "docs", "a"), place)

    @pytest.mark.parametrize(
        "send",
        [
            lambda s3: s3.sender.send_whole(Request("info", "HEAD", "docs", "a"), stored),
            lambda s3: s3.sender.send(Request("info", "GET", "docs", "a")),
        ],
    )
    async def test_waiting_for_one_in_vain_is_reported_like_any_failure_of_the_request(
        self, send: Callable[[Stage], Awaitable[object]]
    ) -> None:
        async with stage(limit=1) as s3:
            place = s3.client.take_place(Hold.BRIEF)
            assert place is not None
            with pytest.raises(StorageUnavailableException, match="no connection became free") as raised:
                await send(s3)
            place.release()
        assert isinstance(raised.value.__cause__, NoPlaceInTime)
        assert (raised.value.operation, raised.value.file_id) == ("info", "s3:docs/a")

    async def test_a_defect_of_the_wait_passes_unchanged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fail(hold: Hold, server: str) -> Place:
            raise KeyError(hold, server)

        async with stage(limit=1) as s3:
            place = s3.client.take_place(Hold.BRIEF)
            assert place is not None
            monkeypatch.setattr(s3.client, "wait_for_place", fail)
            with pytest.raises(KeyError) as raised:
                await s3.sender.send_whole(UP._replace(body=body_of(256 * KIB + 1)), stored)
            assert raised.value.args == (Hold.BULK, "http://127.0.0.1:9000")
            with pytest.raises(KeyError) as raised:
                await s3.sender.send(Request("download", "GET", "docs", "a"))
            assert raised.value.args == (Hold.LASTING, "http://127.0.0.1:9000")
            place.release()

    async def test_a_request_that_is_cancelled_gives_it_back_and_its_response_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def take(_response: Response) -> None:
            raise asyncio.CancelledError

        async with stage(CannedResponse(headers=FINE, body=b"x"), CannedResponse(headers=FINE, body=b"x")) as s3:
            with pytest.raises(asyncio.CancelledError):
                await s3.sender.send_whole(UP, take)
            monkeypatch.setattr("s3py_helper.adapters.s3.api.sender.content_follows", take)
            with pytest.raises(asyncio.CancelledError):
                await s3.sender.send(Request("download", "GET", "docs", "a"))

    async def test_one_is_kept_for_all_attempts(self) -> None:
        perf = S3PerfConfig(max_retries=2)
        async with stage(Disconnected(), refusing(503), CannedResponse(headers=FINE), perf=perf) as s3:
            await s3.sender.send_whole(UP, stored)
        assert [sent.holds for sent in s3.sent] == [(Hold.BRIEF,), (), ()]


class TestTime:
    @pytest.mark.parametrize(
        ("request_", "seconds"),
        [
            (Request("info", "HEAD", "docs", "a"), 15),
            (UP._replace(body=body_of(4 * KIB * 60)), 45),
            (Request("list", "GET", "docs", slow=True), 900),
            (UP._replace(body=body_of(4 * KIB * 60), slow=True), 900),
        ],
    )
    async def test_one_attempt_has_half_of_it(self, request_: Request, seconds: float, limits: list[float]) -> None:
        async with stage(CannedResponse(headers=FINE), perf=S3PerfConfig(operation_timeout=30)) as s3:
            await s3.sender.send_whole(request_, stored)
        assert limits == [seconds]

    async def test_later_attempts_have_what_is_left(self, monkeypatch: pytest.MonkeyPatch, limits: list[float]) -> None:
        now = 1000.0

        def clock() -> float:
            return now

        for module in ("sender", "recovery"):
            monkeypatch.setattr(f"s3py_helper.adapters.s3.api.{module}.monotonic", clock)
        times = iter([7.0, 20.0, 5.0])

        async def slowly(_response: Response) -> None:
            nonlocal now
            now += next(times)
            raise BrokenOff

        perf = S3PerfConfig(max_retries=9, retry_seconds=600, operation_timeout=30)
        answers = [CannedResponse(headers=FINE) for _ in range(3)]
        async with stage(*answers, perf=perf) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.sender.send_whole(Request("info", "HEAD", "docs", "a"), slowly)
        assert limits == [15, 15, 3]

    async def test_time_for_retries_is_counted_from_the_first_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr("s3py_helper.adapters.s3.api.recovery.monotonic", lambda: now)
        monkeypatch.setattr("s3py_helper.adapters.s3.api.sender.monotonic", lambda: now)

        async def fail(_response: Response) -> None:
            nonlocal now
            now += 4
            raise BrokenOff

        perf = S3PerfConfig(max_retries=9, retry_seconds=10, operation_timeout=600)
        answers = [CannedResponse(headers=FINE) for _ in range(4)]
        async with stage(*answers, perf=perf) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.sender.send_whole(UP, fail)


class TestFailures:
    async def test_each_retry_is_reported_before_its_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[tuple[float, int]] = []
        perf = S3PerfConfig(max_retries=2)
        asked = {"retry-after": "2"}
        async with stage(
            refusing(503, "SlowDown", asked), Disconnected(), CannedResponse(headers=FINE), perf=perf
        ) as s3:

            async def sleep(seconds: float) -> None:
                slept.append((seconds, len(s3.recorder.of(RequestRetried))))

            monkeypatch.setattr(asyncio, "sleep", sleep)
            await s3.sender.send_whole(UP._replace(operation="delete"), stored)
        events = s3.recorder.of(RequestRetried)
        assert [(event.operation, event.attempt, event.pause, event.file_id) for event in events] == [
            ("delete", 1, 2.0, "s3:docs/a b"),
            ("delete", 2, 0.0, "s3:docs/a b"),
        ]
        assert "SlowDown" in events[0].reason
        assert "closed the connection" in events[1].reason
        assert slept == [(2.0, 1), (0.0, 2)]

    async def test_what_is_asked_once_is_not_retried(self) -> None:
        async with stage(refusing(503), perf=S3PerfConfig()) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.sender.send_whole(UP._replace(once=True), stored)
        assert not s3.recorder.events

    @pytest.mark.parametrize(
        ("answers", "uncertain"),
        [
            ([refusing(403)], False),
            ([NotConnected()], False),
            ([Disconnected()], True),
            ([refusing(500)], True),
            ([CannedResponse(202, FINE)], True),
            ([refusing(503), refusing(403)], True),
            ([NotConnected(), refusing(403)], False),
        ],
    )
    async def test_what_may_have_been_carried_out_is_noted(
        self, answers: list[CannedResponse | Exception], uncertain: bool
    ) -> None:
        outcome = Outcome()
        async with stage(*answers, perf=S3PerfConfig(max_retries=len(answers) - 1)) as s3:
            with pytest.raises(StorageException) as raised:
                await s3.sender.send_whole(UP._replace(outcome=outcome), stored)
        assert outcome.uncertain is uncertain
        assert raised.value.__cause__ is not None

    async def test_the_refusal_has_its_headers(self) -> None:
        async with stage(refusing(503, "SlowDown", {"Retry-After": "99"})) as s3:
            with pytest.raises(StorageUnavailableException) as raised:
                await s3.sender.send_whole(UP, stored)
        assert raised.value.retry_after == 99
        assert isinstance(raised.value.__cause__, ErrorResponse)
        assert raised.value.__cause__.headers == {"retry-after": "99"}

    async def test_a_range_beyond_the_end_is_told_with_the_size(self) -> None:
        async with stage(refusing(416, "InvalidRange", {"content-range": "bytes */12"})) as s3:
            with pytest.raises(InvalidRangeException) as raised:
                await s3.sender.send(Request("download", "GET", "docs", "a"))
        assert raised.value.size == 12

    async def test_a_defect_passes_unchanged(self) -> None:
        async def take(_response: Response) -> None:
            raise KeyError("a defect")

        async with stage(CannedResponse(headers=FINE, body=b"x"), perf=S3PerfConfig()) as s3:
            with pytest.raises(KeyError, match="a defect"):
                await s3.sender.send_whole(UP, take)

    async def test_only_a_retry_that_helped_is_paid_back(self) -> None:
        perf = S3PerfConfig(max_retries=1)
        fine = [CannedResponse(headers=FINE) for _ in range(9)]
        answers: list[CannedResponse | Exception] = [
            fine[0],
            Disconnected(),
            fine[1],
            Disconnected(),
            Disconnected(),
            fine[2],
        ]
        async with stage(*answers, perf=perf) as s3:
            spent: list[float] = []
            await s3.sender.send_whole(UP, stored)
            spent.append(left_in(s3))
            await s3.sender.send_whole(UP, stored)
            spent.append(left_in(s3))
            with pytest.raises(StorageUnavailableException):
                await s3.sender.send_whole(UP, stored)
            spent.append(left_in(s3))
            await s3.sender.send_whole(UP, stored)
            spent.append(left_in(s3))
        assert spent == [500, 500, 499, 499]


class TestWhatIsSent:
    @pytest.mark.parametrize(
        ("endpoint", "wished", "method", "signed"),
        [
            ("http://127.0.0.1:9000", False, "PUT", False),
            ("http://127.0.0.1:9000", True, "PUT", True),
            ("https://127.0.0.1:9000", True, "PUT", False),
            ("https://127.0.0.1:9000", False, "POST", True),
            ("http://127.0.0.1:9000", False, "POST", True),
        ],
    )
    async def test_the_body_is_signed_where_nothing_else_protects_it(
        self, endpoint: str, wished: bool, method: str, signed: bool
    ) -> None:
        async with stage(CannedResponse(headers=FINE), endpoint=endpoint, sign_payload=wished) as s3:
            await s3.sender.send_whole(UP._replace(method=method), stored)
        expected = hashlib.sha256(b"12345").hexdigest() if signed else UNSIGNED_PAYLOAD
        assert s3.sent[0].headers["x-amz-content-sha256"] == expected

    async def test_address_query_and_headers(self) -> None:
        async with stage(CannedResponse(headers=FINE), CannedResponse(headers=FINE)) as s3:
            query = [("uploadId", "a/b"), ("partNumber", "1")]
            await s3.sender.send_whole(UP._replace(query=query, headers={"x-amz-meta-a": "b"}), stored)
            await s3.sender.send_whole(Request("info", "HEAD", "docs"), stored)
        assert s3.lines == ["PUT /docs/a%20b?partNumber=1&uploadId=a%2Fb", "HEAD /docs"]
        assert [sent.own_headers for sent in s3.sent] == [{"x-amz-meta-a": "b"}, {}]
        assert [sent.headers["host"] for sent in s3.sent] == ["127.0.0.1:9000"] * 2
        assert s3.sent[0].body == b"12345"
        assert s3.sent[1].headers["x-amz-content-sha256"] == EMPTY_PAYLOAD

    async def test_a_bucket_in_the_host(self) -> None:
        async with stage(CannedResponse(headers=FINE), endpoint="https://s3.amazonaws.com") as s3:
            await s3.sender.send_whole(UP, stored)
        assert (s3.lines, s3.sent[0].headers["host"]) == (
            ["PUT https://docs.s3.amazonaws.com/a%20b"],
            "docs.s3.amazonaws.com",
        )

    async def test_keys_are_asked_for_before_each_attempt(self) -> None:
        class Changing:
            asked = 0

            async def current(self) -> Credentials:
                self.asked += 1
                return Credentials(f"key-{self.asked}", "s")

            async def renew(self, refused: Credentials) -> bool:
                raise AssertionError(refused)

        perf = S3PerfConfig(max_retries=1)
        async with stage(Disconnected(), CannedResponse(headers=FINE), perf=perf, credentials=Changing()) as s3:
            await s3.sender.send_whole(UP, stored)
        assert ["key-1/" in s3.sent[0].headers["authorization"], "key-2/" in s3.sent[1].headers["authorization"]] == [
            True,
            True,
        ]

    async def test_a_link_is_signed_with_the_headers_that_it_demands(self) -> None:
        async with stage() as s3:
            query = [("response-content-type", "a/b")]
            url = await s3.sender.signed_url("PUT", "docs", "a b", query, {"content-type": "c/d"}, expires_in=60)
        assert url.startswith("http://127.0.0.1:9000/docs/a%20b?")
        for wanted in ("X-Amz-SignedHeaders=content-type%3Bhost", "X-Amz-Expires=60", "response-content-type=a%2Fb"):
            assert wanted in url


def left_in(s3: Stage) -> float:
    """What all requests together may still spend on retries; a refund above the full amount is not counted."""
    budget = s3.sender._retries._budget  # noqa: SLF001 - nothing else shows what is left
    budget._counted_at = budget._now()  # noqa: SLF001 - nothing comes back with time
    return round(min(500.0, budget._tokens))  # noqa: SLF001 - as above


async def test_a_document_without_what_it_must_have_is_a_failure() -> None:
    document = "<R xmlns='x'><AnyResult/></R>"
    perf = S3PerfConfig(max_retries=1)
    async with stage(xml("<AResult/>"), xml("<AResult><Id>5</Id></AResult>"), perf=perf) as s3:
        found = await s3.sender.send_for_document(Request("list", "GET", "docs"), must_have="Id")
    assert found.text_of("Id") == "5"
    async with stage(xml(document)) as s3:
        with pytest.raises(StorageUnavailableException, match="cannot be read"):
            await s3.sender.send_for_document(Request("list", "GET", "docs"))

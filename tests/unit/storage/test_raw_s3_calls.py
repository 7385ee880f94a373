"""What the raw clients of S3 send for each call, and what they make of the answers."""

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, override

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.mount import mounted
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import ConnectionReplaced
from s3py_helper.storage import InvalidArgumentException, S3Config, StorageOperationException
from s3py_helper.storage.s3raw import S3RawDownloadServiceImpl, S3RawUploadServiceImpl
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.storage.s3raw.multipart import CompletedPart, CompleteResult, InitiateResult, S3MultipartUploadImpl
from tests.support.recorder import Recorder

WHERE = ("my-bucket", "a/key")
MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


class Scripted(S3Client):
    """Notes what would be called, and answers in turn."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        super().__init__(S3Config(endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b"))
        self.calls: list[tuple[object, ...]] = []
        self._answers = list(answers)

    @override
    async def _call(self, method: str, operation: str, bucket: str, key: str, **parameters: object) -> dict[str, Any]:
        assert (bucket, key) == WHERE
        self.calls.append((method, operation, parameters))
        return self._answers.pop(0)


BODY = io.BytesIO(b"abc")


@pytest.mark.parametrize(
    ("attempt", "call"),
    [
        (lambda s3: s3.put_object(*WHERE, b"abc"), ("put_object", "upload", {"Body": b"abc"})),
        (
            lambda s3: s3.put_object(*WHERE, BODY, 3, {"a": "b"}),
            ("put_object", "upload", {"Body": BODY, "ContentLength": 3, "Metadata": {"a": "b"}}),
        ),
        (lambda s3: s3.get_object(*WHERE), ("get_object", "download", {})),
        (lambda s3: s3.head_object(*WHERE), ("head_object", "info", {})),
        (lambda s3: s3.delete_object(*WHERE), ("delete_object", "delete", {})),
        (lambda s3: s3.create_multipart_upload(*WHERE), ("create_multipart_upload", "upload", {})),
        (
            lambda s3: s3.create_multipart_upload(*WHERE, {"a": "b"}),
            ("create_multipart_upload", "upload", {"Metadata": {"a": "b"}}),
        ),
        (
            lambda s3: s3.upload_part(*WHERE, "id", 7, BODY, 3),
            ("upload_part", "upload", {"UploadId": "id", "PartNumber": 7, "Body": BODY, "ContentLength": 3}),
        ),
        (lambda s3: s3.list_parts(*WHERE, "id"), ("list_parts", "upload", {"UploadId": "id"})),
        (
            lambda s3: s3.list_parts(*WHERE, "id", part_number_marker=9),
            ("list_parts", "upload", {"UploadId": "id", "PartNumberMarker": 9}),
        ),
        (
            lambda s3: s3.complete_multipart_upload(*WHERE, "id", iter([{"PartNumber": 1, "ETag": '"e"'}])),
            (
                "complete_multipart_upload",
                "upload",
                {"UploadId": "id", "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"e"'}]}},
            ),
        ),
        (
            lambda s3: s3.abort_multipart_upload(*WHERE, "id"),
            ("abort_multipart_upload", "upload", {"UploadId": "id"}),
        ),
    ],
)
async def test_everything_that_is_given_is_sent(
    attempt: Callable[[S3Client], Awaitable[dict[str, Any]]], call: tuple[object, ...]
) -> None:
    answer: dict[str, Any] = {"ETag": '"e"'}
    s3 = Scripted(answer)
    assert await attempt(s3) is answer
    assert s3.calls == [call]


@pytest.mark.parametrize("wrong", ["text", io.StringIO("text"), None, 5, ["a"]])
async def test_what_is_no_body_is_not_sent(wrong: Any) -> None:
    s3 = Scripted()
    for attempt in (s3.put_object(*WHERE, wrong), s3.upload_part(*WHERE, "id", 1, wrong)):
        with pytest.raises(InvalidArgumentException, match="the body is bytes or a binary file object") as refused:
            await attempt
        assert refused.value.operation == "upload"
    assert s3.calls == []


def part(number: int, **more: object) -> dict[str, Any]:
    return {"PartNumber": number, "Size": 5, "LastModified": MOMENT, "ETag": f'"{number}"', **more}


class TestByHand:
    async def test_an_upload_is_begun_with_the_name_of_its_file(self) -> None:
        s3 = Scripted({"UploadId": "id"})
        begun = await S3MultipartUploadImpl(s3).initiate_multipart_upload(*WHERE, "Zoë a.txt", {"author": "Zoë"})
        assert begun == InitiateResult(upload_id="id", bucket=WHERE[0], key=WHERE[1])
        [(_, _, sent)] = s3.calls
        assert isinstance(sent, dict)
        assert sent["Metadata"].pop("author") == "Zoë"
        assert list(sent["Metadata"].values()) == ["Zo%C3%AB%20a.txt"]

    async def test_a_part_has_the_size_that_was_declared(self) -> None:
        s3 = Scripted({"ETag": '"7"'})
        by_hand = S3MultipartUploadImpl(s3)
        assert await by_hand.upload_part(*WHERE, "id", 7, b"abc", 3) == CompletedPart(part_number=7, e_tag='"7"')
        assert s3.calls == [
            ("upload_part", "upload", {"UploadId": "id", "PartNumber": 7, "Body": b"abc", "ContentLength": 3})
        ]
        wrong: list[tuple[Any, ...]] = [(7, b"abc", 2), (7, b"abc", 4), (0, b"abc", 3), (7, "abc", 3)]
        for number, data, size in wrong:
            with pytest.raises(InvalidArgumentException):
                await by_hand.upload_part(*WHERE, "id", number, data, size)
        assert len(s3.calls) == 1
        s3 = Scripted({"ETag": '"1"'})
        assert (await S3MultipartUploadImpl(s3).upload_part(*WHERE, "id", 1, b"", 0)).part_number == 1

    async def test_all_parts_are_listed_page_by_page(self) -> None:
        s3 = Scripted(
            {"Parts": [part(1), part(3)], "IsTruncated": True},
            {"Parts": [part(4)], "IsTruncated": True},
            {"Parts": [part(9)], "IsTruncated": False},
        )
        listed = await S3MultipartUploadImpl(s3).list_parts(*WHERE, "id")
        assert [(each.part_number, each.size, each.last_modified, each.e_tag) for each in listed.parts] == [
            (number, 5, MOMENT, f'"{number}"') for number in (1, 3, 4, 9)
        ]
        assert [sent for _, _, sent in s3.calls] == [
            {"UploadId": "id"},
            {"UploadId": "id", "PartNumberMarker": 3},
            {"UploadId": "id", "PartNumberMarker": 4},
        ]

    @pytest.mark.parametrize("last", [{}, {"Parts": []}, {"Parts": [], "IsTruncated": True}])
    async def test_a_page_without_parts_is_the_last(self, last: dict[str, Any]) -> None:
        s3 = Scripted({"Parts": [part(1)], "IsTruncated": True}, last)
        assert len((await S3MultipartUploadImpl(s3).list_parts(*WHERE, "id")).parts) == 1

    @pytest.mark.parametrize("number", [2, 1])
    async def test_a_list_that_does_not_go_on_is_an_error(self, number: int) -> None:
        s3 = Scripted(*[{"Parts": [part(each)], "IsTruncated": True} for each in (2, number)])
        with pytest.raises(StorageOperationException, match="does not go on") as refused:
            await S3MultipartUploadImpl(s3).list_parts(*WHERE, "id")
        assert refused.value.backend == "s3"

    async def test_a_part_that_is_not_described_is_named(self) -> None:
        s3 = Scripted({"Parts": [part(1, Size="many")]})
        with pytest.raises(StorageOperationException, match=r"a part without a usable .*[Ss]ize") as refused:
            await S3MultipartUploadImpl(s3).list_parts(*WHERE, "id")
        assert refused.value.backend == "s3"

    @pytest.mark.parametrize(("answer", "location"), [({"Location": "http://h/a"}, "http://h/a"), ({}, "")])
    async def test_parts_are_put_together_in_the_order_that_is_given(
        self, answer: dict[str, Any], location: str
    ) -> None:
        s3 = Scripted(answer, {})
        by_hand = S3MultipartUploadImpl(s3)
        parts = [CompletedPart(part_number=number, e_tag=f'"{number}"') for number in (2, 1)]
        done = await by_hand.complete_multipart_upload(*WHERE, "id", parts)
        assert done == CompleteResult(location=location, bucket=WHERE[0], key=WHERE[1])
        await by_hand.abort_multipart_upload(*WHERE, "id")
        listed = [{"PartNumber": number, "ETag": f'"{number}"'} for number in (2, 1)]
        assert s3.calls == [
            ("complete_multipart_upload", "upload", {"UploadId": "id", "MultipartUpload": {"Parts": listed}}),
            ("abort_multipart_upload", "upload", {"UploadId": "id"}),
        ]


class TestClient:
    CONFIG = S3Config(endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")

    @pytest.mark.parametrize(
        ("attempt", "name", "operation"),
        [
            (lambda s3: s3.get_object("b\x00", "k"), "bucket", "download"),
            (lambda s3: s3.head_object("b", "k\n"), "key", "info"),
            (lambda s3: s3.list_parts("b", "k", "i\udc80"), "upload_id", "upload"),
        ],
    )
    async def test_text_that_no_request_can_carry_is_refused_by_its_name(
        self, attempt: Callable[[S3Client], Awaitable[object]], name: str, operation: str
    ) -> None:
        with pytest.raises(InvalidArgumentException, match=rf"^{name} .* contains") as refused:
            await attempt(S3Client(self.CONFIG))
        assert refused.value.operation == operation

    async def test_everything_reaches_the_sdk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[tuple[object, ...]] = []

        class Sdk:
            async def call(self, method: str, operation: str, **parameters: object) -> dict[str, Any]:
                calls.append((method, operation, parameters))
                return {"Parts": []}

        async def sdk(_session: S3Session) -> Sdk:
            return Sdk()

        monkeypatch.setattr(S3Session, "sdk", sdk)
        assert await S3Client(self.CONFIG).list_parts("b", "k", "id") == {"Parts": []}
        assert calls == [("list_parts", "upload", {"Bucket": "b", "Key": "k", "UploadId": "id"})]

    async def test_its_observer_is_told_of_everything(self) -> None:
        recorder = Recorder()
        client, event = S3Client(self.CONFIG, recorder), ConnectionReplaced("s3", "127.0.0.1", "it was closed")
        locator = client.locator()
        locator.observer.notify(event)
        client._session.observer.notify(event)  # noqa: SLF001 - what its requests notify
        locator.clean_up._observer.notify(event)  # noqa: SLF001 - what reports what was left
        assert recorder.events == [event] * 3

    async def test_clean_up_is_done_before_it_closes(self) -> None:
        client = S3Client(self.CONFIG)
        seen: list[str] = []
        for _ in range(2):
            async with client:
                clean_up = client.locator().clean_up

                async def work() -> None:
                    _ = client._session.objects  # noqa: SLF001 - raises where it is closed
                    seen.append("open")

                clean_up.later(3600, "s3", "an object", work)
            with pytest.raises(StorageOperationException, match="not open"):
                await client.head_object("b", "k")
        assert seen == ["open", "open"]

    def test_what_a_service_has_of_its_own_reaches_the_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[dict[str, object]] = []

        def noting(session: S3Session, **named: Any) -> MountedBackend:
            given.append(named)
            return mounted(session, **named)

        monkeypatch.setattr("s3py_helper.storage.s3raw.client.s3_client.mounted", noting)
        perf = S3PerfConfig(parts_in_flight=1)
        S3Client(self.CONFIG).locator(default_bucket="mine", perf=perf)
        assert given == [{"default_bucket": "mine", "perf": perf}]

    def test_the_services_have_sizes_and_buckets_of_their_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[dict[str, object]] = []
        real = S3Client.locator

        def locator(client: S3Client, **named: Any) -> object:
            given.append(named)
            return real(client, **named)

        monkeypatch.setattr(S3Client, "locator", locator)
        client = S3Client(self.CONFIG)
        mine, others = S3PerfConfig(parts_in_flight=1), S3PerfConfig(parts_in_flight=2)
        config = self.CONFIG.model_copy(update={"default_bucket": "mine", "perf": others})
        S3RawDownloadServiceImpl(client, mine)
        S3RawUploadServiceImpl(client, config)
        S3RawUploadServiceImpl(client, config, mine)
        wrong: Any = 5
        for attempt in (
            lambda: S3RawDownloadServiceImpl(client, wrong),
            lambda: S3RawUploadServiceImpl(client, config, wrong),
        ):
            with pytest.raises(InvalidArgumentException, match="perf_config"):
                attempt()
        assert given == [
            {"perf": mine},
            {"default_bucket": "mine", "perf": others},
            {"default_bucket": "mine", "perf": mine},
        ]

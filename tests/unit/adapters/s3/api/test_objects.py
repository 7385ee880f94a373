"""What each operation on objects asks for, what it believes, and what it does about refusals."""

import asyncio

import pytest

from s3py_helper.adapters.s3.api.bucket_listing import ListedObject, ListPosition
from s3py_helper.adapters.s3.api.checksums import ChecksumSetting
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.application.ports.observer import FallbackTaken
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from tests.support.s3.canned import CannedResponse, refusing, stage, xml

pytestmark = [pytest.mark.timeout(10), pytest.mark.usefixtures("no_pauses")]

FINE = {"etag": '"x"'}
OURS = {**FINE, "x-amz-request-id": "1"}
PAGE = {"etag": '"page"', "content-type": "text/html; charset=utf-8"}
BODY = payload_of(b"12345")
CRC32 = "y/U6HA=="
TWICE = S3PerfConfig(max_retries=1)
LISTING = "GET /docs?list-type=2&max-keys=1"


class TestStoring:
    async def test_an_object(self) -> None:
        async with stage(CannedResponse(headers={**FINE, "x-amz-checksum-crc32": CRC32})) as s3:
            headers = await s3.objects.put_object("docs", "a", BODY, {"content-type": "a/b"})
        assert s3.lines == ["PUT /docs/a"]
        assert s3.sent[0].own_headers == {"content-type": "a/b", "x-amz-checksum-crc32": CRC32}
        assert headers["etag"] == '"x"'

    async def test_a_part(self) -> None:
        async with stage(CannedResponse(headers=FINE)) as s3:
            await s3.objects.upload_part("docs", "a", "the id", 7, BODY)
        assert s3.lines == ["PUT /docs/a?partNumber=7&uploadId=the%20id"]
        assert s3.sent[0].own_headers == {"x-amz-checksum-crc32": CRC32}

    async def test_without_checksums(self) -> None:
        theirs = {**FINE, "x-amz-checksum-crc32": CRC32}
        async with stage(CannedResponse(headers=theirs), refusing(501), checksum="off") as s3:
            await s3.objects.put_object("docs", "a", BODY, {})
            with pytest.raises(StorageOperationException):
                await s3.objects.put_object("docs", "a", BODY, {})
        assert [sent.own_headers for sent in s3.sent] == [{}, {}]

    async def test_the_server_must_not_confirm_another_checksum(self) -> None:
        async with stage(CannedResponse(headers={**FINE, "x-amz-checksum-crc32": "AAAAAA=="})) as s3:
            with pytest.raises(IntegrityException, match=r"bucket 'docs', key 'a'"):
                await s3.objects.put_object("docs", "a", BODY, {})

    async def test_what_it_may_have_stored_is_noted(self) -> None:
        outcome = Outcome()
        async with stage(Disconnected()) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.objects.put_object("docs", "a", BODY, {}, outcome)
        assert outcome.uncertain

    async def test_it_is_stored_without_a_checksum_where_that_was_the_reason(self) -> None:
        async with stage(refusing(501), CannedResponse(headers=FINE), CannedResponse(headers=FINE)) as s3:
            await s3.objects.put_object("docs", "a", BODY, {"content-type": "a/b"})
            await s3.objects.put_object("docs", "a", BODY, {})
        assert [sent.own_headers for sent in s3.sent] == [
            {"content-type": "a/b", "x-amz-checksum-crc32": CRC32},
            {"content-type": "a/b"},
            {},
        ]
        assert len(s3.recorder.of(FallbackTaken)) == 1

    async def test_nothing_is_concluded_where_it_is_refused_without_one_too(self) -> None:
        async with stage(refusing(501), refusing(403), CannedResponse(headers=FINE)) as s3:
            with pytest.raises(AccessDeniedException):
                await s3.objects.put_object("docs", "a", BODY, {})
            await s3.objects.put_object("docs", "a", BODY, {})
        assert "x-amz-checksum-crc32" in s3.sent[-1].headers
        assert not s3.recorder.events

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b"stored"),
            (201, b"stored"),
            (204, b""),
            (200, b"<Stored/>"),
            (200, b"no <Error, and no <html>"),
            (200, b"<" + b"x" * 64 * 1024),
        ],
    )
    async def test_a_confirmation_is_one_whatever_its_status_and_its_words(self, status: int, body: bytes) -> None:
        async with stage(CannedResponse(status, FINE, body)) as s3:
            await s3.objects.put_object("docs", "a", BODY, {})


WEB_PAGES = [
    b"<html><body>hello</body></html>",
    b"  \n<!DOCTYPE html><title>x</title>",
    b"<!doctype HTML>",
    b"<HTML>",
    b"<?xml version='1.0'?>\n<html/>",
]


@pytest.mark.parametrize("page", WEB_PAGES)
async def test_a_web_page_confirms_nothing(page: bytes) -> None:
    async with stage(CannedResponse(200, FINE, page), CannedResponse(200, FINE, page)) as s3:
        with pytest.raises(StorageUnavailableException, match="web page"):
            await s3.objects.put_object("docs", "a", BODY, {})
        with pytest.raises(StorageUnavailableException, match="web page"):
            await s3.objects.delete_object("docs", "a")


@pytest.mark.parametrize("front", [b"", b"\n ", b"<?xml version='1.0'?>\n"])
async def test_a_refusal_with_the_status_of_success_is_one(front: bytes) -> None:
    body = front + b"<Error><Code>AccessDenied</Code></Error>"
    async with stage(CannedResponse(200, FINE, body), CannedResponse(200, FINE, body)) as s3:
        with pytest.raises(AccessDeniedException):
            await s3.objects.put_object("docs", "a", BODY, {})
        with pytest.raises(AccessDeniedException):
            await s3.objects.delete_object("docs", "a")


@pytest.mark.parametrize("fault", [Disconnected(), ConnectionResetError(104, "reset")])
async def test_a_refusal_counts_although_its_document_breaks_off(fault: Exception) -> None:
    document = b"<Error><Code>InvalidAccessKeyId</Code>"
    async with stage(CannedResponse(403, {}, document, fault), perf=TWICE) as s3:
        with pytest.raises(AccessDeniedException, match="access key is not known"):
            await s3.objects.delete_object("docs", "a")


class TestReading:
    async def test_an_object(self) -> None:
        async with stage(CannedResponse(206, FINE, b"12345")) as s3:
            response = await s3.objects.get_object("docs", "a", {"range": "bytes=0-4"})
            assert await response.read() == b"12345"
            response.close()
        assert s3.lines == ["GET /docs/a"]
        assert s3.sent[0].own_headers == {"range": "bytes=0-4"}

    async def test_the_place_that_it_is_given_is_used(self) -> None:
        async with stage(CannedResponse(200, FINE, b"12345")) as s3:
            place = s3.client.take_place(Hold.LASTING)
            response = await s3.objects.get_object("docs", "a", {}, place)
            assert s3.client.places_in_use == 1
            response.close()

    @pytest.mark.parametrize("answer", [refusing(403, "AccessDenied"), xml("<ListBucketResult/>")])
    async def test_what_may_be_a_page_is_one_unless_s3_responds_there(self, answer: CannedResponse) -> None:
        async with stage(CannedResponse(200, PAGE, b"<html>"), answer) as s3:
            response = await s3.objects.get_object("docs", "a")
            response.close()
        assert s3.lines == ["GET /docs/a", LISTING]

    @pytest.mark.parametrize("answer", [refusing(403), CannedResponse(200, PAGE, b"<html>")])
    async def test_a_page_is_closed(self, answer: CannedResponse) -> None:
        async with stage(CannedResponse(200, PAGE, b"<html>"), answer) as s3:
            with pytest.raises(StorageException, match="download failed"):
                await s3.objects.get_object("docs", "a")

    @pytest.mark.parametrize("status", [201, 204, 299])
    async def test_no_other_status_brings_an_object(self, status: int) -> None:
        async with stage(CannedResponse(status, OURS)) as s3:
            with pytest.raises(StorageUnavailableException, match=f"status {status}"):
                await s3.objects.get_object("docs", "a")

    async def test_one_that_nobody_waits_for_any_more_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def cancelled(_bucket: str, _operation: str) -> None:
            raise asyncio.CancelledError

        async with stage(CannedResponse(200, PAGE, b"<html>")) as s3:
            monkeypatch.setattr(s3.objects, "require_s3", cancelled)
            with pytest.raises(asyncio.CancelledError):
                await s3.objects.get_object("docs", "a")

    @pytest.mark.parametrize(
        "headers",
        [{**PAGE, "x-amz-request-id": "1"}, {**PAGE, "x-amz-id-2": "1"}, {**FINE, "content-type": "text/plain"}, FINE],
    )
    async def test_what_cannot_be_a_page_is_not_asked_about(self, headers: dict[str, str]) -> None:
        async with stage(CannedResponse(200, headers, b"x")) as s3:
            (await s3.objects.get_object("docs", "a")).close()

    @pytest.mark.parametrize("status", [200, 206])
    @pytest.mark.parametrize("headers", [{}, {"etag": ""}])
    async def test_an_object_has_a_tag(self, status: int, headers: dict[str, str]) -> None:
        async with stage(CannedResponse(status, headers, b"x")) as s3:
            with pytest.raises(StorageUnavailableException, match="ETag"):
                await s3.objects.get_object("docs", "a")


class TestDescribing:
    @pytest.mark.parametrize("checksum", ["auto", "required", "off"])
    async def test_the_checksum_is_asked_for(self, checksum: ChecksumSetting) -> None:
        async with stage(CannedResponse(200, FINE), checksum=checksum) as s3:
            assert await s3.objects.head_object("docs", "a") == FINE
        assert s3.lines == ["HEAD /docs/a"]
        assert s3.sent[0].own_headers == ({} if checksum == "off" else {"x-amz-checksum-mode": "ENABLED"})

    @pytest.mark.parametrize("answer", [refusing(403, "AccessDenied"), xml("<ListBucketResult/>")])
    async def test_what_may_be_a_page_is_one_unless_s3_responds_there(self, answer: CannedResponse) -> None:
        async with stage(CannedResponse(200, PAGE), answer) as s3:
            assert await s3.objects.head_object("docs", "a") == PAGE
        assert s3.lines == ["HEAD /docs/a", LISTING]

    @pytest.mark.parametrize("headers", [{}, {"etag": ""}])
    async def test_an_object_has_a_tag(self, headers: dict[str, str]) -> None:
        async with stage(CannedResponse(200, headers)) as s3:
            with pytest.raises(StorageUnavailableException, match="ETag"):
                await s3.objects.head_object("docs", "a")

    async def test_a_page_describes_nothing(self) -> None:
        async with stage(CannedResponse(200, PAGE), CannedResponse(200, PAGE, b"<html>")) as s3:
            with pytest.raises(StorageUnavailableException, match="info failed"):
                await s3.objects.head_object("docs", "a")

    async def test_a_missing_bucket_is_told_from_a_missing_object(self) -> None:
        async with stage(refusing(404), refusing(404)) as s3:
            with pytest.raises(BucketNotFoundException):
                await s3.objects.head_object("docs", "a")
        assert s3.lines == ["HEAD /docs/a", "HEAD /docs"]

    @pytest.mark.parametrize("bucket", [CannedResponse(), refusing(403, "AccessDenied")])
    async def test_a_bucket_that_is_there_is_asked_for_once(self, bucket: CannedResponse) -> None:
        async with stage(refusing(404), bucket, refusing(404)) as s3:
            for _ in range(2):
                with pytest.raises(FileNotFoundException) as raised:
                    await s3.objects.head_object("docs", "a")
                assert raised.value.file_id == "s3:docs/a"
        assert s3.lines == ["HEAD /docs/a", "HEAD /docs", "HEAD /docs/a"]

    async def test_a_bucket_that_is_there_says_nothing_of_others(self) -> None:
        async with stage(refusing(404), CannedResponse(), refusing(404), refusing(404)) as s3:
            with pytest.raises(FileNotFoundException):
                await s3.objects.head_object("docs", "a")
            with pytest.raises(BucketNotFoundException):
                await s3.objects.head_object("other", "a")

    async def test_a_bucket_that_cannot_be_asked_for_leaves_the_object_missing(self) -> None:
        async with stage(refusing(404), refusing(503), refusing(404), CannedResponse(), perf=TWICE) as s3:
            for _ in range(2):
                with pytest.raises(FileNotFoundException):
                    await s3.objects.head_object("docs", "a")
        assert s3.lines == ["HEAD /docs/a", "HEAD /docs"] * 2, "asked once, and again the next time"

    async def test_a_refusal_without_a_reason_is_repeated_where_it_has_one(self) -> None:
        async with stage(refusing(403), refusing(403, "InvalidAccessKeyId")) as s3:
            with pytest.raises(AccessDeniedException, match="access key is not known"):
                await s3.objects.head_object("docs", "a")
        assert s3.lines == ["HEAD /docs/a", "GET /docs/a"]
        assert s3.sent[1].own_headers == {"range": "bytes=0-0"}

    @pytest.mark.parametrize("answer", [CannedResponse(206, FINE, b"x"), refusing(416)])
    async def test_where_it_may_be_read_it_is_described_once_more(self, answer: CannedResponse) -> None:
        async with stage(refusing(400), answer, CannedResponse(200, FINE)) as s3:
            assert await s3.objects.head_object("docs", "a") == FINE
        assert [sent.method for sent in s3.sent] == ["HEAD", "GET", "HEAD"]
        assert "range" not in s3.sent[2].headers

    @pytest.mark.parametrize("answer", [refusing(403, "AccessDenied"), refusing(405), refusing(412)])
    async def test_a_refusal_with_its_reason_is_final(self, answer: CannedResponse) -> None:
        async with stage(answer) as s3:
            with pytest.raises(StorageException):
                await s3.objects.head_object("docs", "a")

    @pytest.mark.parametrize("status", [201, 202, 206, 299])
    async def test_no_other_status_describes_anything(self, status: int) -> None:
        async with stage(CannedResponse(status, FINE), CannedResponse(status, OURS)) as s3:
            with pytest.raises(StorageUnavailableException, match=f"status {status}"):
                await s3.objects.head_object("docs", "a")
            with pytest.raises(StorageUnavailableException, match=f"status {status}"):
                await s3.objects.head_bucket("docs", "open")


class TestDeleting:
    @pytest.mark.parametrize(
        "answer",
        [CannedResponse(204), CannedResponse(200), CannedResponse(200, {}, b"gone"), refusing(404, "NoSuchKey")],
    )
    async def test_an_object_that_is_gone(self, answer: CannedResponse) -> None:
        async with stage(answer) as s3:
            await s3.objects.delete_object("docs", "a")
        assert s3.lines == ["DELETE /docs/a"]

    @pytest.mark.parametrize("status", [201, 202, 203, 206])
    async def test_no_other_status_says_so(self, status: int) -> None:
        async with stage(CannedResponse(status)) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.objects.delete_object("docs", "a")

    async def test_a_missing_bucket_is_an_error(self) -> None:
        async with stage(refusing(404, "NoSuchBucket")) as s3:
            with pytest.raises(BucketNotFoundException):
                await s3.objects.delete_object("docs", "a")


class TestBuckets:
    @pytest.mark.parametrize("once", [False, True])
    async def test_one_that_s3_describes_is_not_looked_at_twice(self, once: bool) -> None:
        async with stage(CannedResponse(200, OURS)) as s3:
            await s3.objects.check_bucket("docs", "open", once=once)
        assert s3.lines == ["HEAD /docs"]

    @pytest.mark.parametrize("answer", [refusing(403, "AccessDenied"), xml("<ListBucketResult/>")])
    async def test_where_the_headers_do_not_tell_a_document_has_to(self, answer: CannedResponse) -> None:
        async with stage(CannedResponse(200, FINE), answer) as s3:
            await s3.objects.check_bucket("docs", "open")
        assert s3.lines == ["HEAD /docs", LISTING]

    @pytest.mark.parametrize("answer", [refusing(403), xml("<html/>"), CannedResponse(200, {}, b"hello")])
    async def test_a_page_is_no_bucket(self, answer: CannedResponse) -> None:
        async with stage(CannedResponse(200, FINE), answer) as s3:
            with pytest.raises(StorageException):
                await s3.objects.check_bucket("docs", "open")

    async def test_a_refusal_without_a_reason_is_repeated_where_it_has_one(self) -> None:
        async with stage(refusing(403), refusing(403, "InvalidAccessKeyId")) as s3:
            with pytest.raises(AccessDeniedException, match="health check failed: the access key is not known"):
                await s3.objects.head_bucket("docs", "health check")
        assert s3.lines == ["HEAD /docs", LISTING]

    async def test_where_it_may_be_listed_it_is_described_once_more(self) -> None:
        async with stage(refusing(401), xml("<ListBucketResult/>"), CannedResponse(200, OURS)) as s3:
            assert await s3.objects.head_bucket("docs", "open") == OURS

    @pytest.mark.parametrize(
        "answers",
        [
            [refusing(503)],
            [refusing(403), refusing(503)],
            [CannedResponse(200, FINE), refusing(503)],
        ],
    )
    async def test_a_failure_is_final_where_one_asks_once(self, answers: list[CannedResponse]) -> None:
        async with stage(*answers, perf=TWICE) as s3:
            with pytest.raises(StorageUnavailableException, match="health check failed"):
                await s3.objects.check_bucket("docs", "health check", once=True)

    async def test_and_another_attempt_is_made_elsewhere(self) -> None:
        async with stage(refusing(503), CannedResponse(200, OURS), perf=TWICE) as s3:
            await s3.objects.check_bucket("docs", "open")


class TestListing:
    PAGE = (
        "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated> True </IsTruncated>"
        "<EncodingType>url</EncodingType><NextContinuationToken>next</NextContinuationToken>"
        '<Contents><Key>a%2Bb+c</Key><Size> 7 </Size><ETag>"x"</ETag><StorageClass>GLACIER</StorageClass>'
        "<LastModified>2020-01-02T03:04:05Z</LastModified></Contents>"
        "<Contents><Key>d</Key><Size/></Contents></ListBucketResult>"
    )

    @pytest.mark.parametrize("front", ["", "<?xml version='1.0'?>", "\n \n<?xml version='1.0'?>\n"])
    async def test_a_page(self, front: str, limits: list[float]) -> None:
        async with stage(xml(front + self.PAGE)) as s3:
            page = await s3.objects.list_page("docs", "a b/", ListPosition(), 9)
        assert s3.lines == ["GET /docs?encoding-type=url&list-type=2&max-keys=9&prefix=a%20b%2F"]
        assert list(page.objects) == [
            ListedObject("a+b c", 7, "2020-01-02T03:04:05Z", '"x"', "GLACIER"),
            ListedObject("d", None, None, None, None),
        ]
        assert (page.token, page.truncated) == ("next", True)
        assert limits == [900], "the server may look for long"

    @pytest.mark.parametrize(
        ("position", "asked"),
        [
            (ListPosition(token="t/1"), "continuation-token=t%2F1&encoding-type=url&list-type=2&max-keys=9&prefix="),
            (ListPosition(after="k&1"), "encoding-type=url&list-type=2&max-keys=9&prefix=&start-after=k%261"),
        ],
    )
    async def test_a_later_page(self, position: ListPosition, asked: str) -> None:
        plain = "<ListBucketResult><Contents><Key>a%2Bb+c</Key></Contents></ListBucketResult>"
        async with stage(xml(plain)) as s3:
            page = await s3.objects.list_page("docs", "", position, 9)
        assert s3.lines == [f"GET /docs?{asked}"]
        assert page.objects[0].key == "a%2Bb+c", "encoded only where the server says so"
        assert (page.token, page.truncated) == (None, False)


class TestUnfinishedUploads:
    @staticmethod
    def rule(days: str, status: str = "Enabled") -> str:
        abort = f"<AbortIncompleteMultipartUpload><DaysAfterInitiation>{days}</DaysAfterInitiation>"
        return f"<Rule><Status>{status}</Status>{abort}</AbortIncompleteMultipartUpload></Rule>"

    @pytest.mark.parametrize(
        ("rules", "days"),
        [
            ([("7",), ("3",), ("9",)], 3),
            ([("1", "Disabled"), ("5",)], 5),
            ([("1", "Disabled")], None),
            ([("soon",)], None),
            ([], None),
        ],
    )
    async def test_are_removed_after_the_least_number_of_days(self, rules: list[tuple[str, ...]], days: int) -> None:
        document = "".join(self.rule(*rule) for rule in rules)
        async with stage(xml(f"<LifecycleConfiguration>{document}</LifecycleConfiguration>")) as s3:
            assert await s3.objects.days_of_unfinished_uploads("docs") == days
        assert s3.lines == ["GET /docs?lifecycle="]

    async def test_are_kept_where_there_is_no_rule(self) -> None:
        async with stage(refusing(404, "NoSuchLifecycleConfiguration"), refusing(403, "AccessDenied")) as s3:
            assert await s3.objects.days_of_unfinished_uploads("docs") is None
            with pytest.raises(AccessDeniedException):
                await s3.objects.days_of_unfinished_uploads("docs")

    async def test_are_not_known_where_nobody_answers(self) -> None:
        async with stage(Disconnected()) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.objects.days_of_unfinished_uploads("docs")


@pytest.mark.parametrize("body", ["<html/>", "<Foo/>", "not xml", "", "<AResult>"])
async def test_what_is_no_document_of_s3_is_a_failure_that_may_pass(body: str) -> None:
    async with stage(xml(body), xml("  \n<?xml version='1.0'?><ListBucketResult/>".strip()), perf=TWICE) as s3:
        page = await s3.objects.list_page("docs", "", ListPosition(), 9)
    assert not page.objects


@pytest.mark.parametrize("root", ["ListPartsResult", "ListResponse", "x:Tagging xmlns:x='y'", "AConfiguration"])
async def test_documents_of_other_servers_have_roots_like_these(root: str) -> None:
    body = f"<{root}><Contents xmlns='z'><Key>a</Key></Contents></{root.partition(' ')[0]}>"
    async with stage(xml(body)) as s3:
        page = await s3.objects.list_page("docs", "", ListPosition(), 9)
    assert [entry.key for entry in page.objects] == ["a"]


async def test_a_document_that_does_not_end_is_given_up() -> None:
    async with stage(
        CannedResponse(200, {}, b"<" + bytes(8 * 1024 * 1024), StorageOperationException("read on"))
    ) as s3:
        with pytest.raises(StorageUnavailableException, match="cannot be read"):
            await s3.objects.list_page("docs", "", ListPosition(), 9)


@pytest.mark.parametrize("namespace", ["", " xmlns='http://s3.amazonaws.com/doc/2006-03-01/'"])
async def test_a_document_that_refuses_is_the_refusal(namespace: str) -> None:
    async with stage(xml(f"<Error{namespace}><Code>AccessDenied</Code></Error>"), perf=TWICE) as s3:
        with pytest.raises(AccessDeniedException):
            await s3.objects.list_page("docs", "", ListPosition(), 9)

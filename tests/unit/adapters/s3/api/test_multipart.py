"""The requests around a multipart upload, and of copies."""

import re
from typing import ClassVar

import pytest

from s3py_helper.adapters.s3.api.copies import CopySource
from s3py_helper.adapters.s3.api.multipart import CreatedUpload, Part
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from tests.support.s3.canned import CannedResponse, refusing, stage, xml

pytestmark = [pytest.mark.timeout(10), pytest.mark.usefixtures("no_pauses")]

NAMESPACE = "xmlns='http://s3.amazonaws.com/doc/2006-03-01/'"
CREATED = f"<InitiateMultipartUploadResult {NAMESPACE}><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
COMPLETED = "<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>"
CHECKED = COMPLETED.replace("</ETag>", "</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32>")
TWICE = S3PerfConfig(max_retries=1)
SLOW = 900.0
"""Seconds for an attempt of a request that may keep the server busy."""


class TestCreating:
    @pytest.mark.parametrize(
        ("asked", "kind", "checks"),
        [(True, "FULL_OBJECT", True), (True, "COMPOSITE", False), (True, None, False), (False, None, False)],
    )
    async def test_one(self, asked: bool, kind: str | None, checks: bool) -> None:
        headers = {} if kind is None else {"x-amz-checksum-type": kind}
        async with stage(xml(CREATED, headers)) as s3:
            made = await s3.objects.multipart.create("docs", "a", {"content-type": "b/c"}, Outcome(), checksums=asked)
        assert made == CreatedUpload("u1", checks_whole=checks, repeated=False)
        assert s3.lines == ["POST /docs/a?uploads="]
        wish = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"} if asked else {}
        assert s3.sent[0].own_headers == {"content-type": "b/c", **wish}

    @pytest.mark.parametrize("first", [Disconnected(), xml("<AResult/>"), xml("<AResult><UploadId/></AResult>")])
    async def test_an_attempt_that_may_have_made_another_is_told(self, first: CannedResponse | Exception) -> None:
        outcome = Outcome()
        async with stage(first, xml(CREATED), perf=TWICE) as s3:
            made = await s3.objects.multipart.create("docs", "a", {}, outcome, checksums=False)
        assert made.repeated
        assert outcome.uncertain

    async def test_what_a_failure_may_have_made_is_noted(self) -> None:
        outcome = Outcome()
        async with stage(refusing(500)) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.objects.multipart.create("docs", "a", {}, outcome, checksums=False)
        assert outcome.uncertain


class TestCompleting:
    PARTS = (Part(1, '"p&1"', "CCCC"), Part(7, '"p7"'))

    async def test_one(self, limits: list[float]) -> None:
        async with stage(xml(CHECKED)) as s3:
            found = await s3.objects.multipart.complete(
                "docs", "a", "u 1", self.PARTS, Outcome(), crc32=1, conditions={"if-none-match": "*"}
            )
        assert found == ('"x-2"', "AAAAAA==")
        assert s3.lines == ["POST /docs/a?uploadId=u%201"]
        assert s3.sent[0].own_headers == {
            "content-type": "application/xml",
            "if-none-match": "*",
            "x-amz-checksum-crc32": "AAAAAQ==",
            "x-amz-checksum-type": "FULL_OBJECT",
        }
        assert re.sub(r"<CompleteMultipartUpload [^>]*>", "<...>", s3.sent[0].body.decode()) == (
            '<...><Part><ChecksumCRC32>CCCC</ChecksumCRC32><ETag>"p&amp;1"</ETag><PartNumber>1</PartNumber></Part>'
            '<Part><ETag>"p7"</ETag><PartNumber>7</PartNumber></Part></CompleteMultipartUpload>'
        )
        assert limits == [SLOW]

    async def test_without_a_checksum(self) -> None:
        async with stage(xml(COMPLETED)) as s3:
            found = await s3.objects.multipart.complete("docs", "a", "u", self.PARTS, Outcome(), crc32=None)
        assert found == ('"x-2"', None)
        assert s3.sent[0].own_headers == {"content-type": "application/xml"}

    async def test_a_response_without_a_tag_may_have_completed_it(self) -> None:
        outcome = Outcome()
        async with stage(xml("<CompleteMultipartUploadResult/>")) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.objects.multipart.complete("docs", "a", "u", self.PARTS, outcome, crc32=None)
        assert outcome.uncertain


class TestLookingAtOne:
    async def test_aborting(self) -> None:
        async with stage(
            CannedResponse(204), refusing(404, "NoSuchUpload"), refusing(500), CannedResponse(204), perf=TWICE
        ) as s3:
            await s3.objects.multipart.abort("docs", "a", "u")
            with pytest.raises(FileNotFoundException):
                await s3.objects.multipart.abort("docs", "a", "u")
            await s3.objects.multipart.abort("docs", "a", "u")
        assert s3.lines == ["DELETE /docs/a?uploadId=u"] * 4

    async def test_whether_it_is_there(self) -> None:
        async with stage(xml("<ListPartsResult/>"), refusing(404, "NoSuchUpload")) as s3:
            await s3.objects.multipart.require("docs", "a", "u")
            with pytest.raises(FileNotFoundException):
                await s3.objects.multipart.require("docs", "a", "u")
        assert s3.lines == ["GET /docs/a?max-parts=1&uploadId=u"] * 2

    @staticmethod
    def page(numbers: list[int], *, more: str = "", following: str = "") -> CannedResponse:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><Size>{number}0</Size><ETag>e{number}</ETag></Part>"
            for number in numbers
        )
        marker = f"<IsTruncated>{more}</IsTruncated><NextPartNumberMarker>{following}</NextPartNumberMarker>"
        return xml(f"<ListPartsResult {NAMESPACE}>{parts}{marker}</ListPartsResult>")

    async def test_all_of_its_parts(self) -> None:
        async with stage(
            self.page([1, 2], more=" True\n", following="2"), self.page([3], more="false", following="3")
        ) as s3:
            found = await s3.objects.multipart.parts("docs", "a", "u")
        assert found == [(Part(number, f'"e{number}"'), number * 10) for number in (1, 2, 3)]
        assert s3.lines == [f"GET /docs/a?part-number-marker={marker}&uploadId=u" for marker in (0, 2)]

    @pytest.mark.parametrize("following", ["2", "1", "0", "", "two"])
    async def test_pages_that_do_not_go_on_are_the_last(self, following: str) -> None:
        async with stage(
            self.page([1, 2], more="true", following="2"), self.page([3], more="true", following=following)
        ) as s3:
            found = await s3.objects.multipart.parts("docs", "a", "u")
        assert [part.number for part, _ in found] == [1, 2, 3]

    @pytest.mark.parametrize(
        "odd", ["<PartNumber>x</PartNumber><Size>1</Size>", "<PartNumber>1</PartNumber><Size>-1</Size>", ""]
    )
    async def test_an_entry_that_makes_no_sense_is_none(self, odd: str) -> None:
        async with stage(xml(f"<ListPartsResult><Part>{odd}<ETag>e</ETag></Part></ListPartsResult>")) as s3:
            assert await s3.objects.multipart.parts("docs", "a", "u") == []


class TestFindingThem:
    @staticmethod
    def page(*uploads: str, more: str = "true", key: str = "", marker: str = "") -> CannedResponse:
        entries = "".join(f"<Upload><Key>{name}</Key><UploadId>of-{name}</UploadId></Upload>" for name in uploads)
        end = f"<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{marker}</NextUploadIdMarker>"
        return xml(f"<ListResult {NAMESPACE}>{entries}<IsTruncated>{more}</IsTruncated>{end}</ListResult>")

    async def test_all_of_them(self) -> None:
        pages = self.page("a", "a.bak", key="a.bak", marker="of/1"), self.page("ab", more="false", key="ab")
        async with stage(*pages) as s3:
            found = await s3.objects.multipart.uploads("docs", "a")
        assert found == [("a", "of-a"), ("a.bak", "of-a.bak"), ("ab", "of-ab")]
        assert s3.lines == [
            "GET /docs?prefix=a&uploads=",
            "GET /docs?key-marker=a.bak&prefix=a&upload-id-marker=of%2F1&uploads=",
        ]

    async def test_those_of_one_object(self) -> None:
        async with stage(self.page("a", "a.bak", more="false")) as s3:
            assert await s3.objects.multipart.ids_of("docs", "a") == ["of-a"]

    @pytest.mark.parametrize("key", ["", "a"])
    async def test_pages_that_do_not_go_on_are_the_last(self, key: str) -> None:
        pages = self.page("a", key="a", marker="1"), self.page("b", key=key, marker="1")
        async with stage(*pages) as s3:
            assert len(await s3.objects.multipart.uploads("docs", "")) == 2

    async def test_many_uploads_of_one_key_are_several_pages(self) -> None:
        pages = self.page("a", key="a", marker="1"), self.page("a", key="a", marker="2"), self.page("b", more="false")
        async with stage(*pages) as s3:
            assert len(await s3.objects.multipart.uploads("docs", "")) == 3


class TestCopying:
    SOURCE = CopySource("from", "a b/é", '"old"')
    RESULT = f"<CopyObjectResult {NAMESPACE}><ETag>new</ETag></CopyObjectResult>"
    NAMED: ClassVar = {"x-amz-copy-source": "from/a%20b/%C3%A9", "x-amz-copy-source-if-match": '"old"'}

    async def test_at_once(self, limits: list[float]) -> None:
        async with stage(xml(self.RESULT)) as s3:
            etag = await s3.objects.copies.copy_object(self.SOURCE, "docs", "c", {"content-type": "a/b"}, Outcome())
        assert etag == '"new"'
        assert s3.lines == ["PUT /docs/c"]
        assert s3.sent[0].own_headers == {
            "content-type": "a/b",
            "x-amz-metadata-directive": "REPLACE",
            **self.NAMED,
        }
        assert limits == [SLOW]

    async def test_a_part(self, limits: list[float]) -> None:
        async with stage(xml(self.RESULT)) as s3:
            etag = await s3.objects.copies.copy_part(self.SOURCE, Span(5, 12), "docs", "c", "u", 3)
        assert etag == '"new"'
        assert s3.lines == ["PUT /docs/c?partNumber=3&uploadId=u"]
        assert s3.sent[0].own_headers == {"x-amz-copy-source-range": "bytes=5-11", **self.NAMED}
        assert limits == [SLOW]

    async def test_a_source_without_a_tag(self) -> None:
        async with stage(xml(self.RESULT)) as s3:
            await s3.objects.copies.copy_object(CopySource("from", "a", None), "docs", "c", {}, Outcome())
        assert s3.sent[0].own_headers == {"x-amz-metadata-directive": "REPLACE", "x-amz-copy-source": "from/a"}

    async def test_a_response_without_a_tag_may_have_made_one(self) -> None:
        outcome = Outcome()
        async with stage(xml("<CopyObjectResult/>")) as s3:
            with pytest.raises(StorageUnavailableException):
                await s3.objects.copies.copy_object(self.SOURCE, "docs", "c", {}, outcome)
        assert outcome.uncertain

    async def test_tags(self) -> None:
        tags = "<Tag><Key>a b</Key><Value>c&amp;d</Value></Tag><Tag><Key>e/f</Key><Value/></Tag>"
        async with stage(xml(f"<Tagging {NAMESPACE}><TagSet>{tags}</TagSet></Tagging>")) as s3:
            assert await s3.objects.copies.tags(self.SOURCE) == "a%20b=c%26d&e%2Ff="
        assert s3.lines == ["GET /from/a%20b/%C3%A9?tagging="]

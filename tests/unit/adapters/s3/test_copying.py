"""What a copy within S3 asks for, at once or in parts, and what it leaves when it fails."""

import asyncio

import pytest

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.s3.canned import CannedResponse, open_stage, refusing, xml
from tests.support.s3.object_responses import completed, created, head
from tests.support.s3.written import BLOB, DESCRIBED, GONE, LARGE, LOOKS, MIB, PARTS, SMALL

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]
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

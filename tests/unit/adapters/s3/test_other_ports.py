"""Listing, links, the target of a migration, examination and making buckets: every request and what is made of it."""

import base64
import datetime as dt
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from s3py_helper.adapters.s3 import buckets as buckets_module
from s3py_helper.adapters.s3 import listing as listing_module
from s3py_helper.adapters.s3 import mount as mount_module
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.buckets import create_missing_buckets
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.examination import S3Examination
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.http.client import HttpClient
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.adapters.s3.mount import mounted
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload_memory import UploadMemory
from s3py_helper.application.ports.examined import Verdict
from s3py_helper.application.ports.migration_target import NewObject, PartDone, TargetAbilities, TargetObject
from s3py_helper.application.ports.observer import ConnectionReplaced, PoolWaited
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of
from tests.support.recorder import Recorder
from tests.support.s3.canned import CannedResponse, OpenStage, open_stage, refusing, xml

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]

FILE_ID = FileId(Backend.S3, "docs", "a b")
MINUTE = dt.timedelta(minutes=1)
CONTENT = b"12345"
GONE = CannedResponse(204)


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()


def page(*keys: str, more: bool = False, token: str | None = None) -> CannedResponse:
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>5</Size><ETag>x</ETag><StorageClass>GLACIER</StorageClass>"
        "<LastModified>2020-01-02T03:04:05Z</LastModified></Contents>"
        for key in keys
    )
    told = "" if token is None else f"<NextContinuationToken>{token}</NextContinuationToken>"
    return xml(f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{told}{entries}</ListBucketResult>")


class TestListing:
    @staticmethod
    async def listed(s3: OpenStage, prefix: str = "", **more: str) -> list[str]:
        async with S3Listing(s3.session, page_size=9).list(prefix, **more) as blobs:
            return [blob.file_id.key async for blob in blobs]

    async def test_an_entry(self) -> None:
        async with open_stage(page("a")) as s3, S3Listing(s3.session).list() as blobs:
            [blob] = [blob async for blob in blobs]
        assert blob == BlobInfo(
            file_id=FileId(Backend.S3, "docs", "a"),
            size=5,
            last_modified=dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
            etag='"x"',
            storage_class="GLACIER",
        )
        assert s3.lines == ["GET /docs?encoding-type=url&list-type=2&max-keys=1000&prefix="]

    async def test_an_entry_that_tells_little(self) -> None:
        entry = xml("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>")
        described = CannedResponse(200, {"etag": '"x"', "content-length": "7"})
        async with open_stage(entry, described) as s3, S3Listing(s3.session).list() as blobs:
            [blob] = [blob async for blob in blobs]
        assert blob == BlobInfo(file_id=FileId(Backend.S3, "docs", "a"), size=7)
        assert s3.lines[1] == "HEAD /docs/a"

    async def test_one_that_is_gone_when_its_size_is_asked_for_is_left_out(self) -> None:
        entry = "<Contents><Key>{}</Key>{}</Contents>"
        listed = xml(
            f"<ListBucketResult>{entry.format('a', '')}{entry.format('b', '<Size>1</Size>')}</ListBucketResult>"
        )
        async with open_stage(listed, refusing(404), CannedResponse(200)) as s3:
            assert await self.listed(s3) == ["b"]

    async def test_page_after_page(self) -> None:
        pages = page("d/a", more=True, token="t"), page("d/b", "d/c", more=True), page("d/d")
        async with open_stage(*pages) as s3:
            assert await self.listed(s3, "d/", bucket="others", after="d/0") == ["d/a", "d/b", "d/c", "d/d"]
        front = "GET /others?"
        asked = "encoding-type=url&list-type=2&max-keys=9&prefix=d%2F"
        assert s3.lines == [
            f"{front}{asked}&start-after=d%2F0",
            f"{front}continuation-token=t&{asked}",
            f"{front}{asked}&start-after=d%2Fc",
        ]

    async def test_a_token_without_more_ends_it(self) -> None:
        async with open_stage(page("a", token="t")) as s3:
            assert await self.listed(s3) == ["a"]

    async def test_what_the_prefix_does_not_fit_and_no_id_can_name_is_left_out(self) -> None:
        async with open_stage(page("c/a", "d/../b", "d/a", "e/a", "d", "x/d/a", "d/b")) as s3:
            assert await self.listed(s3, "d/") == ["d/a", "d/b"]

    @pytest.mark.parametrize("empty", [3, 4])
    async def test_pages_without_anything_are_borne_for_a_while(
        self, monkeypatch: pytest.MonkeyPatch, empty: int
    ) -> None:
        monkeypatch.setattr(listing_module, "_EMPTY_PAGES", 3)
        nothing = [page(more=True, token=str(number)) for number in range(2 * empty)]
        pages = [page("a", more=True, token="a"), *nothing[:empty]]
        if empty > 3:
            async with open_stage(*pages) as s3:
                with pytest.raises(
                    StorageOperationException, match=r"does not go on.*127\.0\.0\.1:9000, bucket 'docs'"
                ):
                    await self.listed(s3)
            return
        async with open_stage(*pages, page("b", more=True, token="b"), *nothing[empty:], page("c")) as s3:
            assert await self.listed(s3) == ["a", "b", "c"]

    @pytest.mark.parametrize("before", [0, 4])
    @pytest.mark.parametrize("circle", [1, 2, 3, 5])
    async def test_circles_are_noticed_before_long(self, circle: int, before: int) -> None:
        async with open_stage(whenever={"GET": page("a", more=True, token="t")}) as s3:
            tokens = iter([*(f"before-{number}" for number in range(before)), *(n % circle for n in range(1000))])
            real = s3.client.send

            async def send(*arguments: object) -> object:
                s3.client.turn({"GET": page("a", more=True, token=str(next(tokens)))})
                return await real(*arguments)  # type: ignore[arg-type]  # as given

            s3.client.send = send  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            with pytest.raises(StorageOperationException, match="does not go on"):
                await self.listed(s3)
        assert len(s3.sent) <= 4 * (before + circle) + 1

    @pytest.mark.parametrize("before", [[], [page("a", more=True, token="t")]])
    async def test_nothing_more_without_anywhere_to_go_on(self, before: list[CannedResponse]) -> None:
        async with open_stage(*before, page(more=True)) as s3:
            with pytest.raises(StorageOperationException, match="does not go on") as raised:
                await self.listed(s3)
        assert (raised.value.operation, raised.value.backend) == ("list", "s3")


class TestLinks:
    async def test_for_a_download(self) -> None:
        async with open_stage() as s3:
            links = S3PresignedUrls(s3.session)
            plain = await links.download_url(FILE_ID, MINUTE)
            named = await links.download_url(FILE_ID, MINUTE, file_name="é.txt", content_type="a/b", inline=True)
        for link in (plain, named):
            assert link.startswith("http://127.0.0.1:9000/docs/a%20b?")
            assert dict(parse_qsl(urlsplit(link).query))["X-Amz-Expires"] == "60"
            assert dict(parse_qsl(urlsplit(link).query))["X-Amz-SignedHeaders"] == "host"
        assert self.responses(plain) == {"response-content-disposition": "attachment"}
        asked = self.responses(named)
        assert asked.pop("response-content-type") == "a/b"
        assert asked.pop("response-content-disposition").startswith("inline; filename")
        assert not asked

    @staticmethod
    def responses(link: str) -> dict[str, str]:
        return {name: text for name, text in parse_qsl(urlsplit(link).query) if name.startswith("response")}

    @pytest.mark.parametrize("size", [None, 0, 5])
    async def test_for_an_upload(self, size: int | None) -> None:
        blob = NewBlob("c", "c d.txt", bucket="others", content_type="a/b", size=size, metadata={"by": "ada"})
        async with open_stage() as s3:
            link = await S3PresignedUrls(s3.session).upload_url(blob, MINUTE)
        assert link.file_id == "s3:others/c"
        told = {} if size is None else {"content-length": str(size)}
        described = {"content-type": "a/b", "x-amz-meta---real-file-name--": "c%20d.txt", "x-amz-meta-by": "ada"}
        assert link.headers == {**described, **told}
        signed = dict(parse_qsl(urlsplit(link.url).query))["X-Amz-SignedHeaders"].split(";")
        assert signed == sorted([*link.headers, "host"])
        assert link.url.startswith("http://127.0.0.1:9000/others/c?")

    @pytest.mark.parametrize("seconds", [0.9, 0, -1, 7 * 86400 + 1])
    async def test_for_a_time_that_s3_allows(self, seconds: float) -> None:
        async with open_stage() as s3:
            links = S3PresignedUrls(s3.session)
            for allowed in (1, 7 * 86400):
                await links.download_url(FILE_ID, dt.timedelta(seconds=allowed))
            with pytest.raises(InvalidArgumentException, match="1 second to 7 days") as refused:
                await links.download_url(FILE_ID, dt.timedelta(seconds=seconds))
        assert (refused.value.operation, refused.value.backend) == ("link", "s3")

    async def test_for_the_bucket_that_is_the_default(self) -> None:
        async with open_stage() as s3:
            link = await S3PresignedUrls(s3.session).upload_url(NewBlob("c", "c"), MINUTE)
        assert link.file_id == "s3:docs/c"
        assert link.url.startswith("http://127.0.0.1:9000/docs/c?")


NEW = NewObject("m/a", 5, zlib.crc32(CONTENT), "text/plain", "a.txt", {"by": "ada"})
DESCRIBED = {"content-type": "text/plain", "x-amz-meta---real-file-name--": "a.txt", "x-amz-meta-by": "ada"}


def created(*, checks: bool = True) -> CannedResponse:
    kind = {"x-amz-checksum-type": "FULL_OBJECT"} if checks else {}
    return xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>", kind)


def completed(content: bytes | None = None) -> CannedResponse:
    told = "" if content is None else f"<ChecksumCRC32>{crc32(content)}</ChecksumCRC32>"
    return xml(f"<CompleteMultipartUploadResult><ETag>x-2</ETag>{told}</CompleteMultipartUploadResult>")


def stored(content: bytes | None = CONTENT, **more: str) -> CannedResponse:
    told = {} if content is None else {"x-amz-checksum-crc32": crc32(content)}
    return CannedResponse(200, {"etag": '"x"', **told, **more})


class TestMigrationTarget:
    @pytest.mark.parametrize(
        ("replaces", "condition"), [(None, {"if-none-match": "*"}), ('"old"', {"if-match": '"old"'})]
    )
    @pytest.mark.parametrize("content", [CONTENT, body_of(CONTENT)], ids=["bytes", "body"])
    async def test_an_object_is_stored_on_a_condition(
        self, replaces: str | None, condition: Mapping[str, str], content: object
    ) -> None:
        new = NewObject("m/a", 5, None, None, None, {}, replaces)
        given = CONTENT if isinstance(content, bytes) else body_of(CONTENT)
        async with open_stage(stored()) as s3:
            there = await S3MigrationTarget(s3.session, "others").put(new, given)
        assert there == TargetObject("m/a", 5, '"x"', zlib.crc32(CONTENT), None, None, {})
        assert s3.lines == ["PUT /others/m/a"]
        assert s3.sent[0].own_headers == {
            "content-type": "application/octet-stream",
            "x-amz-checksum-crc32": crc32(CONTENT),
            **condition,
        }
        assert s3.sent[0].body == CONTENT

    @pytest.mark.parametrize("crc32", [None, NEW.crc32], ids=["no sum", "its sum"])
    @pytest.mark.parametrize("wrong", [b"1234", b"123456"])
    async def test_neither_fewer_nor_more_bytes_are_sent(self, wrong: bytes, crc32: int | None) -> None:
        async with open_stage() as s3:
            with pytest.raises(IntegrityException, match=f"the source gave {len(wrong)} bytes, not 5"):
                await S3MigrationTarget(s3.session, "docs").put(replace(NEW, crc32=crc32), wrong)

    async def test_nor_other_bytes(self) -> None:
        async with open_stage(stored()) as s3:
            target = S3MigrationTarget(s3.session, "docs")
            with pytest.raises(IntegrityException, match=r"with the CRC-32 \w+, not cbf53a1c"):
                await target.put(NEW, b"12346")
            assert (await target.put(NEW, CONTENT)).crc32 == NEW.crc32

    @pytest.mark.parametrize(
        ("checks", "confirmed", "compared"), [(True, CONTENT, True), (True, None, True), (False, b"of parts", False)]
    )
    async def test_a_large_one_goes_in_parts(self, checks: bool, confirmed: bytes | None, compared: bool) -> None:
        async with open_stage(created(checks=checks), stored(), completed(confirmed)) as s3:
            target = S3MigrationTarget(s3.session, "others")
            upload_id = await target.begin(NEW)
            part = await target.send_part("m/a", upload_id, 3, body_of(CONTENT, size=5))
            there = await target.complete(NEW, upload_id, [part])
        assert part == PartDone(3, 5, '"x"')
        assert there == TargetObject("m/a", 5, '"x-2"', NEW.crc32, "text/plain", "a.txt", {"by": "ada"})
        assert s3.lines == [
            "POST /others/m/a?uploads=",
            "PUT /others/m/a?partNumber=3&uploadId=u",
            "POST /others/m/a?uploadId=u",
        ]
        asked = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}
        assert s3.sent[0].own_headers == {**DESCRIBED, **asked}
        whole = {"x-amz-checksum-crc32": crc32(CONTENT), "x-amz-checksum-type": "FULL_OBJECT"} if compared else {}
        assert s3.sent[2].own_headers == {"content-type": "application/xml", "if-none-match": "*", **whole}
        assert b"<PartNumber>3</PartNumber>" in s3.sent[2].body

    async def test_one_that_another_process_began_is_compared_as_well(self) -> None:
        async with open_stage(completed(CONTENT), completed(b"other")) as s3:
            target = S3MigrationTarget(s3.session, "docs")
            await target.complete(NEW, "u", [PartDone(1, 5, '"p"')])
            with pytest.raises(IntegrityException, match="m/a"):
                await target.complete(NEW, "u", [PartDone(1, 5, '"p"')])
        assert s3.sent[0].headers["x-amz-checksum-crc32"] == crc32(CONTENT)

    async def test_what_is_known_of_an_upload_outlasts_a_failure(self) -> None:
        async with open_stage(created(checks=False), refusing(503), completed()) as s3:
            target = S3MigrationTarget(s3.session, "docs")
            upload_id = await target.begin(NEW)
            with pytest.raises(StorageUnavailableException):
                await target.complete(NEW, upload_id, [PartDone(1, 5, '"p"')])
            await target.complete(NEW, upload_id, [PartDone(1, 5, '"p"')])
        assert not [name for sent in s3.sent[1:] for name in sent.headers if "checksum" in name]

    @pytest.mark.parametrize("aborts", [False, True])
    async def test_what_is_known_of_an_upload_is_forgotten_with_it(self, aborts: bool) -> None:
        end = GONE if aborts else completed()
        async with open_stage(created(checks=False), end, completed()) as s3:
            target = S3MigrationTarget(s3.session, "docs")
            upload_id = await target.begin(NEW)
            if aborts:
                await target.abort("m/a", upload_id)
            else:
                await target.complete(NEW, upload_id, [PartDone(1, 5, '"p"')])
            await target.complete(NEW, upload_id, [PartDone(1, 5, '"p"')])
        assert s3.sent[-1].headers["x-amz-checksum-crc32"] == crc32(CONTENT), "as for one of another process"

    async def test_without_a_known_sum_none_is_asked_for(self) -> None:
        new = NewObject("m/a", 5, None, "text/plain", "a.txt")
        async with open_stage(created(checks=False), completed(b"any")) as s3:
            target = S3MigrationTarget(s3.session, "docs")
            await target.complete(new, await target.begin(new), [PartDone(1, 5, '"p"')])
        assert not [name for sent in s3.sent for name in sent.headers if "checksum" in name]

    async def test_nor_where_checksums_are_off(self) -> None:
        async with open_stage(created(), checksum="off") as s3:
            await S3MigrationTarget(s3.session, "docs").begin(NEW)
        assert s3.sent[0].own_headers == DESCRIBED

    async def test_a_part_may_be_of_unknown_size(self) -> None:
        async with open_stage(stored()) as s3:
            part = await S3MigrationTarget(s3.session, "docs").send_part("m/a", "u", 1, body_of(CONTENT))
        assert part == PartDone(1, 5, '"x"')

    async def test_what_is_there_is_told(self) -> None:
        headers = {
            **DESCRIBED,
            "content-length": "5",
            "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
        }
        async with open_stage(stored(CONTENT, **headers), refusing(404), CannedResponse(200)) as s3:
            target = S3MigrationTarget(s3.session, "others")
            assert await target.head("m/a") == TargetObject(
                "m/a", 5, '"x"', NEW.crc32, "text/plain", "a.txt", {"by": "ada"}, 1445412480
            )
            assert await target.head("m/a") is None
        assert s3.lines[0] == "HEAD /others/m/a"

    async def test_parts_and_uploads(self) -> None:
        parts = "<ListPartsResult><Part><PartNumber>2</PartNumber><Size>7</Size><ETag>p</ETag></Part></ListPartsResult>"
        uploads = "<R><Upload><Key>m/a</Key><UploadId>u</UploadId></Upload></R>".replace("R>", "ListResult>")
        async with open_stage(xml(parts), xml(uploads), GONE, refusing(404, "NoSuchUpload"), refusing(403)) as s3:
            target = S3MigrationTarget(s3.session, "others")
            assert await target.parts("m/a", "u") == [PartDone(2, 7, '"p"')]
            assert await target.uploads("m/") == [("m/a", "u")]
            await target.abort("m/a", "u")
            await target.abort("m/a", "u")
            with pytest.raises(AccessDeniedException):
                await target.abort("m/a", "u")
        assert s3.lines[1:3] == ["GET /others?prefix=m%2F&uploads=", "DELETE /others/m/a?uploadId=u"]

    async def test_reading_listing_and_deleting(self) -> None:
        body = CannedResponse(200, {"etag": '"x"', "content-length": "5"}, CONTENT)
        async with open_stage(body, page("m/a"), GONE) as s3:
            target = S3MigrationTarget(s3.session, "others")
            async with target.open("m/a") as chunks:
                assert b"".join([chunk async for chunk in chunks]) == CONTENT
            async with target.list("m/") as objects:
                assert [(found.key, found.size, found.etag) async for found in objects] == [("m/a", 5, '"x"')]
            await target.delete("m/a")
        assert [line.split("?")[0] for line in s3.lines] == ["GET /others/m/a", "GET /others", "DELETE /others/m/a"]


PROBED = b"s3py-helper looks what this server can do"


class TestProbing:
    """Missing at first, a wrong sum, a right one, the object, an overwrite, and an upload in parts."""

    @staticmethod
    def answers(**other: CannedResponse) -> list[CannedResponse]:
        usual = {
            "missing": refusing(404, "NoSuchKey"),
            "bucket": CannedResponse(200),
            "wrong": refusing(400, "BadDigest"),
            "right": stored(PROBED),
            "there": stored(PROBED, **{"content-length": str(len(PROBED))}),
            "again": refusing(412, "PreconditionFailed"),
            "removed": GONE,
            "begun": created(),
            "aborted": GONE,
            "tidied": GONE,
        }
        return [answer for answer in (usual | other).values() if answer.status != 999]

    @pytest.mark.parametrize(
        ("other", "lacks"),
        [
            ({}, set[str]()),
            ({"missing": refusing(403, "AccessDenied"), "bucket": CannedResponse(999)}, {"shows_missing"}),
            ({"wrong": CannedResponse(200, {"etag": '"x"'})}, {"checks_crc32"}),
            ({"there": stored(None, **{"content-length": "5"})}, {"checks_crc32", "checks_whole"}),
            ({"there": refusing(404, "NoSuchKey")}, {"checks_crc32", "checks_whole"}),
            ({"again": stored(PROBED)}, {"refuses_overwriting"}),
            ({"begun": created(checks=False)}, {"checks_whole"}),
        ],
        ids=["all", "missing", "sum", "states", "late", "overwriting", "whole"],
    )
    async def test_each_ability_by_itself(self, other: dict[str, CannedResponse], lacks: set[str]) -> None:
        async with open_stage(*self.answers(**other)) as s3:
            found = await S3MigrationTarget(s3.session, "docs").probe("m/")
        expected = {
            name: name not in lacks
            for name in ("checks_crc32", "checks_whole", "refuses_overwriting", "shows_missing", "writable")
        }
        assert found == TargetAbilities(**expected, md5_etags=False)
        wrong, right, again = [sent for sent in s3.sent if sent.method == "PUT"]
        assert wrong.headers["x-amz-checksum-crc32"] != right.headers["x-amz-checksum-crc32"] == crc32(PROBED)
        assert "if-none-match" not in wrong.headers
        assert again.headers["if-none-match"] == "*"
        assert s3.lines[-1].startswith("DELETE /docs/m/s3py-probe-")

    @pytest.mark.parametrize("quotes", ['"', ""])
    async def test_a_tag_that_is_the_md5_of_the_content(self, quotes: str) -> None:
        etag = f"{quotes}{hashlib.md5(PROBED, usedforsecurity=False).hexdigest()}{quotes}"
        async with open_stage(*self.answers(right=CannedResponse(200, {"etag": etag}))) as s3:
            assert (await S3MigrationTarget(s3.session, "docs").probe("m/")).md5_etags

    async def test_keys_that_may_not_write(self) -> None:
        refused = refusing(403, "AccessDenied")
        async with open_stage(*self.answers()[:2], refused, refused) as s3:
            found = await S3MigrationTarget(s3.session, "docs").probe("m/")
        assert found == TargetAbilities(
            checks_crc32=False,
            checks_whole=False,
            refuses_overwriting=False,
            shows_missing=True,
            md5_etags=False,
            writable=False,
        )

    async def test_a_service_that_is_down_is_not_asked_further(self) -> None:
        async with open_stage(refusing(503)) as s3:
            with pytest.raises(StorageUnavailableException):
                await S3MigrationTarget(s3.session, "docs").probe("m/")

    async def test_a_failure_is_raised_and_nothing_left(self) -> None:
        async with open_stage(*self.answers()[:3], refusing(503), GONE) as s3:
            with pytest.raises(StorageUnavailableException):
                await S3MigrationTarget(s3.session, "docs").probe("m/")
        assert s3.lines[-1].startswith("DELETE /docs/m/s3py-probe-")

    @pytest.mark.parametrize("end", [refusing(403, "AccessDenied"), refusing(503)])
    async def test_nor_hidden_by_what_cannot_be_tidied(self, end: CannedResponse) -> None:
        async with open_stage(*self.answers()[:3], refusing(400, "Odd"), end) as s3:
            with pytest.raises(StorageOperationException, match="Odd"):
                await S3MigrationTarget(s3.session, "docs").probe("m/")


class TestBuckets:
    OURS = CannedResponse(200, {"x-amz-request-id": "1"})

    async def test_those_that_are_there_are_not_made(self) -> None:
        async with open_stage(self.OURS, self.OURS, buckets=("more",)) as s3:
            await create_missing_buckets(s3.session)
        assert s3.lines == ["HEAD /docs", "HEAD /more"]

    @pytest.mark.parametrize(
        ("region", "more"),
        [("us-east-1", {}), ("eu", {"CreateBucketConfiguration": {"LocationConstraint": "eu"}})],
    )
    @pytest.mark.parametrize("code", [None, "BucketAlreadyOwnedByYou", "BucketAlreadyExists", "AccessDenied"])
    async def test_a_missing_one_is_made_where_its_region_is(
        self, monkeypatch: pytest.MonkeyPatch, region: str, more: dict[str, object], code: str | None
    ) -> None:
        calls: list[tuple[tuple[str, ...], dict[str, object]]] = []

        class Sdk:
            async def call(self, *names: str, **parameters: object) -> None:
                calls.append((names, parameters))
                if code is not None:
                    raise AccessDeniedException("no", operation="create bucket") from ErrorResponse(409, code)

        async def sdk(_session: S3Session) -> Sdk:
            return Sdk()

        monkeypatch.setattr(S3Session, "sdk", sdk)
        looks = [] if code == "AccessDenied" else [self.OURS]
        async with open_stage(refusing(404), *looks, region=region) as s3:
            if code == "AccessDenied":
                with pytest.raises(AccessDeniedException):
                    await create_missing_buckets(s3.session)
            else:
                await create_missing_buckets(s3.session)
        assert calls == [(("create_bucket", "create bucket"), {"Bucket": "docs", **more})]

    @pytest.mark.parametrize(("missing", "is_made"), [(5, True), (6, False)])
    async def test_one_that_was_made_may_take_a_moment(
        self, monkeypatch: pytest.MonkeyPatch, missing: int, *, is_made: bool
    ) -> None:
        pauses: list[int] = []

        def pause_before(look: int) -> float:
            pauses.append(look)
            return 0.0

        async def made(_session: S3Session, _bucket: str) -> None:
            pass

        monkeypatch.setattr(buckets_module, "pause_before", pause_before)
        monkeypatch.setattr(buckets_module, "_create", made)
        there = [self.OURS] if is_made else []
        async with open_stage(refusing(404), *[refusing(404)] * missing, *there) as s3:
            if is_made:
                await create_missing_buckets(s3.session)
            else:
                with pytest.raises(BucketNotFoundException):
                    await create_missing_buckets(s3.session)
        assert pauses == [0, 1, 2, 3, 4]

    async def test_other_failures_make_nothing(self) -> None:
        async with open_stage(refusing(403, "AccessDenied")) as s3:
            with pytest.raises(AccessDeniedException):
                await create_missing_buckets(s3.session)

    async def test_the_health_check_asks_once_for_the_default_bucket(self) -> None:
        perf = S3PerfConfig(max_retries=5)
        async with open_stage(self.OURS, refusing(503), perf=perf) as s3:
            await S3Health(s3.session).check()
            with pytest.raises(StorageUnavailableException, match="health check failed"):
                await S3Health(s3.session).check()
        assert s3.lines == ["HEAD /docs", "HEAD /docs"]


class TestSession:
    async def test_every_setting_goes_where_it_belongs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: dict[str, Any] = {}
        dialer, client, memory = Dialer.__init__, HttpClient.__init__, UploadMemory.__init__

        def noting(real: Callable[..., None]) -> Callable[..., None]:
            def note(made: object, *arguments: object, **named: object) -> None:
                given.update(named)
                given[type(made).__name__] = [it for it in arguments if isinstance(it, int | str)]
                real(made, *arguments, **named)

            return note

        monkeypatch.setattr(Dialer, "__init__", noting(dialer))
        monkeypatch.setattr(HttpClient, "__init__", noting(client))
        monkeypatch.setattr(UploadMemory, "__init__", noting(memory))
        perf = S3PerfConfig(
            connect_timeout=1,
            read_timeout=2,
            operation_timeout=6,
            pool_timeout=4,
            max_pool_connections=5,
            upload_memory=7_000_000,
        )
        config = S3Config(
            endpoint="http://127.0.0.1:9",
            access_key_id="a",
            secret_access_key="b",
            proxy="http://127.0.0.1:1",
            perf=perf,
        )
        recorder = Recorder()
        async with S3Session(config, recorder):
            given["on_waited"]("http://127.0.0.1:9", 0.5)
            given["on_replaced"]("http://b.127.0.0.1:9", "it was closed")
        assert recorder.events == [
            PoolWaited("s3", "127.0.0.1:9", 0.5),
            ConnectionReplaced("s3", "b.127.0.0.1:9", "it was closed"),
        ]
        named = {name: value for name, value in given.items() if name.endswith("timeout")}
        assert named == {"connect_timeout": 1, "read_timeout": 2, "stall_timeout": 3, "pool_timeout": 4}
        positional = [given[name] for name in ("Dialer", "HttpClient", "UploadMemory")]
        assert positional == [["http://127.0.0.1:1"], [5], [7_000_000]]

    async def test_its_pool_is_told(self) -> None:
        async with open_stage(perf=S3PerfConfig(max_pool_connections=7)) as s3:
            backend = mounted(s3.session)
            assert backend.pool_use is not None
            assert backend.pool_use() == PoolUse(0, 7)
            place = s3.client.take_place(Hold.BRIEF)
            assert backend.pool_use() == PoolUse(1, 7)
            assert place is not None
            place.release()
        assert backend.pool_use() == PoolUse(0, 7)

    async def test_all_ports_are_mounted_on_it(self) -> None:
        there = CannedResponse(200, {"etag": '"x"', "content-length": "5000"}, bytes(5000))
        async with open_stage(CannedResponse(200, {"etag": '"x"'}), there, stored()) as s3:
            backend = mounted(s3.session, default_bucket="mine", perf=S3PerfConfig(download_chunk_size=4096))
            await backend.store.write(NewBlob("a", "a"), body_of(CONTENT))
            async with backend.store.open(FILE_ID) as blob:
                assert [len(chunk) async for chunk in blob.body] == [4096, 904]
            assert backend.migration_target is not None
            await backend.migration_target("others").put(NEW, CONTENT)
        assert s3.lines == ["PUT /mine/a", "GET /docs/a%20b", "PUT /others/m/a"]
        assert [type(port) for port in (backend.health, backend.presigning, backend.listing, backend.copying)] == [
            S3Health,
            S3PresignedUrls,
            S3Listing,
            S3Copy,
        ]
        assert [type(port) for port in (backend.naming, backend.examination)] == [S3NamedWrites, S3Examination]

    @pytest.mark.parametrize("missing", [False, True])
    async def test_buckets_are_made_at_its_beginning_where_that_is_wanted(
        self, monkeypatch: pytest.MonkeyPatch, *, missing: bool
    ) -> None:
        asked: list[tuple[str, object]] = []

        async def create(session: S3Session) -> None:
            asked.append((session.objects.endpoint.url, session.observer))

        monkeypatch.setattr(mount_module, "create_missing_buckets", create)
        config = S3Config(
            endpoint="http://127.0.0.1:9",
            access_key_id="a",
            secret_access_key="b",
            create_bucket_if_missing=missing,
        )
        recorder = Recorder()
        async with mount_module.open_backend(config, recorder) as backend:
            assert backend.health is not None
        assert asked == ([("http://127.0.0.1:9", recorder)] if missing else [])

    async def test_what_has_been_learned_ends_with_it(self) -> None:
        async with open_stage(Disconnected()) as s3:
            with pytest.raises(StorageUnavailableException):
                await S3Health(s3.session).check()
            for use in (lambda: s3.session.objects, lambda: s3.session.background, lambda: s3.session.upload_memory):
                assert use() is use()
        for use in (lambda: s3.session.objects, lambda: s3.session.background, lambda: s3.session.upload_memory):
            with pytest.raises(StorageOperationException, match=r"not open.*127\.0\.0\.1:9000") as refused:
                use()
            assert refused.value.backend == "s3"


class TestExamination:
    async def test_everything_is_tried_by_itself_although_all_is_refused(self) -> None:
        refused = refusing(403, "AccessDenied")
        methods = dict.fromkeys(("GET", "PUT", "POST", "DELETE", "HEAD"), refused)
        async with open_stage(whenever=methods) as s3:
            found = await S3Examination(s3.session).examine("d/")
        verdicts = {each.ability: each.verdict for each in found}
        assert verdicts == {
            "s3:ListBucket": Verdict.FAILS,
            "s3:PutObject": Verdict.FAILS,
            "s3:GetObject (GET)": Verdict.WARNING,
            "s3:GetObject (HEAD)": Verdict.WARNING,
            "s3:PutObject (multipart)": Verdict.FAILS,
            "s3:ListMultipartUploadParts": Verdict.FAILS,
            "s3:ListBucketMultipartUploads": Verdict.FAILS,
            "s3:AbortMultipartUpload": Verdict.FAILS,
            "s3:DeleteObject": Verdict.FAILS,
            "uploads that nobody ended are removed": Verdict.LACKS,
        }
        assert all(line.split("?")[0].split(" ")[1].startswith(("/docs/d/s3py-doctor-", "/docs")) for line in s3.lines)

    @pytest.mark.parametrize(
        ("may", "refused", "verdict"),
        [("list", "PUT", Verdict.WORKS), ("store", "GET", Verdict.FAILS)],
    )
    async def test_either_listing_or_storing_shows_what_reading_is_worth(
        self, may: str, refused: str, verdict: Verdict
    ) -> None:
        answers = {
            "GET": xml("<ListBucketResult/>", {"etag": '"x"'}),
            "PUT": stored(None),
            "HEAD": stored(None, **{"content-length": "5"}),
            "DELETE": GONE,
            "POST": refusing(403, "AccessDenied"),
        }
        async with open_stage(whenever=answers | {refused: refusing(403, "AccessDenied")}) as s3:
            found = await S3Examination(s3.session).examine("d/")
        verdicts = {each.ability: each.verdict for each in found}
        assert [verdicts[ability] for ability in ("s3:ListBucket", "s3:PutObject")] == [
            Verdict.WORKS if may == ability else Verdict.FAILS for ability in ("list", "store")
        ]
        assert verdicts["s3:GetObject (GET)"] is verdict
        assert verdicts["s3:GetObject (HEAD)"] is Verdict.WORKS

    async def test_a_service_that_is_down_lacks_nothing(self) -> None:
        down = refusing(503, "SlowDown")
        async with open_stage(whenever=dict.fromkeys(("GET", "PUT", "POST", "DELETE", "HEAD"), down)) as s3:
            found = await S3Examination(s3.session).examine("d/")
        assert {each.verdict for each in found} == {Verdict.FAILS, Verdict.WARNING}
        assert found[-1].verdict is Verdict.FAILS

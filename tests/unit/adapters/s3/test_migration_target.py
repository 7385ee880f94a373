"""S3 as the target of a migration: the conditions, sums and parts of every request."""

import zlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.application.ports.migration_target import NewObject, PartDone, TargetObject
from s3py_helper.domain.errors import AccessDeniedException, IntegrityException, StorageUnavailableException
from s3py_helper.testing import body_of
from tests.support.s3.canned import CannedResponse, open_stage, refusing, xml
from tests.support.s3.object_responses import completed, crc32, created, page, stored
from tests.support.s3.written import DESCRIBED

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]

CONTENT = b"12345"
GONE = CannedResponse(204)
NEW = NewObject("m/a", 5, zlib.crc32(CONTENT), "text/plain", "a.txt", {"by": "ada"})


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

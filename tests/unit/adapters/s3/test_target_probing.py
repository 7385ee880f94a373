"""How it is found out what the target of a migration can do."""

import hashlib

import pytest

from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.application.ports.migration_target import TargetAbilities
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from tests.support.s3.canned import CannedResponse, open_stage, refusing
from tests.support.s3.object_responses import crc32, created, stored

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]

GONE = CannedResponse(204)
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

"""Whether buckets are there, and how missing ones are made."""

import pytest

from s3py_helper.adapters.s3 import buckets as buckets_module
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.buckets import create_missing_buckets
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.domain.errors import AccessDeniedException, BucketNotFoundException, StorageUnavailableException
from tests.support.s3.canned import CannedResponse, open_stage, refusing

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


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

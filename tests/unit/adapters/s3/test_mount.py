"""The ports of S3 over one session, and the buckets that are made before they are used."""

import zlib

import pytest

from s3py_helper.adapters.s3 import mount as mount_module
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.examination import S3Examination
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.mount import mounted
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.migration_target import NewObject
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of
from tests.support.recorder import Recorder
from tests.support.s3.canned import CannedResponse, open_stage
from tests.support.s3.object_responses import stored

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]

FILE_ID = FileId(Backend.S3, "docs", "a b")
CONTENT = b"12345"
NEW = NewObject("m/a", 5, zlib.crc32(CONTENT), "text/plain", "a.txt", {"by": "ada"})


class TestMount:
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

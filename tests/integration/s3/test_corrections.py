"""What a refusal teaches: the time, that keys were replaced, and the reason that HEAD does not tell."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.errors import AccessDeniedException
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.recorder import Recorder
from tests.support.s3.operations import FILE_ID, anything, operations
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3, saying
from tests.support.s3.scripted import error
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def skewed(date: str) -> web.Response:
    """The refusal of a request whose time is wrong, by a service at that time."""
    response = error(403, "RequestTimeTooSkewed")
    response.headers["Date"] = date
    return response


class TestClock:
    """The service's clock differs by an hour."""

    HOUR = 3600

    @pytest.fixture
    async def ahead(self, s3: PretendS3) -> PretendS3:
        """It refuses what is not signed for its own time."""
        s3.objects["/tests/a.bin"] = Stored(b"12345", {"ETag": '"x"'})

        async def check(server: PretendS3, seen: Seen) -> web.StreamResponse:
            there = time.time() + self.HOUR
            signed = dt.datetime.strptime(seen.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
            if abs(signed.timestamp() - there) > 900:
                date = format_datetime(dt.datetime.fromtimestamp(there, dt.UTC), usegmt=True)
                return skewed(date)
            if "list-type" in seen.query:
                return web.Response(text="<ListBucketResult/>", content_type="application/xml")
            return await server.obey(seen)

        s3.plan(check, anything, times=99)
        return s3

    @pytest.mark.parametrize("name", ["upload", "download", "info", "delete", "list", "health"])
    async def test_it_is_learned_once_from_the_refusal(self, ahead: PretendS3, name: str, recorder: Recorder) -> None:
        async with S3Session(ahead.server.config(), recorder) as session:
            await operations(session)[name]()
            before = len(ahead.requests)
            await S3BlobStore(session).info(FILE_ID) if name != "delete" else None
            assert len(ahead.requests) - before == (name != "delete"), "it is remembered"
        [event] = recorder.of(RequestRetried)
        assert "+3600 s" in event.reason or "+3599 s" in event.reason
        assert event.pause == 0

    async def test_links_are_signed_by_it_as_well(self, ahead: PretendS3) -> None:
        async with S3Session(ahead.server.config()) as session:
            await S3BlobStore(session).info(FILE_ID)
            link = await S3PresignedUrls(session).download_url(FILE_ID, dt.timedelta(minutes=1))
        signed = dt.datetime.strptime(link.partition("X-Amz-Date=")[2][:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        assert abs(signed.timestamp() - time.time() - self.HOUR) < 60

    async def test_a_server_that_refuses_whatever_the_time_is_not_asked_for_ever(self, s3: PretendS3) -> None:
        s3.plan(saying(lambda: skewed("Mon, 01 Jan 2001 00:00:00 GMT")), anything, times=99)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="clocks"):
                await read_all(S3BlobStore(session), FILE_ID)
        assert len(s3.requests) == 2

    async def test_a_date_that_jumps_is_followed_once(self, s3: PretendS3) -> None:
        years = iter(range(2000, 2099))

        s3.plan(saying(lambda: skewed(f"Sat, 01 Jan {next(years)} 00:00:00 GMT")), anything, times=9)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="clocks"):
                await read_all(S3BlobStore(session), FILE_ID)
        assert len(s3.requests) == 2

    async def test_a_clock_that_is_set_right_again_is_followed_as_well(self, ahead: PretendS3) -> None:
        async with S3Session(ahead.server.config()) as session:
            await S3BlobStore(session).info(FILE_ID)
            self.HOUR = 0
            await S3BlobStore(session).info(FILE_ID)

    @pytest.mark.parametrize("date", ["", "nonsense"])
    async def test_without_a_usable_date_the_refusal_is_final(self, s3: PretendS3, date: str) -> None:
        s3.plan(saying(lambda: skewed(date)), anything, times=99)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="clocks"):
                await read_all(S3BlobStore(session), FILE_ID)
        assert len(s3.requests) == 1

    async def test_a_real_servers_refusal_is_understood(
        self, seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
    ) -> None:
        real = time.time
        monkeypatch.setattr("s3py_helper.adapters.s3.api.signing.time.time", lambda: real() - 2 * self.HOUR)
        async with S3Session(seaweedfs.config(), recorder) as session:
            store = S3BlobStore(session)
            written = await store.write(new_blob(), body_of(b"x"))
            assert await read_all(store, written.file_id) == b"x"
        assert len(recorder.of(RequestRetried)) == 1


class TestKeysOfTheChain:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")

    @pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"])
    @pytest.mark.parametrize("name", ["upload", "download", "info", "delete", "health"])
    async def test_keys_that_are_refused_are_looked_up_again(
        self, s3: PretendS3, monkeypatch: pytest.MonkeyPatch, code: str, name: str
    ) -> None:
        s3.objects["/tests/a.bin"] = Stored(b"12345", {"ETag": '"x"'})

        async def check(server: PretendS3, seen: Seen) -> web.StreamResponse:
            if "Credential=old/" in seen.headers["authorization"]:
                monkeypatch.setenv("AWS_ACCESS_KEY_ID", "new")
                # As Amazon answers: 400, and without a body to HEAD.
                return error(400, code)
            if "list-type" in seen.query:
                return web.Response(text="<ListBucketResult/>", content_type="application/xml")
            return await server.obey(seen)

        s3.plan(check, anything, times=99)
        async with S3Session(s3.server.config(access_key_id=None, secret_access_key=None)) as session:
            await operations(session)[name]()

    async def test_requests_that_are_refused_together_all_go_on(
        self, s3: PretendS3, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        s3.objects["/tests/a.bin"] = Stored(b"12345", {"ETag": '"x"'})
        all_here = asyncio.Event()

        async def check(server: PretendS3, seen: Seen) -> web.StreamResponse:
            if "Credential=old/" in seen.headers["authorization"]:
                if len(s3.requests) == 8:
                    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "new")
                    all_here.set()
                await all_here.wait()
                return error(400, "ExpiredToken")
            return await server.obey(seen)

        s3.plan(check, anything, times=99)
        async with S3Session(s3.server.config(access_key_id=None, secret_access_key=None)) as session:
            store = S3BlobStore(session)
            assert await asyncio.gather(*(read_all(store, FILE_ID) for _ in range(8))) == [b"12345"] * 8
        assert len(s3.requests) == 16

    async def test_the_same_keys_again_are_refused_for_good(self, s3: PretendS3) -> None:
        s3.plan(saying(lambda: error(400, "ExpiredToken", "it has expired")), anything, times=99)
        async with S3Session(s3.server.config(access_key_id=None, secret_access_key=None)) as session:
            with pytest.raises(AccessDeniedException, match="it has expired"):
                await read_all(S3BlobStore(session), FILE_ID)
        assert len(s3.requests) == 1

    async def test_configured_keys_are_not_looked_up(self, s3: PretendS3) -> None:
        s3.plan(saying(lambda: error(400, "ExpiredToken", "it has expired")), anything, times=99)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="it has expired"):
                await read_all(S3BlobStore(session), FILE_ID)
        assert len(s3.requests) == 1


class TestReasons:
    """A response to HEAD has no body, and so no reason."""

    @pytest.mark.parametrize("status", [400, 401, 403])
    @pytest.mark.parametrize("name", ["info", "health"])
    async def test_it_is_asked_for(self, s3: PretendS3, status: int, name: str) -> None:
        s3.plan(saying(lambda: error(status, "ExpiredToken", "the token is old")), anything, times=99)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="the token is old"):
                await operations(session)[name]()
        assert [seen.method for seen in s3.requests] == ["HEAD", "GET"]

    async def test_where_reading_is_permitted_describing_is_tried_once_more(self, s3: PretendS3) -> None:
        s3.objects["/tests/a.bin"] = Stored(b"12345", {"ETag": '"x"'})
        s3.plan(saying(lambda: web.Response(status=403)), lambda seen: seen.method == "HEAD")
        async with S3Session(s3.server.config()) as session:
            assert (await S3BlobStore(session).info(FILE_ID)).size == 5

    async def test_an_empty_object_has_no_first_byte_and_may_be_read_all_the_same(self, s3: PretendS3) -> None:
        s3.plan(saying(lambda: web.Response(status=403)), lambda seen: seen.method == "HEAD", times=2)
        s3.plan(saying(lambda: error(416, "InvalidRange")), lambda seen: seen.method == "GET")
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="HTTP 403"):
                await S3BlobStore(session).info(FILE_ID)

"""What is outlasted, corrected, and given up in time."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import DownloadResumed, RequestRetried
from s3py_helper.domain.errors import AccessDeniedException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, leak_guard, new_blob, read_all
from tests.support.recorder import Recorder
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3, saying, silent
from tests.support.s3.raw_server import Peer, raw_server
from tests.support.s3.ready import free_ports
from tests.support.s3.scripted import error, scripted_server
from tests.support.s3.server import S3Server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024
FILE_ID = FileId(Backend.S3, "tests", "a.bin")


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def anything(_seen: Seen) -> bool:
    return True


def operations(session: S3Session) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every operation on objects, on one that is there."""
    store = S3BlobStore(session)

    async def list_all() -> list[object]:
        async with S3Listing(session).list() as blobs:
            return [blob async for blob in blobs]

    return {
        "upload": lambda: store.write(new_blob(), body_of(b"0123456789")),
        "download": lambda: read_all(store, FILE_ID),
        "info": lambda: store.info(FILE_ID),
        "delete": lambda: store.delete(FILE_ID),
        "list": list_all,
        "health": S3Health(session).check,
    }


class TestRestart:
    async def test_a_server_that_comes_back_is_not_noticed(self, recorder: Recorder) -> None:
        [port] = free_ports(1)
        server = S3Server("restarted", f"http://127.0.0.1:{port}", "ak", "the-secret")

        async def fine(_request: web.Request) -> web.Response:
            return web.Response(body=b"12345", headers={"ETag": '"x"'})

        async with S3Session(server.config(), recorder) as session:
            describing = asyncio.create_task(S3BlobStore(session).info(FILE_ID))
            # Long enough that the earlier default, two retries within 0.15 s, would have given up.
            await until(lambda: len(recorder.of(RequestRetried)) >= 3)
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", fine)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            try:
                assert (await describing).size == 5
            finally:
                await runner.cleanup()
        first = recorder.of(RequestRetried)[0]
        assert (first.backend, first.operation, first.attempt, first.file_id) == ("s3", "info", 1, str(FILE_ID))
        assert "no connection" in first.reason
        assert [event.attempt for event in recorder.of(RequestRetried)][:3] == [1, 2, 3]

    async def test_health_is_not_asked_twice(self) -> None:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            seen.append(request.method)
            return web.Response(status=503)

        async with scripted_server(answer) as server, S3Session(server.config()) as session:
            with pytest.raises(StorageUnavailableException):
                await S3Health(session).check()
        assert seen == ["HEAD"]


class TestRetryAfter:
    @staticmethod
    async def _info(s3: PretendS3, recorder: Recorder, headers: dict[str, str]) -> None:
        s3.plan(saying(lambda: web.Response(status=503, headers=headers)), anything)
        async with S3Session(s3.server.config(), recorder) as session:
            await S3BlobStore(session).write(new_blob(), body_of(b"x"))

    async def test_seconds_are_waited(self, s3: PretendS3, recorder: Recorder) -> None:
        await self._info(s3, recorder, {"Retry-After": "1"})
        assert [event.pause for event in recorder.of(RequestRetried)] == [1.0]

    async def test_a_date_is_understood_by_the_servers_own_clock(self, s3: PretendS3, recorder: Recorder) -> None:
        now = dt.datetime(2001, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
        dates = {
            "Date": format_datetime(now, usegmt=True),
            "Retry-After": format_datetime(now + dt.timedelta(seconds=1), usegmt=True),
        }
        await self._info(s3, recorder, dates)
        assert [event.pause for event in recorder.of(RequestRetried)] == [1.0]

    @pytest.mark.parametrize("odd", ["soon", "-1", "1.5", "", "Mon, 01 Jan 2001 00:00:00 GMT"])
    async def test_what_is_none_does_not_matter(self, s3: PretendS3, recorder: Recorder, odd: str) -> None:
        await self._info(s3, recorder, {"Retry-After": odd})
        [event] = recorder.of(RequestRetried)
        assert event.pause <= 0.1

    async def test_one_that_is_too_long_is_for_the_caller(self, s3: PretendS3) -> None:
        s3.plan(saying(lambda: web.Response(status=503, headers={"Retry-After": "3600"})), anything)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(StorageUnavailableException) as raised:
                await S3BlobStore(session).info(FILE_ID)
        assert raised.value.retry_after == 3600
        assert len(s3.requests) == 1


class TestFrozenServer:
    """It takes connections and requests, and answers nothing."""

    PERF = S3PerfConfig(operation_timeout=0.4, read_timeout=30, retry_seconds=30)

    @pytest.mark.parametrize("name", ["upload", "download", "info", "delete", "health"])
    async def test_a_small_request_ends_with_its_deadline(self, s3: PretendS3, name: str, recorder: Recorder) -> None:
        enough = asyncio.Event()
        s3.plan(silent(enough), anything, times=99)
        async with S3Session(s3.server.config(perf=self.PERF), recorder) as session:
            began = time.monotonic()
            with pytest.raises(StorageUnavailableException, match="in time"):
                await operations(session)[name]()
            # The upload waits for its clean-up as well.
            assert time.monotonic() - began < 10
            if name not in {"upload", "health"}:
                assert len(s3.requests) == 2, "half of the time is for another connection"
            enough.set()

    async def test_so_does_a_large_upload_before_it_has_begun(self, s3: PretendS3) -> None:
        enough = asyncio.Event()
        s3.plan(silent(enough), anything, times=99)
        async with S3Session(s3.server.config(perf=self.PERF)) as session:
            with pytest.raises(StorageUnavailableException, match="in time"):
                await S3BlobStore(session).write(new_blob(), body_of(bytes(20 * MIB)))
            enough.set()

    async def test_a_connection_that_went_dead_is_replaced_in_time(self, s3: PretendS3, recorder: Recorder) -> None:
        enough = asyncio.Event()
        s3.objects["/tests/a.bin"] = Stored(b"12345", {"ETag": '"x"'})
        s3.plan(silent(enough), anything)
        async with S3Session(s3.server.config(perf=self.PERF), recorder) as session:
            assert (await S3BlobStore(session).info(FILE_ID)).size == 5
            enough.set()
        assert len(recorder.of(RequestRetried)) == 1

    @pytest.mark.parametrize(
        "slow",
        [
            pytest.param(lambda seen: seen.method == "POST" and "uploadId" in seen.query, id="completion"),
            pytest.param(lambda seen: seen.method == "PUT", id="a large part"),
        ],
    )
    async def test_what_may_take_long_has_more_time(self, s3: PretendS3, slow: Callable[[Seen], bool]) -> None:
        async def slowly(server: PretendS3, seen: Seen) -> web.StreamResponse:
            await asyncio.sleep(0.25)
            return await server.obey(seen)

        s3.plan(slowly, slow, times=9)
        perf = S3PerfConfig(operation_timeout=0.2, max_retries=0, multipart_part_size=5 * MIB)
        async with S3Session(s3.server.config(perf=perf)) as session:
            await S3BlobStore(session).write(new_blob(), body_of(bytes(11 * MIB)))
        assert len(s3.objects) == 1


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
                refusal = error(403, "RequestTimeTooSkewed")
                refusal.headers["Date"] = date
                return refusal
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
        def refusal() -> web.Response:
            response = error(403, "RequestTimeTooSkewed")
            response.headers["Date"] = "Mon, 01 Jan 2001 00:00:00 GMT"
            return response

        s3.plan(saying(refusal), anything, times=99)
        async with S3Session(s3.server.config()) as session:
            with pytest.raises(AccessDeniedException, match="clocks"):
                await read_all(S3BlobStore(session), FILE_ID)
        assert len(s3.requests) == 2

    @pytest.mark.parametrize("date", ["", "nonsense"])
    async def test_without_a_usable_date_the_refusal_is_final(self, s3: PretendS3, date: str) -> None:
        def refusal() -> web.Response:
            response = error(403, "RequestTimeTooSkewed")
            response.headers["Date"] = date
            return response

        s3.plan(saying(refusal), anything, times=99)
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


async def test_resuming_a_download_is_reported(recorder: Recorder) -> None:
    async def behave(peer: Peer) -> None:
        head = await peer.head()
        if b"range:" in head:
            await peer.answer(
                b'HTTP/1.1 206 OK\r\nETag: "x"\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\n3456789'
            )
        else:
            await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n012')

    async with raw_server(behave) as server, S3Session(server.s3().config(), recorder) as session, leak_guard():
        assert await read_all(S3BlobStore(session), FILE_ID) == b"0123456789"
    [event] = recorder.of(DownloadResumed)
    assert (event.backend, event.file_id, event.position) == ("s3", str(FILE_ID), 3)

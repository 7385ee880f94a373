"""What is outlasted, and what is given up in time."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from email.utils import format_datetime

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import DownloadResumed, RequestRetried
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.testing import body_of, leak_guard, new_blob, read_all
from tests.support.recorder import Recorder
from tests.support.s3.operations import FILE_ID, anything, operations
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3, saying, silent
from tests.support.s3.raw_server import Peer, raw_server
from tests.support.s3.ready import free_ports
from tests.support.s3.scripted import scripted_server
from tests.support.s3.server import S3Server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


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
            await asyncio.sleep(0.7)
            return await server.obey(seen)

        s3.plan(slowly, slow, times=9)
        perf = S3PerfConfig(operation_timeout=1, max_retries=0, multipart_part_size=16 * MIB)
        async with S3Session(s3.server.config(perf=perf)) as session:
            await S3BlobStore(session).write(new_blob(), body_of(bytes(32 * MIB)))
        assert len(s3.objects) == 1

    async def test_a_copy_may_take_long_as_well(self, s3: PretendS3) -> None:
        async def slowly(server: PretendS3, seen: Seen) -> web.StreamResponse:
            await asyncio.sleep(0.7)
            return await server.obey(seen)

        s3.objects["/tests/a.bin"] = Stored(b"12345", {"ETag": '"x"'})
        s3.plan(slowly, lambda seen: seen.method == "PUT", times=9)
        async with S3Session(s3.server.config(perf=S3PerfConfig(operation_timeout=1, max_retries=0))) as session:
            assert (await S3Copy(session).copy(FILE_ID, new_blob())).size == 5

    @pytest.mark.parametrize("taken", [0, MIB, 4 * MIB], ids=["nothing", "some", "everything"])
    async def test_a_server_that_freezes_over_a_large_body_is_reported_like_any_other(self, taken: int) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.reader.readexactly(taken)
            await peer.until_gone()

        perf = S3PerfConfig(operation_timeout=2, retry_seconds=1, multipart_threshold=8 * MIB)
        began = time.monotonic()
        async with (
            raw_server(behave, receive_buffer=64 * 1024) as server,
            S3Session(server.s3().config(perf=perf)) as session,
        ):
            with pytest.raises(StorageUnavailableException, match="in time"):
                await session.objects.put_object("tests", "a", payload_of(bytes(4 * MIB)), {})
            # Two attempts of 1 s and a quarter of a second for the size, each known to a quarter.
            assert time.monotonic() - began < 8


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

"""Who gets a connection when there are fewer than requests."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import ConnectionReplaced, Event, PoolWaited
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import leak_guard
from tests.support.s3.raw_server import FINE, Peer, answer_everything, raw_server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

FILE_ID = FileId(Backend.S3, "tests", "a.bin")
SIZE = 8 * 1024 * 1024
"""More than sockets and connection buffer together, so that a reader that does not read holds the server up."""
FAR = 7 * 1024 * 1024
"""A position that alone would make a long download."""

UNAVAILABLE = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"


class Events:
    def __init__(self) -> None:
        self.seen: list[Event] = []

    def notify(self, event: Event) -> None:
        self.seen.append(event)

    def of[E](self, kind: type[E]) -> list[E]:
        return [event for event in self.seen if isinstance(event, kind)]


async def serve_large_objects(peer: Peer) -> None:
    while head := await peer.head():
        if b"\r\nrange: bytes=%d-%d\r\n" % (FAR, FAR + 9) in head:
            content_range = b'ETag: "x"\r\nContent-Range: bytes %d-%d/%d\r\n' % (FAR, FAR + 9, SIZE)
            await peer.answer(b"HTTP/1.1 206 Partial\r\n" + content_range + b"Content-Length: 10\r\n\r\n" + bytes(10))
            continue
        await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n' % SIZE)
        if not head.startswith(b"HEAD"):
            await peer.answer(bytes(SIZE))


async def test_readers_that_do_not_read_leave_connections_to_short_requests() -> None:
    perf = S3PerfConfig(max_pool_connections=8)
    async with (
        raw_server(serve_large_objects) as server,
        leak_guard(),
        S3Session(server.s3().config(perf=perf)) as session,
        AsyncExitStack() as readers,
    ):
        store = S3BlobStore(session)
        for _ in range(7):
            await readers.enter_async_context(store.open(FILE_ID))
        eighth = asyncio.create_task(readers.enter_async_context(store.open(FILE_ID)))
        async with asyncio.timeout(5):
            assert (await store.info(FILE_ID)).size == SIZE
            async with store.open(FILE_ID, ByteRange(FAR, FAR + 9)) as blob:
                assert [len(chunk) async for chunk in blob.body] == [10]
        assert not eighth.done()
        eighth.cancel()
        await asyncio.wait([eighth])
        assert server.accepted == 8


async def test_a_download_that_is_refused_by_its_description_releases_its_place() -> None:
    async def behave(peer: Peer) -> None:
        head = await peer.head()
        if head.startswith(b"GET"):
            content_range = b'ETag: "x"\r\nContent-Range: bytes 5-%d/%d\r\n' % (SIZE - 1, SIZE)
            await peer.answer(b"HTTP/1.1 206 Partial\r\n" + content_range + b"Content-Length: %d\r\n\r\n" % (SIZE - 5))
            await peer.until_gone()
        else:
            await peer.answer(FINE)

    perf = S3PerfConfig(max_pool_connections=1, pool_timeout=1)
    async with raw_server(behave) as server, S3Session(server.s3().config(perf=perf)) as session:
        store = S3BlobStore(session)
        with pytest.raises(StorageOperationException, match="for the whole object"):
            async with store.open(FILE_ID):
                pass
        assert (await store.info(FILE_ID)).etag == '"x"'


async def test_what_has_come_completely_holds_no_connection_however_slowly_it_is_read() -> None:
    content = bytes(200_000)

    async def behave(peer: Peer) -> None:
        while await peer.head():
            await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n' % len(content) + content)

    perf = S3PerfConfig(max_pool_connections=2, pool_timeout=5)
    async with (
        raw_server(behave) as server,
        leak_guard(),
        S3Session(server.s3().config(perf=perf)) as session,
        AsyncExitStack() as readers,
    ):
        store = S3BlobStore(session)
        opened = [await readers.enter_async_context(store.open(FILE_ID)) for _ in range(10)]
        for blob in opened:
            assert b"".join([chunk async for chunk in blob.body]) == content
        assert server.accepted <= 2


async def test_waiting_for_a_connection_ends_with_an_error_that_may_be_tried_again() -> None:
    perf = S3PerfConfig(max_pool_connections=1, pool_timeout=0.05)
    events = Events()
    async with (
        raw_server(serve_large_objects) as server,
        leak_guard(),
        S3Session(server.s3().config(perf=perf), events) as session,
    ):
        store = S3BlobStore(session)
        async with store.open(FILE_ID):
            for waits in (1, 2):
                with pytest.raises(StorageUnavailableException, match="no connection became free in time") as caught:
                    await store.info(FILE_ID)
                assert caught.value.retryable
                # One wait for each operation, however many attempts it may have.
                assert len(events.of(PoolWaited)) == waits
        await store.info(FILE_ID)
    waited = events.of(PoolWaited)[0]
    assert (waited.backend, waited.server) == ("s3", f"127.0.0.1:{server.port}")
    assert waited.seconds >= 0.04


async def test_a_request_keeps_its_place_between_attempts() -> None:
    paths: list[bytes] = []

    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            paths.append(head.split()[1])
            await peer.answer(UNAVAILABLE if len(paths) <= 2 else FINE)

    perf = S3PerfConfig(max_pool_connections=1)
    async with (
        raw_server(behave) as server,
        leak_guard(),
        S3Session(server.s3().config(perf=perf)) as session,
    ):
        store = S3BlobStore(session)
        await asyncio.gather(*[store.info(FileId(Backend.S3, "tests", key)) for key in ("first", "second")])
    assert paths == [b"/tests/first"] * 3 + [b"/tests/second"], "the second one waits for the first one's last attempt"


async def test_a_download_that_breaks_off_keeps_its_place() -> None:
    half = SIZE // 2
    cut = asyncio.Event()

    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            if b"\r\nrange:" in head:
                content_range = b"bytes %d-%d/%d" % (half, SIZE - 1, SIZE)
                await peer.answer(
                    b'HTTP/1.1 206 Partial\r\nETag: "x"\r\nContent-Range: %b\r\nContent-Length: %d\r\n\r\n'
                    % (content_range, SIZE - half)
                )
                await peer.answer(bytes(SIZE - half))
                continue
            await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n' % SIZE)
            if not head.startswith(b"HEAD"):
                await peer.answer(bytes(half))
                await cut.wait()
                return

    perf = S3PerfConfig(max_pool_connections=1, pool_timeout=10)
    async with (
        raw_server(behave) as server,
        leak_guard(),
        S3Session(server.s3().config(perf=perf)) as session,
    ):
        store = S3BlobStore(session)
        async with store.open(FILE_ID) as blob:
            behind = asyncio.create_task(store.info(FILE_ID))
            received = 0
            async for chunk in blob.body:
                received += len(chunk)
                if received == half:
                    cut.set()
                    assert not behind.done()
        assert received == SIZE
        await behind


async def test_a_resumption_that_is_cancelled_releases_its_place() -> None:
    async def behave(peer: Peer) -> None:
        head = await peer.head()
        await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n' % SIZE)
        if b"\r\nrange:" in head:
            await peer.head()

    perf = S3PerfConfig(max_pool_connections=1, max_retries=10, pool_timeout=0.2)
    async with (
        raw_server(behave) as server,
        leak_guard(),
        S3Session(server.s3().config(perf=perf)) as session,
    ):
        store = S3BlobStore(session)

        async def read() -> None:
            async with store.open(FILE_ID) as blob:
                async for _ in blob.body:
                    pass

        for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
            reading = asyncio.create_task(read())
            await asyncio.sleep(delay)
            reading.cancel()
            await asyncio.wait([reading])
            await store.info(FILE_ID)


async def test_those_who_wait_hear_of_the_end_at_once() -> None:
    async def behave(peer: Peer) -> None:
        await peer.head()
        await peer.head()

    perf = S3PerfConfig(max_pool_connections=1)
    async with raw_server(behave) as server, leak_guard():
        async with S3Session(server.s3().config(perf=perf)) as session:
            tasks = [asyncio.create_task(S3BlobStore(session).info(FILE_ID)) for _ in range(3)]
            await until(lambda: server.open == 1)
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StorageOperationException] * 3
    assert all("closed" in str(result) for result in results)


async def test_a_connection_that_is_replaced_is_reported() -> None:
    async def behave(peer: Peer) -> None:
        await peer.head()
        await peer.answer(FINE)
        await peer.head()

    events = Events()
    async with raw_server(behave) as server, S3Session(server.s3().config(), events) as session:
        for _ in range(2):
            await S3BlobStore(session).info(FILE_ID)
    replaced = events.of(ConnectionReplaced)
    assert [(event.backend, event.server) for event in replaced] == [("s3", f"127.0.0.1:{server.port}")]
    assert replaced[0].reason


async def test_nothing_waits_while_there_is_room() -> None:
    events = Events()
    async with raw_server(answer_everything) as server, S3Session(server.s3().config(), events) as session:
        await asyncio.gather(*[S3BlobStore(session).info(FILE_ID) for _ in range(60)])
    assert not events.seen

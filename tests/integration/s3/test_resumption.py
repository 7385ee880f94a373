"""Downloads that break off and go on."""

import asyncio
import base64
import itertools
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiohttp import web

from s3py_helper.adapters.s3 import resumable_body
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.errors import (
    IntegrityException,
    PreconditionFailedException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import leak_guard, read_all
from tests.support.recorder import Recorder
from tests.support.s3.pretend_s3 import Stored, pretend_s3
from tests.support.s3.raw_server import Peer, raw_server

CONTENT = b"0123456789" * 1000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
FILE_ID = FileId(Backend.S3, "tests", "a.bin")
ONCE = S3PerfConfig(max_retries=0)


def fine() -> web.Response:
    return web.Response(body=b"12345", headers={"ETag": '"x"'})


class TestResumption:
    """The connection breaks after the first half."""

    HALF = len(CONTENT) // 2

    async def _read(self, first: bytes, second: bytes, *, size_then: int = len(CONTENT)) -> tuple[bytes, list[bytes]]:
        heads: list[bytes] = []

        async def behave(peer: Peer) -> None:
            heads.append(await peer.head())
            size = len(CONTENT)
            if len(heads) == 1:
                head = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (first, size)
                await peer.answer(head + CONTENT[: self.HALF])
            else:
                where = b"Content-Range: bytes %d-%d/%d\r\n" % (self.HALF, size - 1, size_then)
                head = b"HTTP/1.1 206 OK\r\n%b%bContent-Length: %d\r\n\r\n" % (second, where, size - self.HALF)
                await peer.answer(head + CONTENT[self.HALF :])

        async with raw_server(behave) as server, S3Session(server.s3().config()) as session, leak_guard():
            return await read_all(S3BlobStore(session), FILE_ID), heads

    @pytest.mark.parametrize("etag", ['"x"', "x", "5d41402abc4b2a76b9719d911017c592"])
    async def test_it_asks_for_the_same_version_with_the_tag_as_it_came(self, etag: str) -> None:
        line = f"ETag: {etag}\r\n".encode()
        content, heads = await self._read(line, line)
        assert content == CONTENT
        assert f"if-match: {etag}\r\n".encode() in heads[1]
        assert b"range: bytes=%d-%d\r\n" % (self.HALF, len(CONTENT) - 1) in heads[1]

    @pytest.mark.parametrize(("first", "second"), [('"x"', "x"), ("x", '"x"')])
    async def test_quotes_that_come_and_go_are_no_other_version(self, first: str, second: str) -> None:
        content, _ = await self._read(f"ETag: {first}\r\n".encode(), f"ETag: {second}\r\n".encode())
        assert content == CONTENT

    async def test_another_version_is_not_mixed_in(self) -> None:
        with pytest.raises(PreconditionFailedException, match="replaced"):
            await self._read(b'ETag: "x"\r\n', b'ETag: "y"\r\n')

    async def test_a_part_of_a_larger_object_is_not_taken_for_the_rest(self) -> None:
        line = b'ETag: "x"\r\n'
        with pytest.raises(IntegrityException, match="at another place"):
            await self._read(line, line, size_then=len(CONTENT) + 1)

    async def test_the_rest_has_no_more_bytes_either_when_it_does_not_say_how_many(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            if peer.number == 1:
                await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 2\r\n\r\n1')
                return
            where = b'ETag: "x"\r\nContent-Range: bytes 1-1/2\r\n'
            await peer.answer(b"HTTP/1.1 206 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n1\r\n2\r\n" % where)
            await asyncio.sleep(0.05)
            await peer.answer(b"1\r\n3\r\n0\r\n\r\n")

        async with raw_server(behave) as server, S3Session(server.s3().config()) as session, leak_guard():
            with pytest.raises(IntegrityException, match="more bytes than announced"):
                await read_all(S3BlobStore(session), FILE_ID)

    async def test_with_a_weak_tag_nothing_is_resumed(self) -> None:
        with pytest.raises(StorageUnavailableException, match="broke off"):
            await self._read(b'ETag: W/"x"\r\n', b'ETag: W/"x"\r\n')


class TestManyBreaks:
    """Each connection gives so many bytes."""

    async def _read(self, step: int, perf: S3PerfConfig) -> bytes:
        async def behave(peer: Peer) -> None:
            asked = await peer.head()
            first = int(asked.partition(b"range: bytes=")[2].partition(b"-")[0] or 0)
            size, status = len(CONTENT), b"206 OK" if first else b"200 OK"
            where = b"Content-Range: bytes %d-%d/%d\r\n" % (first, size - 1, size) if first else b""
            await peer.answer(
                b'HTTP/1.1 %b\r\nETag: "x"\r\n%bContent-Length: %d\r\n\r\n' % (status, where, size - first)
            )
            # In a piece of its own, so that it is waited for.
            await asyncio.sleep(0.02)
            await peer.answer(CONTENT[first : first + step])

        async with raw_server(behave) as server, S3Session(server.s3().config(perf=perf)) as session, leak_guard():
            return await read_all(S3BlobStore(session), FILE_ID)

    async def test_one_is_forgotten_when_much_has_come_since(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resumable_body, "_FORGIVEN_AFTER", 2499)
        perf = S3PerfConfig(max_retries=1)
        assert await self._read(2500, perf) == CONTENT
        with pytest.raises(StorageUnavailableException, match="broke off"):
            await self._read(2499, perf)

    async def test_the_time_that_one_connection_took_is_not_the_next_ones(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Each wait takes twenty seconds by this clock.
        monkeypatch.setattr(resumable_body, "monotonic", partial(next, itertools.count(0, 20)))
        assert await self._read(5000, S3PerfConfig(operation_timeout=30, max_retries=1)) == CONTENT


class TestTheBody:
    """The iterator that an opened object gives."""

    @asynccontextmanager
    async def _opened(self, answered: bytes) -> AsyncGenerator[tuple[AsyncIterator[bytes], list[bytes]]]:
        heads: list[bytes] = []

        async def behave(peer: Peer) -> None:
            heads.append(await peer.head())
            await peer.answer(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n' % len(CONTENT) + answered)
            await peer.until_gone()

        async with (
            leak_guard(),
            raw_server(behave) as server,
            S3Session(server.s3().config()) as session,
            S3BlobStore(session).open(FILE_ID) as blob,
        ):
            yield blob.body, heads

    @pytest.mark.timeout(20)
    async def test_two_tasks_cannot_share_it(self) -> None:
        async with self._opened(b"") as (body, _):
            first = asyncio.ensure_future(anext(body))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="two tasks"):
                await anext(body)
            first.cancel()
            await asyncio.wait([first])

    @pytest.mark.timeout(20)
    async def test_it_ends_with_its_block_and_asks_for_nothing_more(self) -> None:
        async with self._opened(CONTENT[:10]) as (body, heads):
            assert await anext(body) == CONTENT[:10]
        with pytest.raises(StopAsyncIteration):
            await anext(body)
        assert len(heads) == 1

    @pytest.mark.timeout(20)
    async def test_leaving_the_block_stops_a_task_that_reads_in_it(self) -> None:
        async with self._opened(b"") as (body, heads):
            reading = asyncio.ensure_future(anext(body))
            await asyncio.sleep(0)
        with pytest.raises(StorageOperationException, match="was left meanwhile"):
            await reading
        assert len(heads) == 1

    @pytest.mark.timeout(20)
    async def test_leaving_the_block_stops_a_task_that_resumes_in_it(self) -> None:
        asked, enough = asyncio.Event(), asyncio.Event()
        head = b'HTTP/1.1 %b\r\nETag: "x"\r\nContent-Length: %d\r\n%b\r\n'

        async def behave(peer: Peer) -> None:
            await peer.head()
            if peer.number == 1:
                await peer.answer(head % (b"200 OK", 2, b"") + b"1")
                return
            asked.set()
            await enough.wait()
            await peer.answer(head % (b"206 OK", 1, b"Content-Range: bytes 1-1/2\r\n") + b"2")
            await peer.until_gone()

        async with leak_guard(), raw_server(behave) as server, S3Session(server.s3().config()) as session:
            async with S3BlobStore(session).open(FILE_ID) as blob:
                assert await anext(blob.body) == b"1"
                reading = asyncio.ensure_future(anext(blob.body))
                await asked.wait()
            enough.set()
            with pytest.raises(StorageOperationException, match="was left meanwhile"):
                await reading

    @pytest.mark.timeout(20)
    async def test_nothing_follows_an_error(self) -> None:
        async with self._opened(b"") as (body, heads):
            reading = asyncio.ensure_future(anext(body))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            with pytest.raises(StopAsyncIteration):
                await anext(body)
            assert len(heads) == 1


class TestSlowServers:
    PERF = S3PerfConfig(operation_timeout=0.3, read_timeout=30, max_retries=1)

    async def _read(self, recorder: Recorder, *, drips: int) -> bytes:
        """The first connections give a byte now and then; the next one gives everything."""
        left = drips

        async def behave(peer: Peer) -> None:
            nonlocal left
            asked = await peer.head()
            first = int(asked.partition(b"range: bytes=")[2].partition(b"-")[0] or 0)
            size, status = len(CONTENT), b"206 OK" if first else b"200 OK"
            where = b"Content-Range: bytes %d-%d/%d\r\n" % (first, size - 1, size) if first else b""
            head = b'HTTP/1.1 %b\r\nETag: "x"\r\n%bContent-Length: %d\r\n\r\n' % (status, where, size - first)
            await peer.answer(head)
            if left:
                left -= 1
                for position in range(first, size):
                    await peer.answer(CONTENT[position : position + 1])
                    await asyncio.sleep(0.01)
            await peer.answer(CONTENT[first:])

        async with raw_server(behave) as server, S3Session(server.s3().config(perf=self.PERF), recorder) as session:
            return await read_all(S3BlobStore(session), FILE_ID)

    async def test_one_that_drips_is_left_for_another_connection(self) -> None:
        recorder = Recorder()
        assert await self._read(recorder, drips=1) == CONTENT
        [event] = recorder.of(DownloadResumed)
        assert "less than 4 KiB per second" in event.reason

    async def test_one_that_keeps_dripping_is_given_up(self) -> None:
        with pytest.raises(StorageUnavailableException, match="less than 4 KiB per second"):
            await self._read(Recorder(), drips=9)

    async def test_a_slow_reader_is_not_the_servers_fault(self) -> None:
        recorder = Recorder()
        perf = self.PERF.model_copy(update={"download_chunk_size": 4096})
        async with pretend_s3() as s3, S3Session(s3.server.config(perf=perf), recorder) as session:
            s3.objects["/tests/a.bin"] = Stored(bytes(20 * 4096), {"ETag": '"x"'})
            async with S3BlobStore(session).open(FILE_ID) as blob:
                async for _ in blob.body:
                    # Together longer than the server would have had.
                    await asyncio.sleep(0.05)
        assert recorder.of(DownloadResumed) == []

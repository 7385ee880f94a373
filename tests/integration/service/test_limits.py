"""Clients that take their time do not stop others, on real sockets. Every address 127.0.0.x is a client of its own."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.entrypoints.http import create_files_router
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.entrypoints.http.uploads.arrival import SMALL_UPLOAD
from s3py_helper.testing import FailingStore
from tests.integration.service.conftest import both_parsers
from tests.integration.service.raw import FORM_END, RawClient, connected, part, upload_head
from tests.integration.service.running import served, services_on
from tests.support.waiting import until

LARGE = os.urandom(24_000_000)
SMALL = os.urandom(100_000)
TIGHT = Limits(
    idle_timeout=20,
    concurrent_uploads=4,
    concurrent_downloads=4,
    concurrent_archives=4,
    queue_timeout=0.2,
    list_memory=8 * 400_000,
)

pytestmark = pytest.mark.timeout(60)


class WatchedStore(FailingStore):
    """Counts what is open."""

    open_now = 0
    most_open = 0

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
            try:
                yield blob
            finally:
                self.open_now -= 1


@dataclass(frozen=True)
class Site:
    url: str
    store: WatchedStore
    kept: MemoryBlobStore
    large: str
    small: str

    def client(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(local_address=address)
        return httpx.AsyncClient(base_url=self.url, transport=transport, timeout=20)


@asynccontextmanager
async def site(limits: Limits = TIGHT, *, http: str = "auto") -> AsyncIterator[Site]:
    async with MemoryBlobStore(Backend.S3, "my-bucket") as kept:
        store = WatchedStore(kept)
        services = services_on(store)
        app = FastAPI()
        install_problem_handlers(app)
        app.include_router(create_files_router(lambda: services, limits=limits))
        large = await services.upload_service.upload_bytes("large.bin", LARGE)
        small = await services.upload_service.upload_bytes("small.bin", SMALL)
        async with served(app, http=http) as url:
            yield Site(url, store, kept, large.file_id, small.file_id)


async def _stalled_upload(stack: AsyncExitStack, site: Site, address: str, *, length: int = 3_000_000) -> RawClient:
    client = await stack.enter_async_context(connected(site.url, from_address=address))
    await client.send(upload_head(length=length), part(b"begun"))
    return client


async def _stalled_download(stack: AsyncExitStack, site: Site, address: str) -> RawClient:
    client = await stack.enter_async_context(connected(site.url, from_address=address))
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport for both directions
    await client.send(f"GET /files/{site.large}/download HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return client


async def _upload(client: httpx.AsyncClient, size: int) -> httpx.Response:
    return await client.post("/files/upload", files={"file": ("a.bin", bytes(size))})


@both_parsers
async def test_uploads_that_stall_leave_room_for_other_clients(http_parser: str) -> None:
    async with site(http=http_parser) as here, AsyncExitStack() as stack:
        for _ in range(12):
            await _stalled_upload(stack, here, "127.0.0.1")
        await until(lambda: here.store.calls["write"] >= 2 + 2)
        async with here.client("127.0.0.2") as other:
            assert (await _upload(other, 1_000_000)).status_code == 200
        async with here.client("127.0.0.1") as same:
            response = await _upload(same, 1_000_000)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.json()["type"].endswith(":service-busy")
        assert "this client has all 2" in response.json()["detail"]


async def test_small_uploads_do_not_wait_for_large_ones() -> None:
    async with site() as here, AsyncExitStack() as stack:
        for number in range(4):
            await _stalled_upload(stack, here, f"127.0.0.{number + 1}")
        await until(lambda: here.store.calls["write"] >= 2 + 4)
        async with here.client("127.0.0.9") as other:
            response = await _upload(other, 1_000_000)
            assert (response.status_code, "all 4 are taken" in response.text) == (503, True)
            assert (await _upload(other, SMALL_UPLOAD - 1000)).status_code == 200


async def test_small_uploads_that_stall_hold_nothing() -> None:
    async with site() as here, AsyncExitStack() as stack:
        for _ in range(12):
            await _stalled_upload(stack, here, "127.0.0.1", length=SMALL_UPLOAD)
        async with here.client() as client:
            assert (await _upload(client, SMALL_UPLOAD - 1000)).status_code == 200
            assert (await _upload(client, 1_000_000)).status_code == 200
        assert here.store.calls["write"] == 2 + 2


@both_parsers
async def test_a_drip_of_bytes_does_not_keep_an_upload_alive(http_parser: str) -> None:
    limits = replace(TIGHT, idle_timeout=0.5, min_upload_rate=10_000)
    async with site(limits, http=http_parser) as here, connected(here.url) as client:
        await client.send(upload_head(), part(b"begun"))
        response = asyncio.create_task(client.response())
        async with asyncio.timeout(20):
            while not response.done():
                await client.send(b"x")
                await asyncio.sleep(0.02)
        assert (await response).status == 408
        assert len(here.kept.file_ids) == 2


async def test_a_place_is_given_back_however_the_upload_ends() -> None:
    limits = replace(TIGHT, client_share=1, concurrent_uploads=1, idle_timeout=1, queue_timeout=10)
    async with site(limits) as here, here.client() as client:
        here.store.fail("write", StorageUnavailableException("gone"))
        assert (await _upload(client, 100_000)).status_code == 503
        assert (await client.post("/files/upload", content=bytes(100_000))).status_code == 400
        assert (await _upload(client, 100_000)).status_code == 200
        async with connected(here.url) as leaving:
            await leaving.send(upload_head(), part(bytes(1000)))
            await until(lambda: here.store.calls["write"] == 5)
        assert (await _upload(client, 100_000)).status_code == 200
        async with connected(here.url) as stalled:
            await stalled.send(upload_head(), part(bytes(1000)))
            assert (await stalled.response()).status == 408
        assert (await _upload(client, 100_000)).status_code == 200


@both_parsers
async def test_slow_readers_leave_room_for_short_requests_and_other_clients(http_parser: str) -> None:
    async with site(http=http_parser) as here, AsyncExitStack() as stack:
        for _ in range(8):
            await _stalled_download(stack, here, "127.0.0.1")
        await until(lambda: here.store.open_now == 2)
        async with here.client("127.0.0.1") as same:
            for headers, size in (({}, len(SMALL)), ({"Range": "bytes=5-14"}, 10)):
                response = await same.get(f"/files/{here.small}/download", headers=headers)
                assert (response.is_success, len(response.content)) == (True, size)
            part_of_large = await same.get(f"/files/{here.large}/download", headers={"Range": "bytes=-10"})
            assert part_of_large.content == LARGE[-10:]
            assert (await same.get(f"/files/{here.large}/info")).status_code == 200
            refused = await same.get(f"/files/{here.large}/download")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        async with here.client("127.0.0.2") as other:
            assert (await other.get(f"/files/{here.large}/download")).content == LARGE


async def test_a_download_that_waits_holds_nothing_of_the_backend() -> None:
    async with site(replace(TIGHT, concurrent_downloads=1, client_share=1, queue_timeout=20)) as here:
        async with AsyncExitStack() as stack:
            await _stalled_download(stack, here, "127.0.0.1")
            await until(lambda: here.store.open_now == 1)
            async with here.client() as client:
                waiting = asyncio.create_task(client.get(f"/files/{here.large}/download"))
                await until(lambda: here.store.calls["open"] == 2 and here.store.open_now == 1)
                await stack.aclose()
                assert (await waiting).content == LARGE
        assert here.store.open_now == 0


async def test_a_reader_that_moves_slowly_is_not_cut() -> None:
    async with site(replace(TIGHT, idle_timeout=0.5)) as here, connected(here.url) as client:
        await client.send(f"GET /files/{here.large}/download HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await client.reader.readuntil(b"\r\n\r\n")
        received = bytearray()
        # More than three times the idle timeout, a little at a time.
        for _ in range(40):
            received += await client.reader.read(300_000)
            await asyncio.sleep(0.05)
        received += await client.reader.readexactly(len(LARGE) - len(received))
        assert received == LARGE


async def test_places_of_downloads_are_given_back_however_they_end() -> None:
    async with site(replace(TIGHT, client_share=1, concurrent_downloads=1, idle_timeout=0.5, queue_timeout=10)) as here:
        path = f"/files/{here.large}/download"
        async with here.client() as client:
            here.store.fail("read", StorageUnavailableException("gone"), after_bytes=1_000_000)
            with contextlib.suppress(httpx.RemoteProtocolError):
                await client.get(path)
            here.store.fail("open", StorageUnavailableException("gone"))
            assert (await client.get(path)).status_code == 503
            for _ in range(2):
                async with client.stream("GET", path) as response:
                    await anext(response.aiter_raw())
            async with AsyncExitStack() as stack:
                # Gives up after the idle timeout.
                await _stalled_download(stack, here, "127.0.0.1")
                await until(lambda: here.store.open_now == 1)
                assert (await client.get(path)).content == LARGE
        assert here.store.open_now == 0


def _list_head(length: int) -> bytes:
    return (
        "POST /files/download-zip HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


@both_parsers
async def test_lists_that_stall_hold_a_bounded_amount_of_memory(http_parser: str) -> None:
    async with site(http=http_parser) as here, AsyncExitStack() as stack:
        refused = 0
        for number in range(4):
            for _ in range(2):
                client = await stack.enter_async_context(connected(here.url, from_address=f"127.0.0.{number + 1}"))
                await client.send(_list_head(1_000_000), b"[" + b" " * 150_000)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        response = await client.response()
                        assert (response.status, response.headers["retry-after"]) == (503, "5")
                        refused += 1
        # 400 000 bytes of JSON in all, half of that for each client.
        assert refused == 6
        async with here.client("127.0.0.9") as other:
            short = await other.post("/files/download-zip", json=[{"file_id": here.small}])
            assert short.status_code == 200
            long = await other.post("/files/download-zip", json=[{"file_id": here.small, "file_name": "n" * 150_000}])
            assert (long.status_code, long.json()["type"][-13:]) == (503, ":service-busy")
        await stack.aclose()
        async with here.client() as any_client:
            await until_ok(any_client, here)


async def until_ok(client: httpx.AsyncClient, here: Site) -> None:
    """The memory of clients that left is free again."""
    body: list[dict[str, Any]] = [{"file_id": here.small, "file_name": "n" * 150_000}]
    async with asyncio.timeout(10):
        while (await client.post("/files/download-zip", json=body)).status_code != 200:
            await asyncio.sleep(0.01)


async def test_a_list_is_accounted_for_until_its_archive_has_ended() -> None:
    async with site() as here, AsyncExitStack() as stack:
        listed = json.dumps([{"file_id": here.large, "file_name": "n" * 150_000}]).encode()
        client = await stack.enter_async_context(connected(here.url))
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport for both directions
        await client.send(_list_head(len(listed)), listed)
        await until(lambda: here.store.open_now == 1)
        async with here.client() as same:
            assert (await same.post("/files/download-zip", content=listed, headers=JSON)).status_code == 503
            await stack.aclose()
            await until_ok(same, here)


JSON = {"Content-Type": "application/json"}


@both_parsers
async def test_a_list_that_stalls_is_given_up(http_parser: str) -> None:
    async with site(replace(TIGHT, idle_timeout=0.3), http=http_parser) as here, connected(here.url) as client:
        await client.send(_list_head(1000), b"[")
        response = await client.response()
        assert (response.status, response.headers["connection"]) == (408, "close")


async def test_a_list_that_comes_in_drips_is_given_up() -> None:
    limits = replace(TIGHT, idle_timeout=0.3, min_upload_rate=0)
    async with site(limits) as here, connected(here.url) as client:
        await client.send(_list_head(1_000_000), b"[")
        response = asyncio.create_task(client.response())
        async with asyncio.timeout(20):
            while not response.done():
                await client.send(b" ")
                await asyncio.sleep(0.05)
        assert (await response).status == 408


async def test_archives_have_places_too() -> None:
    async with site() as here, AsyncExitStack() as stack:
        listed = json.dumps([{"file_id": here.large}]).encode()
        for _ in range(4):
            client = await stack.enter_async_context(connected(here.url))
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport for both directions
            await client.send(_list_head(len(listed)), listed)
        await until(lambda: here.store.open_now == 2)
        async with here.client() as same, here.client("127.0.0.2") as other:
            refused = await same.post("/files/download-zip", content=listed, headers=JSON)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert (await other.post("/files/download-zip", content=listed, headers=JSON)).status_code == 200
        await stack.aclose()
        async with here.client() as same:
            for _ in range(4):
                assert (await same.post("/files/download-zip", content=listed, headers=JSON)).status_code == 200


async def test_parts_for_which_a_file_is_opened_twice_wait_for_a_place_however_small_they_are() -> None:
    async with (
        site(replace(TIGHT, client_share=1, concurrent_downloads=1)) as here,
        AsyncExitStack() as stack,
        here.client() as client,
    ):
        await _stalled_download(stack, here, "127.0.0.1")
        await until(lambda: here.store.open_now == 1)
        for far, status in ((5_000, 206), (200_000, 503)):
            ranges = {"Range": f"bytes=0-0,{far}-{far}"}
            assert (await client.get(f"/files/{here.large}/download", headers=ranges)).status_code == status


async def test_one_who_leaves_while_waiting_is_forgotten() -> None:
    async with site(replace(TIGHT, client_share=1, concurrent_downloads=1, queue_timeout=20)) as here:
        async with AsyncExitStack() as stack:
            await _stalled_download(stack, here, "127.0.0.1")
            await until(lambda: here.store.open_now == 1)
            async with connected(here.url) as leaving:
                await leaving.send(f"GET /files/{here.large}/download HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                await until(lambda: here.store.calls["open"] == 2 and here.store.open_now == 1)
        async with here.client() as client:
            assert (await client.get(f"/files/{here.large}/download")).content == LARGE


async def test_the_end_of_a_form_alone_stores_nothing() -> None:
    """The closing boundary has come, the rest of the request has not."""
    async with (
        site(replace(TIGHT, idle_timeout=0.5, client_share=1, concurrent_uploads=1, queue_timeout=20)) as here,
        here.client() as client,
    ):
        for content in (bytes(1000), bytes(300_000)):
            async with connected(here.url) as stalling:
                await stalling.send(upload_head(), part(content), FORM_END)
                assert (await stalling.response()).status == 408
            begun = here.store.calls["write"]
            async with connected(here.url) as leaving:
                await leaving.send(upload_head(), part(content), FORM_END)
                await until(lambda begun=begun: here.store.calls["write"] > begun)  # type: ignore[misc]  # a default
            # It gets the only place when the one before has ended.
            stored = await _upload(client, 100_000)
            assert (await client.delete(f"/files/{stored.json()['file_id']}")).status_code == 200
            assert len(here.kept.file_ids) == 2


assert len(SMALL) < SMALL_FILE < len(LARGE)

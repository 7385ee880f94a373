"""Files that are fetched from their backend, and the places that those take which are not."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    PreconditionFailedException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.entrypoints.http.downloads.delivery import DownloadOptions
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE
from s3py_helper.entrypoints.http.downloads.sourced_response import REGION_EXTENSION
from tests.unit.application.watched import WatchedStore
from tests.unit.entrypoints.http.downloads.serving import Service, serving

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as service:
        yield service


class TestElsewhere:
    """Large files may be fetched from their backend."""

    @pytest.mark.parametrize(("above", "redirected"), [(9, True), (10, False), (None, False)])
    async def test_what_is_larger_than_the_bound_is(
        self, service: Service, above: int | None, redirected: bool
    ) -> None:
        service.options = DownloadOptions("private", redirect_above=above)
        service.presentation = Presentation(inline=True, file_name="b.txt")
        answer = await service()
        if not redirected:
            assert answer[0] == 200
            assert not service.signer.downloads
            return
        headers = {"location": "signed:s3:my-bucket/a", "cache-control": "no-store", "referrer-policy": "no-referrer"}
        assert answer == (307, headers | {"content-length": "0"}, b"")
        presented = {"file_name": "b.txt", "content_type": "text/plain", "inline": True}
        file_id = FileId(Backend.S3, "my-bucket", "a")
        assert service.signer.downloads == [(file_id, timedelta(minutes=15), presented)]
        assert dict(service.store.calls) == {"info": 1}

    async def test_a_backend_that_gives_no_links_sends_all_in_one_round_trip(self, service: Service) -> None:
        service.options, service.signs = DownloadOptions("private", redirect_above=1), False
        assert (await service())[0] == 200
        assert dict(service.store.calls) == {"open": 1, "read": 1}

    async def test_a_condition_is_judged_before(self, service: Service) -> None:
        service.options = DownloadOptions("private", redirect_above=1)
        assert (await service(if_none_match="*"))[0] == 304
        assert (await service("HEAD"))[0] == 200
        with pytest.raises(PreconditionFailedException):
            await service(if_match='"x"')
        assert not service.signer.downloads


class TestPlaces:
    """A file that is too large to be read at once holds one of few places while it is sent."""

    async def test_a_small_file_needs_none_and_a_large_one_waits_for_its_own(self, service: Service) -> None:
        async with service.slots.held_by("other"), service.slots.held_by("another"):
            assert len((await service(key="small"))[2]) == SMALL_FILE
            assert service.store.held == 0
            waiting = asyncio.ensure_future(service(key="large"))
            while not service.slots.waiting:
                await asyncio.sleep(0)
            assert service.store.held == 0, "nothing is open while it waits"
        assert len((await waiting)[2]) == SMALL_FILE + 1
        assert service.slots.free == 2

    async def test_parts_that_are_large_or_far_from_each_other_need_one_and_the_large_are_not_held_in_memory(
        self, service: Service
    ) -> None:
        half = 4 * SMALL_FILE
        for asked, pieces in ((f"bytes=0-{half - 2},{half + 2000}-", 8), (f"bytes=0-1,{2 * half - 2}-", 1)):
            gate = service.store.hold("read")
            asking = asyncio.ensure_future(service(key="huge", range=asked))
            await asyncio.wait_for(gate.reached.wait(), 10)
            assert service.slots.free == 1
            gate.released.set()
            assert (await asking)[0] == 206
            assert service.slots.free == 2
            assert service.sent >= pieces

    @pytest.mark.parametrize("taken", [0, 2])
    async def test_it_is_given_back_when_opening_fails_or_is_cancelled(self, service: Service, taken: int) -> None:
        for _ in range(taken):
            assert service.slots.take_now("other")
        gate = service.store.hold("read", after_bytes=10, times=2)
        asking = asyncio.ensure_future(service(key="large"))
        while not (service.slots.waiting or gate.reached.is_set()):
            await asyncio.sleep(0)
        if taken:
            service.store.fail("open", FileNotFoundException("gone meanwhile"))
            for _ in range(taken):
                service.slots.release("other")
            with pytest.raises(FileNotFoundException):
                await asking
        else:
            assert service.slots.free == 1
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert service.slots.free == 2

    async def test_a_large_file_is_opened_once_where_there_is_a_place(self, service: Service) -> None:
        assert (await service(key="large"))[0] == 200
        assert service.store.calls["open"] == 1

    async def test_a_small_file_whose_reading_is_cancelled_is_closed(self, service: Service) -> None:
        gate = service.store.hold("read", after_bytes=5)
        asking = asyncio.ensure_future(service())
        await asyncio.wait_for(gate.reached.wait(), 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert service.store.held == 0

    @pytest.mark.parametrize("takes", [False, True])
    async def test_pieces_are_for_servers_that_take_them(self, service: Service, takes: bool) -> None:
        class InPieces(WatchedStore):
            @asynccontextmanager
            async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
                async with super().open(file_id, byte_range) as blob:
                    yield replace(blob, pieces=pieces())

        async def pieces() -> AsyncGenerator[bytes]:
            yield b"p" * (SMALL_FILE + 1)

        service.store = InPieces(service.store)
        if takes:
            service.extensions = {REGION_EXTENSION: {}}
        assert (await service(key="large"))[2] == (b"p" if takes else b"\0") * (SMALL_FILE + 1)

    async def test_a_small_file_that_breaks_off_is_closed(self, service: Service) -> None:
        service.store.fail("read", IntegrityException("bytes are missing"), after_bytes=5)
        with pytest.raises(IntegrityException):
            await service()
        assert service.store.held == 0

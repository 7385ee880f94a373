"""Every clean-up of the use cases ends, however often its caller is cancelled."""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from s3py_helper.application.concurrency.in_flight import InFlight
from s3py_helper.application.download import DownloadService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.sinks import pour
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileDownload
from s3py_helper.testing import FailingStore, leak_guard
from tests.support.cancelling import CleaningUp, CleaningUpInThread, cancelled_again, cancelled_twice
from tests.unit.application.conftest import Deployment

pytestmark = pytest.mark.timeout(30)


class SlowlyClosed:
    """A store whose opened files, and listings, take their time to be closed."""

    def __init__(self, store: FailingStore, cleaning_up: CleaningUp) -> None:
        self._store = store
        self._cleaning_up = cleaning_up
        self.write, self.info, self.delete = store.write, store.info, store.delete

    def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        return self._cleaning_up.around(self._store.open(file_id, byte_range))

    def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        @asynccontextmanager
        async def listing() -> AsyncGenerator[AsyncIterator[BlobInfo]]:
            async def blobs() -> AsyncIterator[BlobInfo]:
                yield BlobInfo(FileId(Backend.S3, bucket or "my-bucket", prefix + "a"), 0)

            yield blobs()

        return self._cleaning_up.around(listing())


def with_slow_closing(deployment: Deployment, cleaning_up: CleaningUp) -> Locator:
    """The deployment, whose S3 takes its time."""
    store = SlowlyClosed(deployment.s3, cleaning_up)
    locator = deployment.locator
    backends = dict(locator.backends)
    backends[Backend.S3] = replace(backends[Backend.S3], store=store, listing=store)
    return Locator(locator.policy, backends)


async def read_one_and_wait(items: AsyncGenerator[object], under_way: asyncio.Event) -> None:
    """A reader that gets one item and is cancelled before the next."""
    try:
        await anext(items)
        under_way.set()
        await asyncio.Event().wait()
    finally:
        await items.aclose()


async def test_reading_a_file(deployment: Deployment) -> None:
    attach = await UploadService(deployment.locator).upload_bytes("a.txt", b"abc")
    cleaning_up, under_way = CleaningUp(), asyncio.Event()
    service = DownloadService(with_slow_closing(deployment, cleaning_up))
    async with leak_guard():
        await cancelled_twice(
            read_one_and_wait(service.download_to_generator(attach.file_id), under_way), under_way, cleaning_up
        )


async def test_packing_an_archive(deployment: Deployment) -> None:
    # Large enough that its connection is still open when the first piece has come.
    attach = await UploadService(deployment.locator).upload_bytes("a.bin", bytes(8 * 1024 * 1024))
    cleaning_up, under_way = CleaningUp(), asyncio.Event()
    service = DownloadService(with_slow_closing(deployment, cleaning_up))
    async with leak_guard():
        archive = service.stream_zip([FileDownload(file_id=attach.file_id)], compression="never")
        await cancelled_twice(read_one_and_wait(archive, under_way), under_way, cleaning_up)


async def test_listing_files(deployment: Deployment) -> None:
    cleaning_up, under_way = CleaningUp(), asyncio.Event()
    files = ListService(with_slow_closing(deployment, cleaning_up)).list_files()
    async with leak_guard():
        await cancelled_twice(read_one_and_wait(files, under_way), under_way, cleaning_up)


async def test_writing_to_a_sink() -> None:
    cleaning_up, under_way = CleaningUp(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"abc"
            under_way.set()
            await asyncio.sleep(0)

    with tempfile.TemporaryFile() as out:
        async with leak_guard():
            await cancelled_twice(pour(cleaning_up.after(endless()), cast("BinaryIO", out)), under_way, cleaning_up)


STEPS = [
    *[("up", step) for step in ("open", "read")],
    *[("down", step) for step in ("open", "write", "fsync", "link")],
    *[("resumed", step) for step in ("open", "write", "lseek", "pread", "fsync", "link")],
]


@pytest.mark.parametrize(("way", "step"), STEPS)
async def test_a_step_on_the_local_disk(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, step: str
) -> None:
    """A descriptor that is closed under a thread may belong to another file a moment later."""
    uploads, downloads = UploadService(deployment.locator), DownloadService(deployment.locator)
    attach = await uploads.upload_bytes("a.txt", b"abc")
    (tmp_path / "own").write_bytes(b"abc")
    cleaning_up = CleaningUpInThread()
    real = getattr(os, step)
    held = cleaning_up.before(real)

    def call(*args: Any, **options: Any) -> Any:
        in_thread = threading.current_thread() is not threading.main_thread()
        return (held if in_thread and not cleaning_up.ended else real)(*args, **options)

    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, step, call)
    if way == "up":
        work: Coroutine[Any, Any, object] = uploads.upload_path(tmp_path / "own")
    else:
        work = downloads.download_to_path(attach.file_id, tmp_path / "new", resume=way == "resumed")
    async with leak_guard():
        task = asyncio.ensure_future(work)
        await cancelled_again(task, cleaning_up)
        with pytest.raises(asyncio.CancelledError):
            await task
    monkeypatch.undo()
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
    left = {path.name for path in tmp_path.iterdir()} - {"own", "new"}
    assert all(name.endswith(".part") and way == "resumed" for name in left)


async def test_work_in_flight() -> None:
    cleaning_up, under_way = CleaningUp(), asyncio.Event()

    async def work() -> None:
        try:
            under_way.set()
            await asyncio.Event().wait()
        finally:
            await cleaning_up.passed()

    async def owner() -> None:
        async with InFlight[None]() as in_flight:
            in_flight.start(work())
            await asyncio.Event().wait()

    async with leak_guard():
        await cancelled_twice(owner(), under_way, cleaning_up)

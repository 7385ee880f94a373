"""Whatever becomes of an operation, its memory is free at once: nothing is left to the collector of cycles.

An aborted archive has megabytes in flight. A service whose clients leave early would hold hundreds of them until Python
looks for cycles among its oldest objects, which it does seldom.
"""

import asyncio
import io
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from starlette.datastructures import UploadFile

from s3py_helper.storage import (
    FileAttach,
    FileDownload,
    FileNotFoundException,
    FilesystemConfig,
    InvalidArgumentException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.support.collector import nothing_for_the_collector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LARGE = 3 * 1024 * 1024
"""Bytes of a file that is still being read when an archive of several is aborted."""

type Scene = Callable[[StorageManager, list[FileAttach]], Awaitable[None]]


@pytest.fixture(params=["memory", "filesystem"])
async def manager(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StorageManager]:
    if request.param == "memory":
        opening = StorageManager.in_memory()
    else:
        config = FilesystemConfig(root=tmp_path, durability=False)
        opening = StorageManager(StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=config)
    async with opening as manager:
        yield manager


@pytest.fixture
async def stored(manager: StorageManager) -> list[FileAttach]:
    content = bytes(range(256)) * (LARGE // 256)
    return [await manager.upload_service.upload_bytes(f"{number}.bin", content) for number in range(4)]


def _entries(stored: list[FileAttach], *more: str) -> list[FileDownload]:
    return [FileDownload(file_id=file_id) for file_id in [*(attach.file_id for attach in stored), *more]]


async def _first_then_wait(chunks: AsyncGenerator[bytes], came: asyncio.Event) -> None:
    async with aclosing(chunks):
        async for _ in chunks:
            came.set()
            await asyncio.Event().wait()


async def _cancelled_after_first(chunks: AsyncGenerator[bytes]) -> None:
    came = asyncio.Event()
    task = asyncio.create_task(_first_then_wait(chunks, came))
    await came.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def archive_closed(manager: StorageManager, stored: list[FileAttach]) -> None:
    archive = manager.download_service.stream_zip(_entries(stored), compression="never")
    await anext(archive)
    await archive.aclose()


async def archive_of_small_files_closed(manager: StorageManager, stored: list[FileAttach]) -> None:
    small = [await manager.upload_service.upload_bytes("a.txt", bytes(300_000)) for _ in range(4)]
    archive = manager.download_service.stream_zip(_entries(small + stored), compression="always")
    await anext(archive)
    await archive.aclose()


async def archive_cancelled(manager: StorageManager, stored: list[FileAttach]) -> None:
    await _cancelled_after_first(manager.download_service.stream_zip(_entries(stored)))


async def archive_dropped(manager: StorageManager, stored: list[FileAttach]) -> None:
    archive = manager.download_service.stream_zip(_entries(stored))
    await anext(archive)
    before = asyncio.all_tasks()
    del archive
    # The event loop closes it in a task of its own.
    while asyncio.all_tasks() - before or len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0.001)


async def archive_without_a_file(manager: StorageManager, stored: list[FileAttach]) -> None:
    with suppress(FileNotFoundException):
        await manager.download_service.download_files_as_zip(_entries(stored, f"{stored[0].file_id}x"), io.BytesIO())


async def archive_that_skips(manager: StorageManager, stored: list[FileAttach]) -> None:
    entries = _entries(stored[:1], f"{stored[0].file_id}x")
    await manager.download_service.download_files_as_zip(entries, io.BytesIO(), on_error="skip")


async def archive_verified_that_skips(manager: StorageManager, stored: list[FileAttach]) -> None:
    entries = _entries(stored[:1], f"{stored[0].file_id}x")
    plan = await manager.download_service.plan_zip(entries, on_error="skip")
    for _ in range(2):
        async for _ in plan.stream():
            pass


async def archive_verified_and_refused(manager: StorageManager, stored: list[FileAttach]) -> None:
    with suppress(FileNotFoundException):
        await manager.download_service.plan_zip(_entries(stored, f"{stored[0].file_id}x"))


async def archive_to_a_full_disk(manager: StorageManager, stored: list[FileAttach]) -> None:
    with Path("/dev/full").open("wb", buffering=0) as out, suppress(OSError):
        await manager.download_service.download_files_as_zip(_entries(stored), cast("BinaryIO", out))


async def archive_to_a_file_cancelled(manager: StorageManager, stored: list[FileAttach]) -> None:
    with tempfile.TemporaryFile() as out:
        task = asyncio.create_task(manager.download_service.download_files_as_zip(_entries(stored), out))
        while not out.tell():
            await asyncio.sleep(0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def download_closed(manager: StorageManager, stored: list[FileAttach]) -> None:
    chunks = manager.download_service.download_to_generator(stored[0].file_id)
    await anext(chunks)
    await chunks.aclose()


async def download_cancelled(manager: StorageManager, stored: list[FileAttach]) -> None:
    await _cancelled_after_first(manager.download_service.download_to_generator(stored[0].file_id))


async def download_of_a_missing_file(manager: StorageManager, stored: list[FileAttach]) -> None:
    with suppress(FileNotFoundException):
        await manager.download_service.download_bytes(f"{stored[0].file_id}x")


async def opened_file_left_by_an_error(manager: StorageManager, stored: list[FileAttach]) -> None:
    with suppress(KeyError):
        async with manager.download_service.open(stored[0].file_id) as opened:
            await anext(opened.body)
            raise KeyError


async def upload_cancelled(manager: StorageManager, _stored: list[FileAttach]) -> None:
    came = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)
            came.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(manager.upload_service.upload_stream("a.bin", endless()))
    await came.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def upload_whose_source_fails(manager: StorageManager, _stored: list[FileAttach]) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(LARGE)
        raise KeyError

    with suppress(KeyError):
        await manager.upload_service.upload_stream("a.bin", failing())


async def upload_of_another_size(manager: StorageManager, _stored: list[FileAttach]) -> None:
    with suppress(InvalidArgumentException):
        await manager.upload_service.upload_stream("a.bin", io.BytesIO(bytes(LARGE)), LARGE + 1)


async def batch_of_which_one_fails(manager: StorageManager, _stored: list[FileAttach]) -> None:
    batch = [UploadFile(io.BytesIO(bytes(LARGE)), filename=name) for name in ("a.bin", "b.bin", "c/d.bin")]
    with suppress(InvalidArgumentException):
        await manager.upload_service.upload_files(batch)


SCENES: list[Scene] = [
    archive_closed,
    archive_of_small_files_closed,
    archive_cancelled,
    archive_dropped,
    archive_without_a_file,
    archive_that_skips,
    archive_verified_that_skips,
    archive_verified_and_refused,
    archive_to_a_full_disk,
    archive_to_a_file_cancelled,
    download_closed,
    download_cancelled,
    download_of_a_missing_file,
    opened_file_left_by_an_error,
    upload_cancelled,
    upload_whose_source_fails,
    upload_of_another_size,
    batch_of_which_one_fails,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_memory_is_freed(manager: StorageManager, stored: list[FileAttach], scene: Scene) -> None:
    # The first run fills caches, among them those of the standard library.
    await scene(manager, stored)
    with nothing_for_the_collector():
        await scene(manager, stored)
        # Python itself refers to the last error for a while.
        await scene(manager, stored)

"""Every clean-up of the local disk ends, however often its caller is cancelled."""

import asyncio
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem import session
from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.reader import BlobReader
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.adapters.filesystem.writer import BlobWriter
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.testing import StalledSource, body_of, leak_guard, new_blob
from tests.support.cancelling import CleaningUpInThread, cancelled_again, cancelled_twice

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def unopened(tmp_path: Path) -> FilesystemBlobStore:
    return FilesystemBlobStore(FilesystemConfig(root=tmp_path, durability=False))


async def test_an_upload(unopened: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cleaning_up = CleaningUpInThread()
    monkeypatch.setattr(BlobWriter, "release", cleaning_up.before(BlobWriter.release))
    source = StalledSource([bytes(300_000)])
    async with leak_guard(), unopened as store:
        await cancelled_twice(store.write(new_blob(), body_of(source)), source.reached, cleaning_up)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_a_download(unopened: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaning_up, under_way = CleaningUpInThread(), asyncio.Event()
    monkeypatch.setattr(BlobReader, "release", cleaning_up.before(BlobReader.release))

    async def read(stored: BlobInfo) -> None:
        async with store.open(stored.file_id) as blob:
            await anext(blob.body)
            under_way.set()
            await asyncio.Event().wait()

    async with leak_guard(), unopened as store:
        stored = await store.write(new_blob(), body_of(bytes(3_000_000)))
        await cancelled_twice(read(stored), under_way, cleaning_up)


async def test_closing(unopened: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaning_up = CleaningUpInThread()
    monkeypatch.setattr(Disk, "close", cleaning_up.before(Disk.close))
    async with leak_guard():
        await unopened.__aenter__()
        closing = asyncio.ensure_future(unopened.__aexit__(None, None, None))
        await cancelled_again(closing, cleaning_up)


async def test_an_opening_that_fails(unopened: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_disk: Disk) -> None:
        raise PermissionError

    cleaning_up = CleaningUpInThread()
    monkeypatch.setattr(session, "sweep", fail)
    monkeypatch.setattr(Disk, "close", cleaning_up.before(Disk.close))
    async with leak_guard():
        opening = asyncio.ensure_future(unopened.__aenter__())
        await cancelled_again(opening, cleaning_up)

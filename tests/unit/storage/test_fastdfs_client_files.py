"""Local files that the client writes and reads: whole or as they were, and closed however often it is cancelled."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import IO, Any

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.streams import local_files
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.storage import FastdfsConfig
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.testing import FailingStore, body_of, leak_guard, new_blob
from tests.support.cancelling import CleaningUpInThread, cancelled_again

pytestmark = pytest.mark.timeout(30)

CONTENT = b"content"


@pytest.fixture
async def store() -> AsyncGenerator[FailingStore]:
    async with MemoryBlobStore(Backend.FASTDFS, "group1") as store:
        yield FailingStore(store)


@pytest.fixture
def client(store: FailingStore, monkeypatch: pytest.MonkeyPatch) -> FastdfsClient:
    client = FastdfsClient(FastdfsConfig(tracker_servers=["127.0.0.1:1"]))
    locator = Locator(RoutingPolicy(StorageMode.FASTDFS), {Backend.FASTDFS: MountedBackend(store, store)})
    monkeypatch.setattr(client, "_locator", locator)
    monkeypatch.setattr(client, "_uploads", UploadService(locator))
    return client


@pytest.fixture
async def file_id(store: FailingStore) -> str:
    return str((await store.write(new_blob(), body_of(CONTENT))).file_id)


async def test_a_file_takes_the_place_of_another_when_it_is_whole(
    client: FastdfsClient, store: FailingStore, file_id: str, tmp_path: Path
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"what was there")
    store.fail("read", StorageUnavailableException("gone"), after_bytes=3)
    with pytest.raises(StorageUnavailableException):
        async with leak_guard():
            await client.download_to_file(str(target), file_id)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"what was there")]
    told = await client.download_to_file(str(target), file_id)
    assert (told["content"], told["download_size"]) == (str(target), "7B")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", CONTENT)]


async def test_nothing_is_left_of_a_download_that_is_cancelled(
    client: FastdfsClient, file_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = CleaningUpInThread()
    monkeypatch.setattr(local_files, "write_all", at_work.before(local_files.write_all))
    async with leak_guard():
        await cancelled_again(asyncio.ensure_future(client.download_to_file(str(tmp_path / "a"), file_id)), at_work)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "pipe", "missing/a"])
async def test_what_no_file_can_replace_is_refused(
    client: FastdfsClient, store: FailingStore, file_id: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidArgumentException, match=name):
        await client.download_to_file(str(tmp_path / name), file_id)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("held", ["open", "close"])
async def test_an_uploaded_file_is_closed_however_often_it_is_cancelled(
    client: FastdfsClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    at_work = CleaningUpInThread()
    files: list[IO[bytes]] = []
    original = Path.open

    class Slow:
        """The file, whose closing takes as long as the test wants."""

        def __init__(self, file: IO[bytes]) -> None:
            self.read = file.read
            self.close = at_work.before(file.close) if held == "close" else file.close

    def opened(path: Path, *args: Any, **kwargs: Any) -> Any:
        files.append(original(path, *args, **kwargs))
        return Slow(files[-1])

    monkeypatch.setattr(Path, "open", at_work.before(opened) if held == "open" else opened)
    async with leak_guard():
        await cancelled_again(asyncio.ensure_future(client.upload_by_filename(str(tmp_path / "a"))), at_work)
    assert files[0].closed

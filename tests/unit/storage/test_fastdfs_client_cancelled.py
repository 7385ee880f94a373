"""A local file is not closed while a thread writes to it, nor left open, however often a download is cancelled."""

import asyncio
from pathlib import Path
from typing import IO, Any

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.storage import FastdfsConfig
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.cancelling import CleaningUpInThread, cancelled_again

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("held", ["open", "write", "close"])
async def test_a_download_to_a_local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str) -> None:
    at_work = CleaningUpInThread()
    files: list[IO[bytes]] = []
    original = Path.open

    class Slow:
        """The file, one of whose methods takes as long as the test wants."""

        def __init__(self, file: IO[bytes]) -> None:
            self.write, self.close = file.write, file.close
            if held != "open":
                setattr(self, held, at_work.before(getattr(file, held)))

    def opened(path: Path, *args: Any, **kwargs: Any) -> Any:
        files.append(original(path, *args, **kwargs))
        return Slow(files[-1])

    async with MemoryBlobStore(Backend.FASTDFS, "group1") as store, leak_guard():
        stored = await store.write(new_blob(), body_of(b"content"))
        client = FastdfsClient(FastdfsConfig(tracker_servers=["127.0.0.1:1"]))
        backends: dict[str, MountedBackend] = {Backend.FASTDFS: MountedBackend(store, store)}
        monkeypatch.setattr(client, "_locator", Locator(RoutingPolicy(StorageMode.FASTDFS), backends))
        monkeypatch.setattr(Path, "open", at_work.before(opened) if held == "open" else opened)
        downloading = client.download_to_file(str(tmp_path / "a"), str(stored.file_id))
        await cancelled_again(asyncio.ensure_future(downloading), at_work)
    assert files[0].closed

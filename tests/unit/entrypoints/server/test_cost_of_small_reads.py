"""How many functions of Python a small file costs on its way from the store to the transport."""

import secrets
from types import SimpleNamespace
from typing import Final

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.entrypoints.http.app import create_worker
from s3py_helper.entrypoints.http.services import SERVICES_KEY
from s3py_helper.entrypoints.settings import load_settings
from s3py_helper.testing import body_of
from tests.support.guard.counter import Counter
from tests.unit.entrypoints.server.connecting import Connection

pytestmark = pytest.mark.timeout(30)

FACTS: Final = "fwAAAWkm8nKEfPQjAAAQAHY2iU8"
NAME: Final = f"M00/00/00/{FACTS}.123456"
CONTENT: Final = bytes(4096)
REQUESTS: Final = 20
MOST_CALLS: Final = 290
"""A tenth more than they are. Raise it only for something that is worth the processor time of every small file."""


@pytest.mark.parametrize("path", [f"/group1/{NAME}", f"/files/group1/{NAME}"])
async def test_a_small_file_costs_few_calls(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_MODE", "fastdfs")
    monkeypatch.setenv("S3PY_FASTDFS__TRACKER_SERVERS", "127.0.0.9:1")
    monkeypatch.setenv("S3PY_FASTDFS_LINKS__ENABLED", "true")
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _size: FACTS)
    async with MemoryBlobStore(Backend.FASTDFS, "group1") as store:
        await store.write(NewBlob("a", "a.123456"), body_of(CONTENT))
        locator = Locator(RoutingPolicy(StorageMode.FASTDFS), {Backend.FASTDFS: MountedBackend(store, store)})
        services = SimpleNamespace(download_service=DownloadService(locator), link_service=None)
        connection = Connection(create_worker(load_settings()), {SERVICES_KEY: services})

        async def ask() -> None:
            connection.transport.written = b""
            await connection.ask(path=path)
            assert connection.transport.written.endswith(CONTENT)

        for _ in range(REQUESTS):
            await ask()
        with Counter() as counter:
            for _ in range(REQUESTS):
                await ask()
        connection.protocol.connection_lost(None)
    assert counter.calls / REQUESTS < MOST_CALLS

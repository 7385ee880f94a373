"""This checkout's archives of files in memory: its services on the memory store that it ships."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from benchmarks.child.store import Entry, Store, Target
from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.files import FileDownload
from s3py_helper.domain.routing import RoutingPolicy, StorageMode


class MemoryStore(Store):
    def __init__(self, locator: Locator) -> None:
        self._uploads = UploadService(locator)
        self._downloads = DownloadService(locator)

    async def put(self, name: str, content: bytes) -> str:
        return (await self._uploads.upload_bytes(name, content)).file_id

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        wanted = [FileDownload(file_id=file_id, file_name=name) for file_id, name in files]
        await self._downloads.download_files_as_zip(wanted, out)


@asynccontextmanager
async def open_store(_target: Target) -> AsyncIterator[Store]:
    async with MemoryBlobStore() as store:
        policy = RoutingPolicy(StorageMode.FILESYSTEM)
        yield MemoryStore(Locator(policy, {Backend.FILESYSTEM: MountedBackend(store, store)}))

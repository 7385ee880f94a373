"""The incumbent's archives of files in memory: its service, with a download that reads a dictionary."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

from benchmarks.child.store import Entry, Store, Target
from s3py_helper.storage import FileDownload
from s3py_helper.storage.fusion.service import download_service

_Service: Any = download_service.FusionDownloadServiceImpl


class IncumbentMemoryStore(Store, _Service):  # type: ignore[misc]  # the class is known in its own environment only
    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    async def put(self, name: str, content: bytes) -> str:
        self._files[name] = content
        return name

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        await self.download_files_as_zip([FileDownload(file_id=file, file_name=name) for file, name in files], out)

    async def _download_to_generator(self, file_id: str) -> AsyncIterator[bytes]:
        content = self._files[file_id]
        for start in range(0, len(content), 64 * 1024):
            yield content[start : start + 64 * 1024]


@asynccontextmanager
async def open_store(_target: Target) -> AsyncIterator[Store]:
    yield IncumbentMemoryStore()

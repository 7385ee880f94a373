"""The incumbent's archives of files in memory: its service, with a download that reads a dictionary."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

from benchmarks.child.store import Entry, Store, Target
from s3py_helper.storage import FileDownload
from s3py_helper.storage.fusion.service import download_service

_CHUNK = 64 * 1024
_Service: Any = download_service.FusionDownloadServiceImpl


class _FromMemory(_Service):  # type: ignore[misc]  # the incumbent's class is known in its own environment only
    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    async def _download_to_generator(self, file_id: str) -> AsyncIterator[bytes]:
        content = self._files[file_id]
        for start in range(0, len(content), _CHUNK):
            yield content[start : start + _CHUNK]


class IncumbentMemoryStore(Store):
    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._downloads = _FromMemory(self._files)

    async def put(self, name: str, content: bytes) -> str:
        self._files[name] = content
        return name

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        wanted = [FileDownload(file_id=file_id, file_name=name) for file_id, name in files]
        await self._downloads.download_files_as_zip(wanted, out)


@asynccontextmanager
async def open_store(_target: Target) -> AsyncIterator[Store]:
    yield IncumbentMemoryStore()

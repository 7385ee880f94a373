"""aiofiles: plain files, each call in a thread."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiofiles
import aiofiles.os

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target

_READ_SIZE = 1024 * 1024


class AiofilesStore(Store):
    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, content: bytes) -> str:
        async with aiofiles.open(self._root / name, "wb") as file:
            await file.write(content)
        return name

    async def get(self, file_id: str) -> bytes:
        async with aiofiles.open(self._root / file_id, "rb") as file:
            return await file.read()

    async def info(self, file_id: str) -> int:
        return (await aiofiles.os.stat(self._root / file_id)).st_size

    async def delete(self, file_id: str) -> None:
        await aiofiles.os.unlink(self._root / file_id)

    async def upload(self, name: str, source: Source) -> str:
        async with aiofiles.open(self._root / name, "wb") as file:
            async for chunk in source:
                await file.write(chunk)
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        async with aiofiles.open(self._root / file_id, "rb") as file:
            while chunk := await file.read(_READ_SIZE):
                sink.write(chunk)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield AiofilesStore(Path(target["root"]))

"""aiofdfs' own client; like s3py-helper, it stores the file's name as metadata."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiofdfs import Async_Fdfs_Client, FastDfsConf

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target


class _Form:
    """A file as a form brings it."""

    def __init__(self, name: str, source: Source) -> None:
        self.filename = name
        self.size = source.size
        self._reader = source.reader()

    async def read(self, size: int = -1) -> bytes:
        return self._reader.read(size)


class AiofdfsStore(Store):
    def __init__(self, client: Any) -> None:
        self._client = client

    async def put(self, name: str, content: bytes) -> str:
        stored = await self._client.upload_by_buffer(content, "bin", {"OriginFileName": name})
        return _text(stored["file_id"])

    async def get(self, file_id: str) -> bytes:
        content: bytes = (await self._client.download_to_buffer(file_id))["content"]
        return content

    async def info(self, file_id: str) -> int:
        size: int = (await self._client.query_file_info(file_id))["file_size"]
        return size

    async def delete(self, file_id: str) -> None:
        await self._client.delete_file(file_id)

    async def upload(self, name: str, source: Source) -> str:
        stored = await self._client.upload_by_upload_file(_Form(name, source))
        return _text(stored["file_id"])

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        async for chunk in self._client.download_to_generator(file_id):
            sink.write(chunk)


def _text(file_id: str | bytes) -> str:
    return file_id.decode() if isinstance(file_id, bytes) else file_id


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    conf = FastDfsConf(tracker_servers=[target["tracker"]], network_timeout=30)
    async with Async_Fdfs_Client(conf) as client:
        yield AiofdfsStore(client)

"""s3fs: its coroutines for small files and downloads; its file object, in a thread, for large uploads."""

# ruff: noqa: SLF001 - fsspec's coroutines are public, for all their underscores: its documentation says to call them

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from s3fs import S3FileSystem  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target

_READ_SIZE = 1024 * 1024


class S3fsStore(Store):
    def __init__(self, filesystem: Any, blocking: Any, bucket: str) -> None:
        self._filesystem = filesystem
        self._blocking = blocking
        self._bucket = bucket

    def id_of(self, name: str) -> str:
        return f"{self._bucket}/{name}"

    async def put(self, name: str, content: bytes) -> str:
        path = self.id_of(name)
        await self._filesystem._pipe_file(path, content)
        return path

    async def get(self, file_id: str) -> bytes:
        content: bytes = await self._filesystem._cat_file(file_id)
        return content

    async def info(self, file_id: str) -> int:
        # Without it, s3fs may answer from a listing that it has kept.
        found = await self._filesystem._info(file_id, refresh=True)
        size: int = found["size"]
        return size

    async def delete(self, file_id: str) -> None:
        await self._filesystem._rm_file(file_id)

    async def upload(self, name: str, source: Source) -> str:
        path = self.id_of(name)

        def copy() -> None:
            with self._blocking.open(path, "wb") as file:
                for chunk in source:
                    file.write(chunk)

        await asyncio.to_thread(copy)
        return path

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        file = await self._filesystem.open_async(file_id, "rb")
        while chunk := await file.read(_READ_SIZE):
            sink.write(chunk)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    settings = {
        "key": target["access_key"],
        "secret": target["secret_key"],
        "endpoint_url": target["endpoint"],
        "client_kwargs": {"region_name": "us-east-1"},
        "config_kwargs": {"max_pool_connections": 64},
        "skip_instance_cache": True,
    }
    filesystem = S3FileSystem(asynchronous=True, **settings)
    session = await filesystem.set_session()
    try:
        yield S3fsStore(filesystem, S3FileSystem(**settings), target["bucket"])
    finally:
        await session.close()

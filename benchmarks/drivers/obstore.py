"""obstore, the Python face of Rust's object_store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import obstore  # type: ignore[import-not-found]  # it lives in an environment of its own
from obstore.store import S3Store  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target


class ObstoreStore(Store):
    def __init__(self, store: Any) -> None:
        self._store = store

    async def put(self, name: str, content: bytes) -> str:
        await obstore.put_async(self._store, name, content)
        return name

    async def get(self, file_id: str) -> bytes:
        return bytes(await (await obstore.get_async(self._store, file_id)).bytes_async())

    async def info(self, file_id: str) -> int:
        return int((await obstore.head_async(self._store, file_id))["size"])

    async def delete(self, file_id: str) -> None:
        await obstore.delete_async(self._store, file_id)

    async def upload(self, name: str, source: Source) -> str:
        await obstore.put_async(self._store, name, source)
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        found = await obstore.get_async(self._store, file_id)
        async for chunk in found.stream(min_chunk_size=1024 * 1024):
            sink.write(memoryview(chunk))


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    keys = {"access_key_id": target["access_key"], "secret_access_key": target["secret_key"], "region": "us-east-1"}
    http = {"virtual_hosted_style_request": False, "client_options": {"allow_http": True}}
    yield ObstoreStore(S3Store(target["bucket"], endpoint=target["endpoint"], **keys, **http))

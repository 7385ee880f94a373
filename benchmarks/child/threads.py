"""Blocking libraries in a pool of threads, as an asynchronous program has to use them."""

# ruff: noqa: ARG002 - a store that offers nothing has no use for its arguments

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Entry, NotOfferedError, Store

THREADS = 64


class BlockingStore:
    """The operations of `Store`, blocking."""

    def put(self, name: str, content: bytes) -> str:
        raise NotOfferedError

    def get(self, file_id: str) -> bytes:
        raise NotOfferedError

    def info(self, file_id: str) -> int:
        raise NotOfferedError

    def delete(self, file_id: str) -> None:
        raise NotOfferedError

    def upload(self, name: str, source: Source) -> str:
        raise NotOfferedError

    def download(self, file_id: str, sink: CheckedSink) -> None:
        raise NotOfferedError

    def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        raise NotOfferedError


class InThreads(Store):
    """A store whose every operation runs in a thread of its own pool, `THREADS` at once."""

    def __init__(self, blocking: BlockingStore) -> None:
        self._blocking = blocking
        self._threads = ThreadPoolExecutor(THREADS)

    async def _call[**P, R](self, operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: operation(*args, **kwargs))

    async def put(self, name: str, content: bytes) -> str:
        return await self._call(self._blocking.put, name, content)

    async def get(self, file_id: str) -> bytes:
        return await self._call(self._blocking.get, file_id)

    async def info(self, file_id: str) -> int:
        return await self._call(self._blocking.info, file_id)

    async def delete(self, file_id: str) -> None:
        await self._call(self._blocking.delete, file_id)

    async def upload(self, name: str, source: Source) -> str:
        return await self._call(self._blocking.upload, name, source)

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        await self._call(self._blocking.download, file_id, sink)

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        await self._call(self._blocking.zip_to, files, out)

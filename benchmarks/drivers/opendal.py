"""opendal, the Python face of Apache OpenDAL; large uploads in 8 MiB parts, four at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import opendal  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target

_MIB = 1024 * 1024


class OpendalStore(Store):
    def __init__(self, operator: Any) -> None:
        self._operator = operator

    async def put(self, name: str, content: bytes) -> str:
        await self._operator.write(name, content)
        return name

    async def get(self, file_id: str) -> bytes:
        return bytes(await self._operator.read(file_id))

    async def info(self, file_id: str) -> int:
        size: int = (await self._operator.stat(file_id)).content_length
        return size

    async def delete(self, file_id: str) -> None:
        await self._operator.delete(file_id)

    async def upload(self, name: str, source: Source) -> str:
        async with await self._operator.open(name, "wb", chunk=8 * _MIB, concurrent=4) as file:
            async for chunk in source:
                await file.write(chunk)
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        async with await self._operator.open(file_id, "rb") as file:
            while chunk := await file.read(_MIB):
                sink.write(memoryview(chunk))


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield OpendalStore(
        opendal.AsyncOperator(
            "s3",
            bucket=target["bucket"],
            endpoint=target["endpoint"],
            access_key_id=target["access_key"],
            secret_access_key=target["secret_key"],
            region="us-east-1",
        )
    )

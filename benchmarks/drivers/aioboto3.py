"""aioboto3 as its documentation shows it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3  # type: ignore[import-untyped]  # it has no types
from aiobotocore.config import AioConfig  # type: ignore[import-untyped]  # it has no types

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import CONNECTIONS, Store, Target, boto3_settings


class Aioboto3Store(Store):
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, name: str, content: bytes) -> str:
        await self._client.put_object(Bucket=self._bucket, Key=name, Body=content)
        return name

    async def get(self, file_id: str) -> bytes:
        found = await self._client.get_object(Bucket=self._bucket, Key=file_id)
        async with found["Body"] as body:
            return bytes(await body.read())

    async def info(self, file_id: str) -> int:
        return int((await self._client.head_object(Bucket=self._bucket, Key=file_id))["ContentLength"])

    async def delete(self, file_id: str) -> None:
        await self._client.delete_object(Bucket=self._bucket, Key=file_id)

    async def upload(self, name: str, source: Source) -> str:
        await self._client.upload_fileobj(source.reader(), self._bucket, name)
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        found = await self._client.get_object(Bucket=self._bucket, Key=file_id)
        async for chunk in found["Body"].iter_chunks(64 * 1024):
            sink.write(chunk)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    config = AioConfig(max_pool_connections=CONNECTIONS)
    async with aioboto3.Session().client(**boto3_settings(target), config=config) as client:
        yield Aioboto3Store(client, target["bucket"])

"""aioboto3 as its documentation shows it, with a connection for each of 64 workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3  # type: ignore[import-untyped]  # it has no types
from aiobotocore.config import AioConfig  # type: ignore[import-untyped]  # it has no types

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target


class Aioboto3Store(Store):
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, name: str, content: bytes) -> str:
        await self._client.put_object(Bucket=self._bucket, Key=name, Body=content)
        return name

    async def get(self, file_id: str) -> bytes:
        answer = await self._client.get_object(Bucket=self._bucket, Key=file_id)
        async with answer["Body"] as body:
            content: bytes = await body.read()
        return content

    async def info(self, file_id: str) -> int:
        size: int = (await self._client.head_object(Bucket=self._bucket, Key=file_id))["ContentLength"]
        return size

    async def delete(self, file_id: str) -> None:
        await self._client.delete_object(Bucket=self._bucket, Key=file_id)

    async def upload(self, name: str, source: Source) -> str:
        await self._client.upload_fileobj(source.reader(), self._bucket, name)
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        answer = await self._client.get_object(Bucket=self._bucket, Key=file_id)
        async for chunk in answer["Body"].iter_chunks(64 * 1024):
            sink.write(chunk)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    client = aioboto3.Session().client(
        "s3",
        endpoint_url=target["endpoint"],
        aws_access_key_id=target["access_key"],
        aws_secret_access_key=target["secret_key"],
        region_name="us-east-1",
        config=AioConfig(max_pool_connections=64),
    )
    async with client as opened:
        yield Aioboto3Store(opened, target["bucket"])

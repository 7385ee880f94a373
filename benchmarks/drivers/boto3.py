"""boto3 in threads, large files by s3transfer's defaults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
from botocore.config import Config  # type: ignore[import-untyped]  # it has no types

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import CONNECTIONS, Store, Target, boto3_settings, in_thread


class Boto3Store(Store):
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(self, name: str, content: bytes) -> str:
        await in_thread(self._client.put_object, Bucket=self._bucket, Key=name, Body=content)
        return name

    async def get(self, file_id: str) -> bytes:
        return await in_thread(lambda: bytes(self._client.get_object(Bucket=self._bucket, Key=file_id)["Body"].read()))

    async def info(self, file_id: str) -> int:
        return int((await in_thread(self._client.head_object, Bucket=self._bucket, Key=file_id))["ContentLength"])

    async def delete(self, file_id: str) -> None:
        await in_thread(self._client.delete_object, Bucket=self._bucket, Key=file_id)

    async def upload(self, name: str, source: Source) -> str:
        await in_thread(self._client.upload_fileobj, source.reader(), self._bucket, name)
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        await in_thread(self._client.download_fileobj, self._bucket, file_id, sink)


def s3_client(target: Target) -> Any:
    return boto3.client(**boto3_settings(target), config=Config(max_pool_connections=CONNECTIONS))


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield Boto3Store(s3_client(target), target["bucket"])

"""boto3 in threads, large files by s3transfer's defaults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
from botocore.config import Config  # type: ignore[import-untyped]  # it has no types

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target
from benchmarks.child.threads import THREADS, BlockingStore, InThreads


def s3_client(target: Target) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=target["endpoint"],
        aws_access_key_id=target["access_key"],
        aws_secret_access_key=target["secret_key"],
        region_name="us-east-1",
        config=Config(max_pool_connections=THREADS),
    )


class Boto3Store(BlockingStore):
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, content: bytes) -> str:
        self._client.put_object(Bucket=self._bucket, Key=name, Body=content)
        return name

    def get(self, file_id: str) -> bytes:
        content: bytes = self._client.get_object(Bucket=self._bucket, Key=file_id)["Body"].read()
        return content

    def info(self, file_id: str) -> int:
        size: int = self._client.head_object(Bucket=self._bucket, Key=file_id)["ContentLength"]
        return size

    def delete(self, file_id: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=file_id)

    def upload(self, name: str, source: Source) -> str:
        self._client.upload_fileobj(source.reader(), self._bucket, name)
        return name

    def download(self, file_id: str, sink: CheckedSink) -> None:
        self._client.download_fileobj(self._bucket, file_id, sink)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield InThreads(Boto3Store(s3_client(target), target["bucket"]))

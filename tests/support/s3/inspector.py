"""A second look at what a server holds: the SDK, and nothing of ours."""

import asyncio
from dataclasses import dataclass
from typing import Any

# Neither package is typed.
import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from tests.support.s3.server import DEFAULT_BUCKET, S3Server


@dataclass(frozen=True, slots=True)
class S3Inspector:
    """`sdk` is boto3's client; it outlives the event loops of single tests."""

    sdk: Any
    bucket: str = DEFAULT_BUCKET

    async def keys(self, prefix: str = "") -> list[str]:
        return await asyncio.to_thread(self._names, "list_objects_v2", "Contents", prefix)

    async def unfinished_uploads(self, prefix: str = "") -> list[str]:
        return await asyncio.to_thread(self._names, "list_multipart_uploads", "Uploads", prefix)

    async def head(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self._call("head_object", Key=key, ChecksumMode="ENABLED")
        return answer

    async def read(self, key: str) -> bytes:
        answer = await self._call("get_object", Key=key)
        content: bytes = await asyncio.to_thread(answer["Body"].read)
        return content

    async def tags(self, key: str) -> dict[str, str]:
        answer = await self._call("get_object_tagging", Key=key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    async def put(self, key: str, content: bytes, **more: object) -> str:
        """Store an object; gives its ETag."""
        answer = await self._call("put_object", Key=key, Body=content, **more)
        return str(answer["ETag"])

    async def _call(self, method: str, **parameters: object) -> Any:
        return await asyncio.to_thread(getattr(self.sdk, method), Bucket=self.bucket, **parameters)

    def _names(self, method: str, entries: str, prefix: str) -> list[str]:
        pages = self.sdk.get_paginator(method).paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get(entries, ())]


def inspector_of(server: S3Server, bucket: str = DEFAULT_BUCKET) -> S3Inspector:
    """Makes the bucket where it is missing."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    sdk = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=config,
    )
    try:
        sdk.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
            raise
    return S3Inspector(sdk, bucket)

"""Making buckets that are missing."""

import asyncio
from typing import Final

from s3py_helper.adapters.s3.api.retrying import pause_before
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.domain.errors import BucketNotFoundException, StorageException

_THERE_ALREADY: Final = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
_LOOKS: Final = 6
"""Looks at a bucket that was just made, 0.1 s to 1.6 s apart: a cluster may need a moment."""


async def create_missing_buckets(session: S3Session) -> None:
    """Make every configured bucket that is not there.

    Raises:
        BucketNotFoundException: The service reported that it made the bucket, and does not have it.
        StorageException: It refuses.
    """
    for bucket in sorted(session.config.all_buckets):
        try:
            await session.objects.check_bucket(bucket, "open")
        except BucketNotFoundException:
            await _create(session, bucket)
            await _require_made(session, bucket)


async def _create(session: S3Session, bucket: str) -> None:
    region = session.config.region
    # Amazon's oldest region is the one that must not be named.
    context = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    sdk = await session.sdk()
    try:
        await sdk.call("create_bucket", "create bucket", Bucket=bucket, **context)
    except StorageException as error:
        # Another process that starts at the same time was faster.
        if getattr(error.__cause__, "code", None) not in _THERE_ALREADY:
            raise


async def _require_made(session: S3Session, bucket: str) -> None:
    """Look at the bucket: web pages have the status 200 as well, so that of the creation proves nothing."""
    for look in range(_LOOKS - 1):
        try:
            await session.objects.check_bucket(bucket, "open")
        except BucketNotFoundException:
            await asyncio.sleep(pause_before(look))
        else:
            return
    await session.objects.check_bucket(bucket, "open")

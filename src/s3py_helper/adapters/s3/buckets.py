"""Making buckets that are missing."""

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.domain.errors import BucketNotFoundException, StorageException

_THERE_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


async def create_missing_buckets(session: S3Session) -> None:
    """Make every configured bucket that is not there."""
    for bucket in sorted(session.config.all_buckets):
        try:
            await session.objects.head_bucket(bucket, "open")
        except BucketNotFoundException:
            await _create(session, bucket)


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

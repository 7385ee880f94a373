"""Making buckets that are missing."""

from s3py_helper.adapters.s3.session import S3Connection
from s3py_helper.domain.errors import FileNotFoundException, StorageException

_THERE_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


async def create_missing_buckets(connection: S3Connection) -> None:
    """Make every configured bucket that is not there."""
    for bucket in sorted(connection.config.all_buckets):
        try:
            await connection.hot.head_bucket(bucket, "open")
        except FileNotFoundException:
            await _create(connection, bucket)


async def _create(connection: S3Connection, bucket: str) -> None:
    region = connection.config.region
    # Amazon's oldest region is the one that must not be named.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    sdk = await connection.sdk()
    try:
        await sdk.call("create_bucket", "create bucket", Bucket=bucket, **place)
    except StorageException as error:
        # Another process that starts at the same time was faster.
        if getattr(error.__cause__, "code", None) not in _THERE_ALREADY:
            raise

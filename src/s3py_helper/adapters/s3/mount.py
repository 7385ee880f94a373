"""Opens the backend for the container."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from s3py_helper.adapters.s3.buckets import create_missing_buckets
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.presigning import S3Links
from s3py_helper.adapters.s3.session import S3Connection
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.router import MountedBackend


@asynccontextmanager
async def open_backend(config: S3Config) -> AsyncGenerator[MountedBackend]:
    """The store and its abilities, open inside the block."""
    async with S3Connection(config) as connection:
        if config.create_bucket_if_missing:
            await create_missing_buckets(connection)
        yield mounted(connection)


def mounted(
    connection: S3Connection, *, default_bucket: str | None = None, perf: S3PerfConfig | None = None
) -> MountedBackend:
    """The store and its abilities on a connection that the caller opens and closes; see `S3BlobStore`."""
    return MountedBackend(
        store=S3BlobStore(connection, default_bucket=default_bucket, perf=perf),
        health=S3Health(connection),
        links=S3Links(connection),
        listing=S3Listing(connection),
        copying=S3Copy(connection),
    )

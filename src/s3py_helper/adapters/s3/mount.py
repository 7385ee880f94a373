"""Opens the backend for the container."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from s3py_helper.adapters.s3.buckets import create_missing_buckets
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.examination import S3Examination
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer


@asynccontextmanager
async def open_backend(config: S3Config, observer: Observer | None = None) -> AsyncGenerator[MountedBackend]:
    """The store and its abilities, open inside the block."""
    async with S3Session(config, observer) as session:
        if config.create_bucket_if_missing:
            await create_missing_buckets(session)
        yield mounted(session)


def mounted(
    session: S3Session, *, default_bucket: str | None = None, perf: S3PerfConfig | None = None
) -> MountedBackend:
    """The store and its abilities on a connection that the caller opens and closes; see `S3BlobStore`."""
    return MountedBackend(
        store=S3BlobStore(session, default_bucket=default_bucket, perf=perf),
        health=S3Health(session),
        presigning=S3PresignedUrls(session),
        listing=S3Listing(session),
        copying=S3Copy(session),
        naming=S3NamedWrites(session, default_bucket=default_bucket, perf=perf),
        pool_use=session.pool_use,
        examination=S3Examination(session),
        migration_target=partial(S3MigrationTarget, session),
    )

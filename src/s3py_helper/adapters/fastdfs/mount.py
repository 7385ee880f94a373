"""Opening the adapter."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer


@asynccontextmanager
async def open_backend(config: FastdfsConfig, observer: Observer | None = None) -> AsyncGenerator[MountedBackend]:
    """A FastDFS cluster, reachable now or not; its connections are closed at the end."""
    async with FastdfsBlobStore(config, observer) as store:
        yield MountedBackend(
            store=store,
            health=store,
            bytes_only=store,
            pool_use=store.session.pool_use,
            migration_source=FastdfsMigrationSource(config, store),
        )

"""Opening the adapter."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.router import MountedBackend


@asynccontextmanager
async def open_backend(config: FastdfsConfig) -> AsyncGenerator[MountedBackend]:
    """A FastDFS cluster, whether or not it can be reached now; its connections are closed at the end."""
    async with FastdfsBlobStore(config) as store:
        yield MountedBackend(store=store, health=store)

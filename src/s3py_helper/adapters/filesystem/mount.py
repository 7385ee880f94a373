"""Opens the backend for the container."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.listing import FilesystemListing
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer


@asynccontextmanager
async def open_backend(config: FilesystemConfig, observer: Observer | None = None) -> AsyncGenerator[MountedBackend]:
    """The store and its abilities, open inside the block."""
    async with FilesystemBlobStore(config, observer) as store:
        yield MountedBackend(store=store, health=store, listing=FilesystemListing(store), naming=store)

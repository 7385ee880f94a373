"""Opens the backend to be mounted under the scheme `memory`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer

SCHEME: Final = "memory"


@asynccontextmanager
async def open_backend(_observer: Observer) -> AsyncGenerator[MountedBackend]:
    """An empty store with everything that memory can do; its files are gone after the block."""
    async with MemoryBlobStore(SCHEME) as store:
        yield MountedBackend(store=store, health=store, listing=store, copying=store, naming=store)

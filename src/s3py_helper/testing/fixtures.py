"""Fixtures for tests of an application; its `conftest.py` says `pytest_plugins = ["s3py_helper.testing.fixtures"]`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from s3py_helper.adapters.memory.mount import SCHEME
from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.backends import Mount, MountedBackend, Observer
from s3py_helper.storage.manager import StorageManager
from s3py_helper.testing.failing_store import FailingStore

# Its decorator works in all modes of pytest-asyncio; other plugins for asynchronous tests take pytest's own.
_fixture: Any = import_module("pytest_asyncio").fixture if find_spec("pytest_asyncio") else pytest.fixture


@pytest.fixture
def _memory_store() -> MemoryBlobStore:
    return MemoryBlobStore(SCHEME)


@pytest.fixture
def failing_store(_memory_store: MemoryBlobStore) -> FailingStore:
    """What `storage_manager` works with: `failing_store.fail("write", error)` makes the next upload fail."""
    return FailingStore(_memory_store)


@_fixture  # type: ignore[untyped-decorator]  # whichever plugin there is
async def storage_manager(
    _memory_store: MemoryBlobStore, failing_store: FailingStore
) -> AsyncGenerator[StorageManager]:
    """An open manager whose files live in memory, new for each test."""

    @asynccontextmanager
    async def opened(_observer: Observer) -> AsyncGenerator[MountedBackend]:
        async with _memory_store:
            yield MountedBackend(
                failing_store, failing_store, listing=failing_store, copying=failing_store, naming=failing_store
            )

    async with StorageManager(mounts=[Mount(SCHEME, opened)]) as manager:
        yield manager

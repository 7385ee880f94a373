"""Fixtures for tests of an application; its `conftest.py` says `pytest_plugins = ["s3py_helper.testing.fixtures"]`."""

from collections.abc import AsyncGenerator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from s3py_helper.storage.manager import StorageManager

# Its decorator works in all modes of pytest-asyncio; other plugins for asynchronous tests take pytest's own.
_fixture: Any = import_module("pytest_asyncio").fixture if find_spec("pytest_asyncio") else pytest.fixture


@_fixture  # type: ignore[untyped-decorator]  # whichever plugin there is
async def storage_manager() -> AsyncGenerator[StorageManager]:
    """An open manager whose files live in memory, new for each test."""
    async with StorageManager.in_memory() as manager:
        yield manager

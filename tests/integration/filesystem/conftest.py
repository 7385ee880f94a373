"""A store on a folder of its own."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def store(root: Path) -> AsyncGenerator[FilesystemBlobStore]:
    async with FilesystemBlobStore(FilesystemConfig(root=root, durability=False)) as store:
        yield store

"""A deployment on stores in memory that fail on demand."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.testing import FailingStore


@dataclass(frozen=True)
class Deployment:
    """Hybrid mode without servers."""

    locator: Locator
    s3: FailingStore
    fastdfs: FailingStore
    kept_in_s3: MemoryBlobStore
    kept_in_fastdfs: MemoryBlobStore


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        kept_in_s3 = await stack.enter_async_context(MemoryBlobStore(Backend.S3, "my-bucket"))
        kept_in_fastdfs = await stack.enter_async_context(MemoryBlobStore(Backend.FASTDFS, "group1"))
        s3, fastdfs = FailingStore(kept_in_s3), FailingStore(kept_in_fastdfs)
        mounted: dict[str, MountedBackend] = {
            Backend.S3: MountedBackend(s3, s3),
            Backend.FASTDFS: MountedBackend(fastdfs, fastdfs),
        }
        locator = Locator(RoutingPolicy(StorageMode.HYBRID), mounted)
        yield Deployment(locator, s3, fastdfs, kept_in_s3, kept_in_fastdfs)

"""A deployment on stores in memory that fail on demand."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from tests.support.recorder import Recorder
from tests.unit.application.watched import Signer, WatchedStore


@dataclass(frozen=True)
class Deployment:
    """Hybrid mode without servers."""

    locator: Locator
    s3: WatchedStore
    fastdfs: WatchedStore
    kept_in_s3: MemoryBlobStore
    kept_in_fastdfs: MemoryBlobStore


class Quiet(Recorder):
    """Has no use for the operations, as most observers."""

    def wants_operations(self) -> bool:
        return False


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        kept_in_s3 = await stack.enter_async_context(MemoryBlobStore(Backend.S3, "my-bucket"))
        kept_in_fastdfs = await stack.enter_async_context(MemoryBlobStore(Backend.FASTDFS, "group1"))
        s3, fastdfs = WatchedStore(kept_in_s3), WatchedStore(kept_in_fastdfs)
        mounted: dict[str, MountedBackend] = {
            Backend.S3: MountedBackend(s3, s3),
            Backend.FASTDFS: MountedBackend(fastdfs, fastdfs),
        }
        quiet = Quiet()
        locator = Locator(RoutingPolicy(StorageMode.HYBRID), mounted, observer=quiet)
        yield Deployment(locator, s3, fastdfs, kept_in_s3, kept_in_fastdfs)
        assert (s3.held, fastdfs.held) == (0, 0), "a file or a listing was left open"
        assert not quiet.of(RollbackFailed)
        assert locator.clean_up.outstanding == 0


@pytest.fixture
def signer() -> Signer:
    return Signer()


@pytest.fixture
def able(deployment: Deployment, signer: Signer) -> Locator:
    """A deployment whose S3 has every ability."""
    s3 = deployment.s3
    backend = MountedBackend(s3, s3, presigning=signer, listing=s3, copying=s3, naming=s3)
    backends = {**deployment.locator.backends, Backend.S3: backend}
    return Locator(deployment.locator.policy, backends, observer=deployment.locator.observer)

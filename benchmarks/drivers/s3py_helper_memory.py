"""This checkout on the memory store that it ships."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

from benchmarks.child.store import Store, Target
from benchmarks.drivers.s3py_helper import ManagedStore
from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode


@asynccontextmanager
async def open_store(_target: Target) -> AsyncIterator[Store]:
    async with MemoryBlobStore() as store:
        policy = RoutingPolicy(StorageMode.FILESYSTEM)
        locator = Locator(policy, {Backend.FILESYSTEM: MountedBackend(store, store)})
        services = SimpleNamespace(
            upload_service=UploadService(locator),
            download_service=DownloadService(locator),
            delete_service=DeleteService(locator),
            info_service=InfoService(locator),
        )
        yield ManagedStore(services, "")

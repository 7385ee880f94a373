"""A client of one FastDFS cluster."""

from types import TracebackType
from typing import Self

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.locator import Locator
from s3py_helper.application.observing import GuardedObserver, LoggingObserver
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode


class FastdfsClient:
    """A client of one FastDFS cluster; works within `async with`, and connects when something is asked of it.

    Args:
        config: Trackers and timeouts.
        observer: Is notified of retries, fail-overs and the like; by default they are logged.
    """

    def __init__(self, config: FastdfsConfig, observer: Observer | None = None) -> None:
        require_instance(config, FastdfsConfig, "config")
        self._observer = GuardedObserver(observer or LoggingObserver())
        self._clean_up = BackgroundCleanUp(self._observer)
        self._store = FastdfsBlobStore(config, self._observer)

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        await self._clean_up.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._clean_up.aclose()
        finally:
            await self._store.__aexit__(kind, error, trace)

    def locator(self) -> Locator:
        """What the raw services work with: this client alone."""
        backend = MountedBackend(store=self._store, health=self._store, bytes_only=self._store)
        return Locator(
            RoutingPolicy(StorageMode.FASTDFS),
            {Backend.FASTDFS: backend},
            observer=self._observer,
            clean_up=self._clean_up,
        )

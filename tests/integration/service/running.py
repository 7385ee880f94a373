"""The service on a real socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import cast

import uvicorn
from fastapi import FastAPI

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.server.protocol import http_protocol


@dataclass(frozen=True)
class Services:
    """The use cases that the endpoints need, on one store."""

    upload_service: UploadService
    download_service: DownloadService
    delete_service: DeleteService
    info_service: InfoService
    list_service: ListService


def services_on(
    store: BlobStore, validator: FileValidatorImpl | None = None, *, policy: RoutingPolicy | None = None
) -> Services:
    policy = policy or RoutingPolicy(StorageMode.S3, buckets={"my-bucket", "other-bucket"})
    locator = Locator(policy, {Backend.S3: MountedBackend(store, MemoryBlobStore(), listing=cast("Listing", store))})
    return Services(
        UploadService(locator, validator or FileValidatorImpl()),
        DownloadService(locator),
        DeleteService(locator),
        InfoService(locator),
        ListService(locator),
    )


class _Server(uvicorn.Server):
    """Leaves the signals to pytest, says when it is up, and stops without waiting for its next look at the clock."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def main_loop(self) -> None:
        while not self.stop.is_set():
            await self.on_tick(0)  # among others, the header Date
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self.stop.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def served(
    app: FastAPI, *, http: str = "auto", log_level: str = "critical", idle_timeout: float = 60
) -> AsyncGenerator[str]:
    """The application's address. What uvicorn logs goes to the root logger, so that tests see it.

    `http` is a parser that uvicorn knows, or `ours` for the protocol of `s3py serve`, which has the timeout.
    """
    config = uvicorn.Config(
        app,
        http=http_protocol(idle_timeout) if http == "ours" else http,
        ws="none",
        log_config=None,
        log_level=log_level,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve([listening]))
            waiting = group.create_task(server.up.wait())
            await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
            assert server.started, "the server did not start"
            try:
                yield "http://{}:{}".format(*listening.getsockname())
            finally:
                server.stop.set()

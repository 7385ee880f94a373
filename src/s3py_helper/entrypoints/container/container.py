"""Puts a deployment together: the backends that its mode names, and the use cases on them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.diagnosis.diagnosis import DiagnosisService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.health import HealthService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.observing import guarded
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.services import FileServices
from s3py_helper.application.upload import UploadService
from s3py_helper.entrypoints.container.config import KitConfig
from s3py_helper.entrypoints.container.fastdfs_links import rules_of
from s3py_helper.entrypoints.container.signatures import signatures_for
from s3py_helper.entrypoints.container.warm_up import warm_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager


async def _opened(
    opening: "Callable[[], AbstractAsyncContextManager[MountedBackend]]",
) -> "AsyncIterator[MountedBackend]":
    """Open a backend for the graph, which runs this to its end at shutdown."""
    async with opening() as backend:
        yield backend


def _opening(config: KitConfig, backend: str, observer: Observer) -> "Callable[[], AbstractAsyncContextManager[Any]]":
    """What opens a backend: a mounted one, or an adapter of the kit.

    The adapter is imported here and not above: a mode must not pay for, nor need, the SDKs of backends it does not use.
    """
    for mount in config.mounts:
        if mount.scheme == backend:
            return partial(mount.open, observer)
    adapter = import_module(f"s3py_helper.adapters.{backend}.mount")
    return partial(adapter.open_backend, getattr(config, backend), observer)


def _backends(config: KitConfig, observer: Observer) -> "providers.Dict":
    """The backends of the deployment; resolving them opens these, and no other.

    A function and not a container: the module of containers takes as long to import as everything else here, because it
    imports FastAPI wherever that is installed.
    """
    return providers.Dict(
        {
            backend: providers.Resource(_opened, _opening(config, backend, observer))
            for backend in config.opened_backends
        }
    )


def _services(config: KitConfig, locator: Locator) -> FileServices:
    """The use cases on them."""
    return FileServices(
        upload_service=UploadService(
            locator,
            config.validator,
            concurrent_files=config.concurrent_files,
            signatures=signatures_for(config.validator),
        ),
        download_service=DownloadService(locator),
        delete_service=DeleteService(locator),
        info_service=InfoService(locator),
        copy_service=CopyService(locator),
        link_service=LinkService(
            locator,
            config.validator,
            config.service_links,
            fastdfs_links=None if config.fastdfs_links is None else rules_of(config.fastdfs_links),
        ),
        list_service=ListService(locator),
        health_service=HealthService(locator),
        diagnosis_service=DiagnosisService(locator),
    )


@asynccontextmanager
async def open_services(config: KitConfig) -> AsyncGenerator[FileServices]:
    """The use cases of a deployment; its backends are open inside the block and closed after it."""
    observer = guarded(config.observer)
    clean_up = BackgroundCleanUp(observer)
    graph = _backends(config, observer)
    await warm_up()
    try:
        # With asynchronous resources in the graph, resolving its root and shutting down give awaitables.
        backends = await cast("Awaitable[dict[str, MountedBackend]]", graph())
        if config.migration is None:
            yield _services(config, Locator(config.policy, backends, observer=observer, clean_up=clean_up))
            return
        # Imported here, because it takes a database along: few deployments migrate.
        from s3py_helper.entrypoints.container.migrating import open_migration  # noqa: PLC0415

        async with open_migration(config, backends, observer, clean_up) as migrating:
            yield replace(_services(config, migrating.locator), migration=migrating.migration)
    finally:
        await completed(_close(graph, clean_up))


async def _close(graph: "providers.Dict", clean_up: BackgroundCleanUp) -> None:
    """Close the backends when what was being rolled back on them has ended, or had its time."""
    await clean_up.aclose()
    opened = [resource for resource in graph.traverse([providers.Resource]) if resource.initialized]
    await asyncio.gather(*(cast("Awaitable[None]", resource.shutdown()) for resource in opened))

"""The endpoints for files in an application that keeps nothing between them and a request for a file."""

from collections.abc import Collection, Sequence
from enum import Enum

from fastapi import FastAPI

from s3py_helper.entrypoints.http.access.access import Access, Authorize
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.endpoints.direct import DirectReads
from s3py_helper.entrypoints.http.endpoints.endpoint import Endpoint
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.router import DEFAULT_DOWNLOADS, DEFAULT_LIMITS, router_of
from s3py_helper.entrypoints.http.services import current_services


def include_files(
    app: FastAPI,
    *,
    prefix: str = "/files",
    tags: Sequence[str | Enum] = ("files",),
    authorize: Authorize | None = None,
    endpoints: Collection[str] = frozenset(Endpoint),
    limits: Limits = DEFAULT_LIMITS,
    downloads: DownloadOptions = DEFAULT_DOWNLOADS,
    operation_prefix: str = "",
) -> None:
    """Include the endpoints of `create_files_router`, with the short way for files that are fetched.

    A `GET` without a query then goes from the application's middleware straight to the store: FastAPI solves no
    dependencies for it. There are none: who asks is for `authorize`, or for middleware, to find out. Routes that the
    application has by now come first. In an application with dependencies of its own, or while one is overridden,
    every request goes the usual way.

    Args:
        app: The application; its lifespan is, or passes on, that of `storage_lifespan`.
        prefix: As for `create_files_router`, and not empty; so are the others.
        tags: Groups in the description of the interface.
        authorize: Asked before anything is done with a file.
        endpoints: Which endpoints there are.
        limits: What clients are granted.
        downloads: How long files may be cached, and which are sent by their backend itself.
        operation_prefix: Front of the ids of operations.

    Raises:
        InvalidArgumentException: There is no endpoint of that name.
    """
    shared = Shared(current_services, Access(authorize), limits, Delivery.of(limits, downloads), operation_prefix)
    router = router_of(shared, prefix=prefix, tags=tags, endpoints=endpoints)
    if Endpoint.DOWNLOAD in endpoints and not app.router.dependencies:
        app.router.routes.append(DirectReads(prefix, shared))
    app.include_router(router)

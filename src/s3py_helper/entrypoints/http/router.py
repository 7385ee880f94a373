"""The endpoints for files, to mount in any FastAPI application."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from fastapi import APIRouter

from s3py_helper.domain.arguments import require_items
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.http.access.access import Access, Authorize
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.endpoints.copying import add_copy
from s3py_helper.entrypoints.http.endpoints.deleting import add_delete
from s3py_helper.entrypoints.http.endpoints.describing import add_info
from s3py_helper.entrypoints.http.endpoints.downloading import add_download
from s3py_helper.entrypoints.http.endpoints.endpoint import Endpoint
from s3py_helper.entrypoints.http.endpoints.linking import add_links
from s3py_helper.entrypoints.http.endpoints.listing import add_list
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.endpoints.uploading import add_uploads
from s3py_helper.entrypoints.http.endpoints.zipping import add_zip
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import ServesFiles, current_services

DEFAULT_LIMITS: Final = Limits()
DEFAULT_DOWNLOADS: Final = DownloadOptions()

# In this order the routes are tried: a path that ends in a verb goes before one that is an id and nothing else.
_ADD: Final[Mapping[Endpoint, Callable[[APIRouter, Shared], None]]] = {
    Endpoint.UPLOAD: add_uploads,
    Endpoint.ZIP: add_zip,
    Endpoint.INFO: add_info,
    Endpoint.COPY: add_copy,
    Endpoint.LINK: add_links,
    Endpoint.LIST: add_list,
    Endpoint.DOWNLOAD: add_download,
    Endpoint.DELETE: add_delete,
}


def create_files_router(  # noqa: PLR0913 - all are given by name
    get_services: Callable[..., ServesFiles | Awaitable[ServesFiles]] = current_services,
    *,
    prefix: str = "/files",
    tags: Sequence[str | Enum] = ("files",),
    dependencies: Sequence[Any] = (),
    authorize: Authorize | None = None,
    endpoints: Collection[str] = frozenset(Endpoint),
    limits: Limits = DEFAULT_LIMITS,
    downloads: DownloadOptions = DEFAULT_DOWNLOADS,
    operation_prefix: str = "",
) -> APIRouter:
    """Endpoints that upload, download, describe and delete files.

    ```python
    app.include_router(create_files_router(lambda: manager, dependencies=[Depends(logged_in)]))
    ```

    Args:
        get_services: A FastAPI dependency that gives `FileServices`, an open `StorageManager`, or the like; by default
            what the lifespan of the application has opened.
        prefix: Front of all paths.
        tags: Groups in the description of the interface.
        dependencies: Run before every endpoint, and before a byte of the body is read: who is it?
        authorize: Asked before anything is done with a file, for each file of an archive too: may they? It gets the
            request, the `Action`, and the file's id (`None` for new files and for listings), and returns whether that
            is permitted; everything is by default.
        endpoints: Which endpoints there are, as `Endpoint` or its values; all by default.
        limits: What clients are granted.
        downloads: How long files may be cached, and which are sent by their backend itself.
        operation_prefix: Front of the ids of operations (`upload_file`, ...) in the description of the interface, for
            an application that includes several of these routers: ids are unique (OpenAPI 3.1, 4.8.10).

    Errors of storage are answered as `application/problem+json`, unless the application has a handler for them.

    Raises:
        InvalidArgumentException: There is no endpoint of that name.
    """
    shared = Shared(get_services, Access(authorize), limits, Delivery.of(limits, downloads), operation_prefix)
    return router_of(shared, prefix=prefix, tags=tags, dependencies=dependencies, endpoints=endpoints)


def router_of(
    shared: Shared,
    *,
    prefix: str = "/files",
    tags: Sequence[str | Enum] = ("files",),
    dependencies: Sequence[Any] = (),
    endpoints: Collection[str] = frozenset(Endpoint),
) -> APIRouter:
    """As `create_files_router`, for who has more endpoints with the same limits."""
    router = APIRouter(
        prefix=prefix,
        tags=list(tags),
        dependencies=list(dependencies),
        route_class=ProblemRoute,
        redirect_slashes=False,
    )
    chosen = _known(endpoints)
    for endpoint, add in _ADD.items():
        if endpoint in chosen:
            add(router, shared)
    return router


def _known(endpoints: Collection[str]) -> frozenset[str]:
    names = frozenset(require_items(endpoints, str, "endpoints"))
    if unknown := sorted(names - frozenset(Endpoint)):
        raise InvalidArgumentException(f"no such endpoint: {', '.join(unknown)}; there are {', '.join(Endpoint)}")
    return names

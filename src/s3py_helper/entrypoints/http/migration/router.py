"""The endpoints of a migration, to mount in any FastAPI application."""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, HTTPException, Request

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.status_feed import StatusFeed
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.access.access import Access, Authorize
from s3py_helper.entrypoints.http.guard import refuse_foreign_pages
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.migration.events import Events
from s3py_helper.entrypoints.http.migration.feeds import Feeds
from s3py_helper.entrypoints.http.migration.operators import OperatorRoute
from s3py_helper.entrypoints.http.migration.showing import add_showing
from s3py_helper.entrypoints.http.migration.steering import add_steering
from s3py_helper.entrypoints.http.migration.switched_off import HOW_TO_SWITCH_ON, PREFIX
from s3py_helper.entrypoints.http.services import current_services

_NO_LIMITS: Final = Limits()


def create_migration_router(
    get_services: Callable[..., object | Awaitable[object]] = current_services,
    *,
    prefix: str = PREFIX,
    tags: Sequence[str | Enum] = ("migration",),
    dependencies: Sequence[Any] = (),
    authorize: Authorize | None = None,
    limits: Limits = _NO_LIMITS,
    is_stopping: Callable[[], bool] = lambda: False,
    operation_prefix: str = "",
) -> APIRouter:
    """Endpoints that show a migration from FastDFS to S3, and steer it.

    ```python
    app.include_router(create_migration_router(dependencies=[Depends(is_operator)]))
    ```

    They may change where files are read: `dependencies` or `authorize` has to let operators in alone. Requests of pages
    of other sites change nothing, also where browsers send cookies by themselves. Errors are answered as problems whose
    `detail` names files, groups and the ledger.

    Args:
        get_services: A FastAPI dependency that gives an object with the attribute `migration`: `FileServices`, or an
            open `StorageManager`; by default what the lifespan of the application has opened.
        prefix: Front of all paths.
        tags: Groups in the description of the interface.
        dependencies: Run before every endpoint: who is it?
        authorize: Asked before anything is done, with `Action.ADMIN`: may they?
        limits: What clients are granted.
        is_stopping: Whether the application is being stopped: streams of events end then, which would hold it up.
        operation_prefix: Front of the ids of operations in the description of the interface.
    """
    return migration_router_of(
        Feeds(),
        Access(authorize),
        get_services=get_services,
        prefix=prefix,
        tags=tags,
        dependencies=[*dependencies, Depends(refuse_foreign_pages)],
        limits=limits,
        is_stopping=is_stopping,
        operation_prefix=operation_prefix,
    )


def migration_router_of(  # noqa: PLR0913 - nearly all are given by name
    feeds: Feeds,
    access: Access,
    *,
    get_services: Callable[..., object | Awaitable[object]] = current_services,
    prefix: str = PREFIX,
    tags: Sequence[str | Enum] = ("migration",),
    dependencies: Sequence[Any] = (),
    limits: Limits = _NO_LIMITS,
    is_stopping: Callable[[], bool] = lambda: False,
    operation_prefix: str = "",
) -> APIRouter:
    """As `create_migration_router`, for who has more that looks at the migration."""

    async def admitted(request: Request, services: Annotated[object, Depends(get_services)]) -> StatusFeed:
        await access.require(request, Action.ADMIN)
        return feeds.of(_migration_of(services))

    router = APIRouter(
        prefix=prefix,
        tags=list(tags),
        dependencies=list(dependencies),
        route_class=OperatorRoute,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: operation_prefix + route.name,
    )
    add_showing(router, admitted, Events(is_stopping, idle_timeout=limits.idle_timeout))
    add_steering(router, admitted, limits)
    return router


def _migration_of(services: object) -> Migration:
    try:
        migration = getattr(services, "migration", None)
    except InvalidArgumentException:  # a `StorageManager` without one
        migration = None
    if migration is None:
        raise HTTPException(404, HOW_TO_SWITCH_ON)
    return cast("Migration", migration)

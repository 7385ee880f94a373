"""Steering a migration."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.status_feed import StatusFeed
from s3py_helper.domain.file_id import FileId
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.migration.answers import LimitsOf, PlannedAgain, RouteOf
from s3py_helper.entrypoints.http.migration.request_bodies import (
    INVALID,
    LimitsRequest,
    RequestBodies,
    RetryRequest,
    RouteRequest,
    described,
)
from s3py_helper.entrypoints.http.openapi import problems


def add_steering(router: APIRouter, admitted: Callable[..., Awaitable[StatusFeed]], limits: Limits) -> None:
    """Add the endpoints that change something, as the commands of the same names do."""
    bodies = RequestBodies(limits)

    @router.post(
        "/errors/retry",
        responses=INVALID | problems(400, 413),
        openapi_extra=described(RetryRequest, required=False),
    )
    async def retry_migration_errors(request: Request, feed: Annotated[StatusFeed, Depends(admitted)]) -> PlannedAgain:
        """Plan quarantined files again: all, or those that the body names."""
        chosen: list[FileId] | None = None
        if "content-type" in request.headers:
            chosen = [FileId.parse(text) for text in (await bodies.read(request, RetryRequest)).file_ids]
        planned_again = await feed.migration.retry(chosen)
        feed.changed()
        return PlannedAgain(planned_again=planned_again)

    @router.post("/routes/{group}", responses=problems(400, 404, 409))
    async def change_migration_route(
        feed: Annotated[StatusFeed, Depends(admitted)], group: str, change: RouteRequest
    ) -> RouteOf:
        """Read the old ids of a group elsewhere; 409 says what is missing until that is safe."""
        accepted = [FileId.parse(text) for text in change.accept_quarantine]
        await feed.migration.route(group, change.route, accept=accepted, accept_incomplete=change.accept_incomplete)
        feed.changed()
        return RouteOf(group=group, route=change.route)

    @router.post("/limits", responses=INVALID | problems(413), openapi_extra=described(LimitsRequest))
    async def change_migration_limits(request: Request, feed: Annotated[StatusFeed, Depends(admitted)]) -> LimitsOf:
        """Change limits while workers run; they notice within a second or two."""
        body = await bodies.read(request, LimitsRequest)
        return await _changed(feed, body.change)

    @router.post("/pause", responses=problems())
    async def pause_migration(feed: Annotated[StatusFeed, Depends(admitted)]) -> LimitsOf:
        """Let all workers finish the files at hand, and wait."""
        return await _changed(feed, LimitsChange(paused=True))

    @router.post("/resume", responses=problems())
    async def resume_migration(feed: Annotated[StatusFeed, Depends(admitted)]) -> LimitsOf:
        """Let all workers go on."""
        return await _changed(feed, LimitsChange(paused=False))


async def _changed(feed: StatusFeed, change: LimitsChange) -> LimitsOf:
    limits = await feed.migration.change_limits(change)
    feed.changed()
    return LimitsOf.of(limits)

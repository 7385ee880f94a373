"""Looking at a migration."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from s3py_helper.application.migration.status_feed import FailedReading, Reading, StatusFeed
from s3py_helper.entrypoints.http.migration.answers import ErrorOf, LimitsOf, RouteOf, Status, errors_of, routes_of
from s3py_helper.entrypoints.http.migration.events import Events
from s3py_helper.entrypoints.http.openapi import problems

_EVENT_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events `status`, whose data is as of `status`, and `trouble`, whose data is a problem",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def add_showing(router: APIRouter, admitted: Callable[..., Awaitable[StatusFeed]], events: Events) -> None:
    """Add the endpoints that change nothing."""

    @router.get("/status", responses=problems())
    async def migration_status(feed: Annotated[StatusFeed, Depends(admitted)]) -> Status:
        """Where everything is, how fast it moves, and what holds it up. Read once a second at most, for all."""
        return Status.of(await _reading_of(feed))

    @router.get("/events", response_class=Response, responses=_EVENT_STREAM | problems())
    async def migration_events(feed: Annotated[StatusFeed, Depends(admitted)]) -> Response:
        """The status once a second, as server-sent events."""
        return events.response(feed)

    @router.get("/errors", responses=problems())
    async def migration_errors(feed: Annotated[StatusFeed, Depends(admitted)]) -> list[ErrorOf]:
        """Why files were put aside."""
        return errors_of((await _reading_of(feed)).status)

    @router.get("/routes", responses=problems())
    async def migration_routes(feed: Annotated[StatusFeed, Depends(admitted)]) -> list[RouteOf]:
        """Where the old ids of each group are read."""
        return routes_of((await _reading_of(feed)).status)

    @router.get("/limits", responses=problems())
    async def migration_limits(feed: Annotated[StatusFeed, Depends(admitted)]) -> LimitsOf:
        """What workers keep to."""
        return LimitsOf.of((await _reading_of(feed)).status.limits)


async def _reading_of(feed: StatusFeed) -> Reading:
    reading = await feed.after()
    if isinstance(reading, FailedReading):
        raise reading.error
    return reading

"""`GET /metrics`."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.watching.metrics import CONTENT_TYPE, Metrics

type MoreMetrics = Callable[[Request], Awaitable[bytes]]
"""Metrics in the same format that are not counted but looked up."""


def create_metrics_router(metrics: Metrics, access: Access, more: MoreMetrics | None = None) -> APIRouter:
    """The metrics in the text format of Prometheus, for those who may see it."""
    router = APIRouter(tags=["health"], route_class=ProblemRoute)

    @router.get(
        "/metrics",
        operation_id="metrics",
        response_class=Response,
        responses={200: {"description": "Prometheus' text format", "content": {"text/plain": {}}}},
    )
    @router.head("/metrics", include_in_schema=False)
    async def exposed(request: Request) -> Response:
        """What has been counted since the start."""
        await access.require(request, Action.ADMIN)
        looked_up = b"" if more is None else await more(request)
        return Response(metrics.exposed() + looked_up, media_type=CONTENT_TYPE)

    return router

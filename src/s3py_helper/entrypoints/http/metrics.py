"""`GET /metrics`."""

from fastapi import APIRouter, Request, Response

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.watching.metrics import CONTENT_TYPE, Metrics


def create_metrics_router(metrics: Metrics, access: Access) -> APIRouter:
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
        return Response(metrics.exposed(), media_type=CONTENT_TYPE)

    return router

"""Whether the service can do its work."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import current_services


def create_health_router(*, details: bool) -> APIRouter:
    """`GET /health`: 200 while new files can be stored, else 503.

    Args:
        details: Whether the response says what is wrong with which backend, which helps operators and attackers alike.
    """
    router = APIRouter(tags=["health"], route_class=ProblemRoute)

    @router.get("/health", operation_id="health")
    @router.head("/health", include_in_schema=False)
    async def health(
        services: Annotated[FileServices, Depends(current_services)], response: Response
    ) -> dict[str, object]:
        report = await services.health_service.report()
        status = "ok" if report.healthy else "degraded" if report.usable else "unavailable"
        if not report.usable:
            response.status_code = 503
        if not details:
            return {"status": status}
        return {
            "status": status,
            "backends": {str(backend): problem or "ok" for backend, problem in report.problems.items()},
        }

    return router

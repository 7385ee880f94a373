"""Whether the service can do its work."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from s3py_helper.application.health import HealthReport, HealthService
from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import current_services

PATIENCE: Final = 0.8
"""Seconds to wait for a new report where there is an older one: Kubernetes gives its probes one second."""


def create_health_router(tells_details: Callable[[Request], bool]) -> APIRouter:
    """`GET /health`: 200 while new files can be stored, else 503.

    Args:
        tells_details: Whether the response to this request says what is wrong with which backend, which helps operators
            and attackers alike.
    """
    router = APIRouter(tags=["health"], route_class=ProblemRoute)
    latest = LatestReport()

    @router.get("/health", operation_id="health")
    @router.head("/health", include_in_schema=False)
    async def health(
        request: Request, services: Annotated[FileServices, Depends(current_services)], response: Response
    ) -> dict[str, object]:
        report = await latest.of(services.health_service)
        status = "ok" if report.healthy else "degraded" if report.usable else "unavailable"
        if not report.usable:
            response.status_code = 503
        if not tells_details(request):
            return {"status": status}
        return {
            "status": status,
            "backends": {str(backend): problem or "ok" for backend, problem in report.problems.items()},
        }

    return router


class LatestReport:
    """One report at a time for all who ask; while a backend is slow to respond, the one before it."""

    def __init__(self) -> None:
        self._service: HealthService | None = None
        self._report: HealthReport | None = None
        self._under_way: asyncio.Task[HealthReport] | None = None

    async def of(self, service: HealthService) -> HealthReport:
        """The report of now, or the last one where the new one takes too long."""
        if service is not self._service:
            # The application was started again, perhaps in another event loop.
            self._service, self._report, self._under_way = service, None, None
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(service.report())
        under_way = self._under_way
        await asyncio.wait([under_way], timeout=None if self._report is None else PATIENCE)
        if under_way.done():
            if self._under_way is under_way:
                self._under_way = None
            self._report = under_way.result()
        assert self._report is not None  # noqa: S101 - the first is waited for
        return self._report

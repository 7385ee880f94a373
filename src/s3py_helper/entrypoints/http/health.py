"""Whether the service lives, whether it can do its work, and what keeps it from that."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from s3py_helper.application.health import HealthReport, HealthService
from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import current_services

PROBES: Final = frozenset({"/livez", "/readyz", "/healthz", "/health"})

PATIENCE: Final = 0.8
"""Seconds to wait for a new report where there is an older one: Kubernetes gives its probes one second."""

FRESH: Final = 1.0
"""Seconds for which a report answers probes."""

_UNAVAILABLE: Final = 503


class Draining:
    """Whether the service is being stopped: it finishes what it has begun, and should get nothing more.

    Attributes:
        begun: Whether that is so.
    """

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """To be called when the service is stopped."""
        self.begun = True


class Health(BaseModel, use_attribute_docstrings=True):
    """How the service is."""

    status: Literal["ok", "degraded", "unavailable", "draining"]
    """`degraded`: new files can be stored, but some backend cannot be used."""
    backends: dict[str, str] | None = None
    """What is wrong with each, or `ok`; for those who may see it."""


_NOT_NOW: Final[Mapping[int | str, dict[str, Any]]] = {
    _UNAVAILABLE: {"description": "New files cannot be stored, or the service is being stopped", "model": Health}
}


def create_health_router(tells_details: Callable[[Request], bool], draining: Draining) -> APIRouter:
    """`/livez` and `/healthz`, `/readyz`, and `/health`.

    Args:
        tells_details: Whether the response to this request says what is wrong with which backend, which helps operators
            and attackers alike.
        draining: Makes `/readyz` false.
    """
    router = APIRouter(tags=["health"], route_class=ProblemRoute)
    latest = LatestReport()

    @router.get("/livez", operation_id="livez", response_model_exclude_none=True)
    @router.head("/livez", include_in_schema=False, response_model_exclude_none=True)
    @router.get("/healthz", operation_id="healthz", response_model_exclude_none=True)
    @router.head("/healthz", include_in_schema=False, response_model_exclude_none=True)
    async def livez() -> Health:
        """The process responds. No backend is asked: restarting this process would mend none."""
        return Health(status="ok")

    @router.get("/readyz", operation_id="readyz", responses=dict(_NOT_NOW), response_model_exclude_none=True)
    @router.head("/readyz", include_in_schema=False, response_model_exclude_none=True)
    async def readyz(
        request: Request,
        response: Response,
        services: Annotated[FileServices, Depends(current_services)],
        verbose: Annotated[str | None, Query(description="Tell of each backend, to those who may see it.")] = None,
    ) -> Health:
        """New files can be stored, and the service is not being stopped. Responds within a second."""
        if draining.begun:
            response.status_code = _UNAVAILABLE
            return Health(status="draining")
        report = await latest.within(PATIENCE, services.health_service)
        if report is None:
            # The first one takes long.
            response.status_code = _UNAVAILABLE
            return Health(status="unavailable")
        return _shown(report, response, details=verbose is not None and tells_details(request))

    @router.get("/health", operation_id="health", responses=dict(_NOT_NOW), response_model_exclude_none=True)
    @router.head("/health", include_in_schema=False, response_model_exclude_none=True)
    async def health(
        request: Request, response: Response, services: Annotated[FileServices, Depends(current_services)]
    ) -> Health:
        """New files can be stored; and what is wrong with which backend, for those who may see it."""
        report = await latest.of(services.health_service)
        return _shown(report, response, details=tells_details(request))

    return router


def _shown(report: HealthReport, response: Response, *, details: bool) -> Health:
    if not report.usable:
        response.status_code = _UNAVAILABLE
    return Health(
        status="ok" if report.healthy else "degraded" if report.usable else "unavailable",
        backends={str(backend): problem or "ok" for backend, problem in report.problems.items()} if details else None,
    )


class LatestReport:
    """One report at a time for all who ask; while a backend is slow to respond, the one before it."""

    def __init__(self) -> None:
        self._service: HealthService | None = None
        self._report: HealthReport | None = None
        self._made_at = 0.0
        self._under_way: asyncio.Task[HealthReport] | None = None

    async def of(self, service: HealthService) -> HealthReport:
        """The report of now, or the last one where the new one takes too long."""
        self._begin(service)
        await self._wait(None if self._report is None else PATIENCE)
        assert self._report is not None  # noqa: S101 - the first is waited for
        return self._report

    async def within(self, seconds: float, service: HealthService) -> HealthReport | None:
        """A report that is fresh, else the last one; `None` where there was none in that time."""
        if service is self._service and self._report is not None and monotonic() - self._made_at < FRESH:
            return self._report
        self._begin(service)
        await self._wait(seconds)
        return self._report

    def _begin(self, service: HealthService) -> None:
        if service is not self._service:
            # The application was started again, perhaps in another event loop.
            self._service, self._report, self._under_way = service, None, None
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(service.report())

    async def _wait(self, seconds: float | None) -> None:
        under_way = self._under_way
        assert under_way is not None  # noqa: S101 - it was begun
        await asyncio.wait([under_way], timeout=seconds)
        if under_way.done():
            if self._under_way is under_way:
                self._under_way = None
            self._report, self._made_at = under_way.result(), monotonic()

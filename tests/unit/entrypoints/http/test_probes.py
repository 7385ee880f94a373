"""What probes are answered, and to whom the reasons are told."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from s3py_helper.application.health import HealthReport
from s3py_helper.entrypoints.http import health
from s3py_helper.entrypoints.http.health import Draining, create_health_router
from s3py_helper.entrypoints.http.services import current_services

WELL = HealthReport({"s3": None, "fastdfs": None}, "s3")
HALF = HealthReport({"s3": None, "fastdfs": "no trackers"}, "s3")
DOWN = HealthReport({"s3": "no connection", "fastdfs": None}, "s3")
DETAILS = {
    id(WELL): {"s3": "ok", "fastdfs": "ok"}, id(HALF): {"s3": "ok", "fastdfs": "no trackers"},
    id(DOWN): {"s3": "no connection", "fastdfs": "ok"},
}  # fmt: skip


class Probed:
    """A service whose backends are as a report says, and which may be being stopped; reports may be seen by some."""

    def __init__(self) -> None:
        self.report: HealthReport | None = None
        self.draining = Draining()
        self._app = FastAPI()
        self._app.include_router(create_health_router(lambda request: "x-may-see" in request.headers, self.draining))
        services = SimpleNamespace(health_service=SimpleNamespace(report=self._reported))
        self._app.dependency_overrides[current_services] = lambda: services

    async def _reported(self) -> HealthReport:
        assert self.report is not None, "no backend is to be asked"
        return self.report

    async def ask(self, path: str, *, method: str = "GET", tells: bool = False) -> tuple[int, Any]:
        """Status and body."""
        headers = {"x-may-see": "1"} if tells else {}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://127.0.0.1") as client:
            response = await client.request(method, path, headers=headers)
        return response.status_code, response.json() if response.content else None


@pytest.fixture(scope="module")
def made() -> Probed:
    """Made once: that takes longer than all probes."""
    return Probed()


@pytest.fixture
def probed(made: Probed, monkeypatch: pytest.MonkeyPatch) -> Probed:
    made.report, made.draining.begun = None, False
    monkeypatch.setattr(health, "FRESH", 0.0)
    return made


async def test_a_process_that_responds_lives(probed: Probed) -> None:
    for draining in (False, True):
        probed.draining.begun = draining
        for path in ("/livez", "/healthz"):
            assert await probed.ask(path) == (200, {"status": "ok"})
            assert (await probed.ask(path, method="HEAD"))[0] == 200


@pytest.mark.parametrize(
    ("report", "status", "told"), [(WELL, 200, "ok"), (HALF, 200, "degraded"), (DOWN, 503, "unavailable")]
)
async def test_the_service_is_as_well_as_new_files_are(
    probed: Probed, report: HealthReport, status: int, told: str
) -> None:
    probed.report = report
    details = {"status": told, "backends": DETAILS[id(report)]}
    for path, tells, expected in (
        ("/readyz", False, {"status": told}),
        ("/readyz", True, {"status": told}),
        ("/readyz?verbose", False, {"status": told}),
        ("/readyz?verbose", True, details),
        ("/health", False, {"status": told}),
        ("/health", True, details),
    ):
        assert await probed.ask(path, tells=tells) == (status, expected)
    for path in ("/readyz", "/health"):
        assert (await probed.ask(path, method="HEAD"))[0] == status


async def test_a_service_that_is_being_stopped_is_not_ready(probed: Probed) -> None:
    probed.draining.begin()
    assert await probed.ask("/readyz?verbose", tells=True) == (503, {"status": "draining"})
    probed.report = WELL
    assert await probed.ask("/health") == (200, {"status": "ok"})


async def test_a_first_report_that_takes_long_is_not_waited_for(
    probed: Probed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*_given: object) -> None: ...

    monkeypatch.setattr(health.LatestReport, "within", none)
    assert await probed.ask("/readyz") == (503, {"status": "unavailable"})

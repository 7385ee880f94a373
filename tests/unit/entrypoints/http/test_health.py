"""How often backends are asked, and how long those wait who ask for their health."""

import asyncio

import pytest

from s3py_helper.application.health import HealthReport, HealthService
from s3py_helper.entrypoints.http import health
from s3py_helper.entrypoints.http.health import LatestReport

pytestmark = pytest.mark.timeout(30)

WELL = HealthReport({"s3": None}, "s3")
ILL = HealthReport({"s3": "no answer"}, "s3")


class Checks(HealthService):
    """Gives the reports that it is told to, when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.report_now: asyncio.Queue[HealthReport | Exception] = asyncio.Queue()

    async def report(self) -> HealthReport:
        self.begun += 1
        report = await self.report_now.get()
        if isinstance(report, Exception):
            raise report
        return report


async def test_all_who_ask_at_once_share_one_report() -> None:
    latest, checks = LatestReport(), Checks()
    asking = [asyncio.create_task(latest.of(checks)) for _ in range(50)]
    await asyncio.sleep(0)
    checks.report_now.put_nowait(WELL)
    assert await asyncio.gather(*asking) == [WELL] * 50
    assert checks.begun == 1
    checks.report_now.put_nowait(ILL)
    assert await latest.of(checks) is ILL
    assert checks.begun == 2


async def test_a_slow_check_is_not_waited_for_when_there_is_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.01)
    latest, checks = LatestReport(), Checks()
    checks.report_now.put_nowait(WELL)
    assert await latest.of(checks) is WELL
    for _ in range(3):
        assert await latest.of(checks) is WELL
    assert checks.begun == 2
    checks.report_now.put_nowait(ILL)
    assert await latest.of(checks) is ILL


async def test_one_who_asks_and_leaves_does_not_end_the_check_of_others() -> None:
    latest, checks = LatestReport(), Checks()
    leaving, staying = asyncio.create_task(latest.of(checks)), asyncio.create_task(latest.of(checks))
    await asyncio.sleep(0)
    leaving.cancel()
    checks.report_now.put_nowait(WELL)
    assert await staying is WELL


async def test_a_check_that_fails_is_made_again() -> None:
    latest, checks = LatestReport(), Checks()
    checks.report_now.put_nowait(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        await latest.of(checks)
    checks.report_now.put_nowait(WELL)
    assert await latest.of(checks) is WELL


def test_a_service_that_is_started_again_is_asked_again() -> None:
    latest = LatestReport()

    async def ask(report: HealthReport) -> HealthReport:
        checks = Checks()
        checks.report_now.put_nowait(report)
        return await latest.of(checks)

    assert asyncio.run(ask(WELL)) is WELL
    assert asyncio.run(ask(ILL)) is ILL


async def test_a_fresh_report_answers_all_probes() -> None:
    latest, checks = LatestReport(), Checks()
    checks.report_now.put_nowait(WELL)
    assert [await latest.within(1, checks) for _ in range(20)] == [WELL] * 20
    assert checks.begun == 1


async def test_a_probe_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH", 0)
    latest, checks = LatestReport(), Checks()
    assert await latest.within(0.01, checks) is None
    checks.report_now.put_nowait(WELL)
    assert await latest.within(10, checks) is WELL
    assert await latest.within(0.01, checks) is WELL
    checks.report_now.put_nowait(ILL)
    assert await latest.within(10, checks) is ILL
    assert checks.begun == 2

"""A migration as metrics."""

import asyncio
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.migration.speedometer import Speed, Speeds
from s3py_helper.application.migration.status_feed import Reading, StatusFeed
from s3py_helper.application.ports.ledger import Limits, Tally
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.entrypoints.http.migration.metrics import exposed
from tests.unit.entrypoints.http.migration.conftest import Admin

pytestmark = pytest.mark.timeout(60)

type Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def _samples(admin: Admin) -> Samples:
    response = await admin.client.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name.removeprefix("s3py_migration_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name.startswith("s3py_migration_")
    }


def _of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_counts_routes_errors_and_limits_are_told(admin: Admin) -> None:
    await admin.plan(5)
    await admin.end(FileState.COPIED, 2)
    await admin.end(FileState.QUARANTINED, 1, "conflict: another object has the key")
    await admin.ledger.set_route("group1", Route.S3_FIRST)
    await admin.ledger.set_limits(Limits(bytes_per_second=5000, paused=True))
    samples = await _samples(admin)
    assert samples[_of("files", group="group1", state="planned")] == 2
    assert samples[_of("bytes", group="group1", state="copied")] == 2000
    assert samples[_of("errors", code="conflict")] == 1
    assert samples[_of("route", group="group1", route="s3-first")] == 1
    assert samples[_of("route", group="group1", route="fastdfs")] == 0
    assert samples[_of("limit", limit="bytes_per_second")] == 5000
    assert _of("limit", limit="files_per_second") not in samples
    assert samples[_of("paused")] == samples[_of("ledger_up")] == 1
    assert samples[_of("workers")] == 0


async def test_scrapes_do_not_load_the_ledger(admin: Admin) -> None:
    await admin.plan(1)
    await asyncio.gather(*(_samples(admin) for _ in range(20)))
    for _ in range(20):
        await _samples(admin)
    assert admin.reads == 1


async def test_a_ledger_that_cannot_be_read_leaves_no_old_figures(admin: Admin) -> None:
    await admin.plan(1)
    admin.break_ledger()
    assert await _samples(admin) == {_of("ledger_up"): 0}


async def test_groups_and_codes_beyond_many_are_taken_together(admin: Admin) -> None:
    for number in range(105):
        await admin.plan(1 if number < 5 else 2, f"group{number}")
    await admin.ledger.set_route("group200", Route.S3_FIRST)
    samples = await _samples(admin)
    groups = {dict(labels)["group"] for name, labels in samples if name == "files"}
    assert len(groups) == 101
    assert samples[_of("files", group="other", state="planned")] == 5
    assert "group0" not in groups
    assert len({dict(labels)["group"] for name, labels in samples if name == "route"}) == 100


class _Feed:
    """Reads what it was given, and remembers for whom."""

    def __init__(self, reading: Reading) -> None:
        self.asked: list[tuple[float, float]] = []
        self._reading = reading

    async def within(self, patience: float, max_age: float) -> Reading:
        self.asked.append((patience, max_age))
        return self._reading


@pytest.mark.parametrize("moves", [True, False])
async def test_all_of_one_reading_is_told(moves: bool) -> None:
    tallies = [
        Tally("a", FileState.PLANNED, 6, 600), Tally("a", FileState.COPIED, 3, 300), Tally("b", FileState.PLANNED, 4, 0)
    ]  # fmt: skip
    reasons = [(f"code{number:02}", 40 - number, list[FileId]()) for number in range(32)]
    status = MigrationStatus(tallies, {"b": Route.S3_ONLY, "c": Route.FASTDFS}, Limits(1, 2, 3), [], reasons)
    speeds = Speeds(Speed(2.0, 200.0), Speed(3.0, 300.0), Speed(4.0, 400.0)) if moves else None
    feed = _Feed(Reading(1, 1234.5, status, 7, speeds))
    text = (await exposed(cast("StatusFeed", feed))).decode()
    lines = {line.removeprefix("s3py_migration_") for line in text.splitlines() if not line.startswith("#")}
    expected = {
        "ledger_up 1.0", "workers 7.0", "paused 0.0", "read_timestamp_seconds 1234.5",
        'files{group="a",state="planned"} 6.0', 'files{group="a",state="copied"} 3.0',
        'files{group="b",state="planned"} 4.0', 'bytes{group="a",state="planned"} 600.0',
        'bytes{group="a",state="copied"} 300.0', 'bytes{group="b",state="planned"} 0.0',
        'limit{limit="bytes_per_second"} 1.0', 'limit{limit="files_per_second"} 2.0', 'limit{limit="concurrency"} 3.0',
        'errors{code="other"} 19.0',
    }  # fmt: skip
    expected |= {f'errors{{code="code{number:02}"}} {40 - number}.0' for number in range(30)}
    for group, own in (("a", Route.FASTDFS), ("b", Route.S3_ONLY), ("c", Route.FASTDFS)):
        expected |= {f'route{{group="{group}",route="{route}"}} {float(route is own)}' for route in Route}
    if moves:
        expected |= {f'files_per_second{{step="{step}"}} {speed}' for step, speed in STEPS.items()}
        expected |= {f'bytes_per_second{{step="{step}"}} {100 * speed}' for step, speed in STEPS.items()}
        expected.add("seconds_left 5.0")
    assert lines == expected
    assert feed.asked == [(2.0, 10.0)]


STEPS = {"copied": 2.0, "verified": 3.0, "drained": 4.0}

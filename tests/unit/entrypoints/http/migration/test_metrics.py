"""A migration as metrics."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from s3py_helper.application.ports.ledger import Limits
from s3py_helper.domain.migration import FileState, Route
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

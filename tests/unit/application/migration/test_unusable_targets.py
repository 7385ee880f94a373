"""What a preflight finds, and that no applier begins on a target that cannot be used."""

from dataclasses import replace
from pathlib import Path
from typing import override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.errors import AccessDeniedException, BucketNotFoundException, StorageUnavailableException
from s3py_helper.domain.migration import GateRefusedException
from tests.support.migration.in_memory import ABLE, MemorySource, MemoryTarget
from tests.support.migration.steps import PREFIX

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_steps")]


@pytest.mark.parametrize(("size", "room"), [((1 << 30) - 1, "1023 MiB are free"), (1 << 30, "1024 MiB are free")])
async def test_a_preflight_looks_at_the_ledgers_disk(
    source: MemorySource, target: MemoryTarget, tmp_path: Path, size: int, room: str
) -> None:
    class Full(SqliteLedger):
        @override
        async def room(self) -> int:
            return size

    async with Full(tmp_path / "full.db", "one") as ledger:
        found = await Migration(source, target, ledger, PREFIX).preflight()
        assert {finding.subject: finding.says for finding in found.findings}["ledger room"] == room
        assert found.passed


async def test_a_target_that_was_tried_is_not_tried_again(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await migration.preflight()
    await migration.applier()
    await Migration(source, target, ledger, PREFIX).applier()
    assert target.done == [f"probed {PREFIX}"]


@pytest.mark.parametrize("able", [replace(ABLE, writable=False), replace(ABLE, shows_missing=False)])
async def test_a_target_that_cannot_be_used_is_refused_and_tried_again(
    migration: Migration, target: MemoryTarget, able: object
) -> None:
    target.abilities = able  # type: ignore[assignment]  # a list of two types for pytest
    for _ in range(2):
        with pytest.raises(GateRefusedException, match="'preflight' says why"):
            await migration.applier()
    assert not (await migration.preflight()).passed
    target.abilities = ABLE
    assert (await migration.preflight()).passed
    await migration.applier()


async def test_what_was_seen_of_a_target_is_forgotten(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, tmp_path: Path
) -> None:
    now = await ledger.now()
    async with SqliteLedger(tmp_path / "other.db", "one", clock=lambda: now) as other:
        await Migration(source, target, other, PREFIX).applier()
        now += 599
        await Migration(source, target, other, PREFIX).applier()
        assert len(target.done) == 1
        now += 1
        await Migration(source, target, other, PREFIX).applier()
        assert len(target.done) == 2


@pytest.mark.parametrize("error", [AccessDeniedException("no keys"), BucketNotFoundException("no bucket")])
async def test_a_target_that_refuses_is_a_closed_gate(
    migration: Migration, target: MemoryTarget, error: AccessDeniedException | BucketNotFoundException
) -> None:
    target.refuses = error
    with pytest.raises(GateRefusedException, match=f"the target cannot be used: {error.message}") as refused:
        await migration.applier()
    assert refused.value.__cause__ is error


async def test_a_target_that_is_down_is_no_closed_gate(migration: Migration, target: MemoryTarget) -> None:
    target.refuses = StorageUnavailableException("down")
    with pytest.raises(StorageUnavailableException, match="down"):
        await migration.applier()

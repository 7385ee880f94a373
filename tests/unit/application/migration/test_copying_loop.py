"""An applier at work on a ledger: what it claims, how many at once, what it counts and notes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying
from s3py_helper.application.migration.applying import ApplyOptions, ApplyProgress
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import LARGE_FILE, FileState, shard_of
from tests.support.migration.appliers import DOWN, Copier, applier_of, noted, plan, raising, states
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_applying")]


async def test_all_that_is_planned_is_copied_recorded_counted_and_noted_once(ledger: SqliteLedger) -> None:
    ids = [*await plan(ledger, 60), *await plan(ledger, 6, size=LARGE_FILE)]
    copier, outcomes = Copier(), list[tuple[FileId, Outcome]]()
    applier = applier_of(copier, ledger, on_outcome=lambda file, outcome: outcomes.append((file.file_id, outcome)))
    progress = await applier.apply(ApplyOptions())
    assert sorted(copier.copied, key=str) == sorted(ids, key=str)
    assert sorted((file_id for file_id, _ in outcomes), key=str) == sorted(ids, key=str)
    size = 60 * 4 + 6 * LARGE_FILE
    assert progress == ApplyProgress(copied=66, bytes=size, arrived=copier.arrived)
    assert progress.arrived() == 7
    assert await states(ledger) == dict.fromkeys(ids, FileState.COPIED)
    assert await noted(ledger) == [{"files": 66, "bytes": size, "ended": "done"}]
    assert copier.most == {False: 24, True: 4}, "half as many again as are stored at once, and a few large ones"
    assert copier.allowed[-1] == 16
    again = await plan(ledger, 61)
    assert (await applier.apply(ApplyOptions())).copied == 67
    assert (await noted(ledger))[0] == {"files": 1, "bytes": 4, "ended": "done"}, "what this call has done"
    assert again[-1] in await states(ledger)


async def test_large_files_are_claimed_apart_from_small_ones(ledger: SqliteLedger) -> None:
    await plan(ledger, 40, size=LARGE_FILE)
    await plan(ledger, 120)
    copier = Copier()
    progress = await applier_of(copier, ledger).apply(ApplyOptions())
    assert progress.copied == 160
    assert copier.most == {False: 24, True: 4}


@pytest.mark.parametrize(("concurrency", "large"), [(4, 1), (5, 2), (64, 4)])
async def test_large_files_at_once_are_fewer_and_never_many(ledger: SqliteLedger, concurrency: int, large: int) -> None:
    await plan(ledger, 20, size=LARGE_FILE)
    copier, claimed = Copier(), list[int]()
    copier.holding.clear()
    claim = ledger.claim

    async def noting(*which: Any, **more: Any) -> list[LedgerFile]:
        claims = await claim(*which, **more)
        claimed.append(len(claims))
        return claims

    ledger.claim = noting  # type: ignore[method-assign]  # claims that are counted
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions(concurrency=concurrency)))
    await until(lambda: claimed.count(4) >= 2)
    for _ in range(10):
        await asyncio.sleep(0)
    copier.holding.set()
    await applying_it
    assert copier.most[True] == large
    assert max(claimed) == 4


async def test_nothing_of_an_applier_runs_on(ledger: SqliteLedger) -> None:
    await plan(ledger, 3)
    copier = Copier()
    copier.holding.clear()
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions()))
    await until(lambda: copier.under_way[False] == 3)
    await asyncio.sleep(0.01)  # both loops wait for what fails to come back
    copier.holding.set()
    await applying_it
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_options_are_the_same_but_for_how_many_at_once() -> None:
    options = ApplyOptions(group="group1", max_bytes=5, max_seconds=6.0, watch=True, shard=7)
    assert options.with_concurrency(3) == replace(options, concurrency=3)
    assert options.concurrency == 16


@pytest.mark.parametrize(("concurrency", "limit", "most"), [(4, None, 6), (4, 2, 3), (16, 2, 3), (2, 16, 24)])
async def test_a_limit_counts_more_than_an_option(
    ledger: SqliteLedger, concurrency: int, limit: int | None, most: int
) -> None:
    await plan(ledger, 60)
    await ledger.set_limits(Limits(concurrency=limit))
    copier = Copier()
    await applier_of(copier, ledger).apply(ApplyOptions(concurrency=concurrency))
    assert copier.most[False] == most
    assert copier.allowed[-1] == (limit or concurrency)


async def test_only_what_was_asked_for_is_copied(ledger: SqliteLedger) -> None:
    await plan(ledger, 3)
    others = await plan(ledger, 3, group="group2")
    copier = Copier()
    await applier_of(copier, ledger).apply(ApplyOptions(group="group2"))
    assert sorted(copier.copied, key=str) == others


async def test_a_shard_is_copied_alone_and_noted_only_when_it_had_work(ledger: SqliteLedger) -> None:
    ids = await plan(ledger, 30)
    shard = shard_of(ids[0])
    mine = [file_id for file_id in ids if shard_of(file_id) == shard]
    cleaned: list[int] = []

    async def clean_up() -> None:
        cleaned.append(1)

    copier = Copier()
    applier = applier_of(copier, ledger, clean_up=clean_up)
    await applier.apply(ApplyOptions(shard=shard))
    assert sorted(copier.copied, key=str) == mine
    await applier.apply(ApplyOptions(shard=shard))
    assert await noted(ledger) == [{"files": len(mine), "bytes": 4 * len(mine), "ended": "done"}]
    assert cleaned == [], "others are at work"


async def test_what_a_shard_must_try_later_is_left(ledger: SqliteLedger) -> None:
    [file_id] = await plan(ledger, 1)
    copier = Copier(raising(DOWN))
    progress = await applier_of(copier, ledger).apply(ApplyOptions(shard=shard_of(file_id)))
    assert progress.failed >= 1
    assert (await states(ledger))[file_id] is FileState.PLANNED


async def test_nothing_to_do_is_noted_and_cleaned_up_after(ledger: SqliteLedger) -> None:
    cleaned: list[int] = []

    async def clean_up() -> None:
        cleaned.append(1)

    assert (await applier_of(Copier(), ledger, clean_up=clean_up).apply(ApplyOptions())).stopped_by == "done"
    assert await noted(ledger) == [{"files": 0, "bytes": 0, "ended": "done"}]
    assert cleaned == [1]


async def test_leases_are_kept_while_it_works_and_no_longer(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "LEASE_SECONDS", 0.004)
    await plan(ledger, 3)
    copier, extended = Copier(), list[int]()
    copier.holding.clear()
    extend = ledger.extend

    async def noting(claims: Sequence[LedgerFile], seconds: float) -> list[bool]:
        extended.append(len(claims))
        return await extend(claims, seconds)

    monkeypatch.setattr(ledger, "extend", noting)
    applying_it = asyncio.ensure_future(applier_of(copier, ledger).apply(ApplyOptions()))
    await until(lambda: extended.count(3) >= 2)
    copier.holding.set()
    await applying_it
    calls = len(extended)
    await asyncio.sleep(0.02)
    assert len(extended) == calls, "somebody goes on prolonging"

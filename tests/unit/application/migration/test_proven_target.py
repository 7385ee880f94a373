"""What is known of a target, and for how long it is believed."""

from dataclasses import asdict, replace

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.proven_target import ProvenTarget
from s3py_helper.domain.migration import GateRefusedException
from tests.support.migration.in_memory import ABLE, MemoryTarget


async def test_what_one_has_found_out_holds_for_all(ledger: SqliteLedger, target: MemoryTarget) -> None:
    for _ in range(2):
        assert await ProvenTarget(target, ledger, "moved/").abilities() == ABLE
    assert target.done == ["probed moved/"]


async def test_what_another_version_has_found_out_is_passed_over(ledger: SqliteLedger, target: MemoryTarget) -> None:
    await ledger.note("target", {**asdict(ABLE), "sings": True})
    assert await ProvenTarget(target, ledger, "moved/").abilities() == ABLE
    assert target.done == []


async def test_one_that_has_found_it_out_does_not_ask_again(ledger: SqliteLedger, target: MemoryTarget) -> None:
    proven = ProvenTarget(target, ledger, "moved/")
    await proven.abilities()
    await ledger.note("target", asdict(replace(ABLE, md5_etags=False)))
    assert await proven.abilities() == ABLE
    await proven.note(replace(ABLE, checks_whole=False))
    assert await proven.abilities() == replace(ABLE, checks_whole=False)
    assert target.done == ["probed moved/"]


@pytest.mark.parametrize(("seconds", "probes"), [(599, 0), (600, 1)])
async def test_what_was_found_out_is_believed_for_ten_minutes(
    ledger: SqliteLedger, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch, seconds: int, probes: int
) -> None:
    await ledger.note("target", asdict(ABLE))
    [(at, _, _)] = await ledger.events(name="target")

    async def now() -> float:
        return at + seconds

    monkeypatch.setattr(ledger, "now", now)
    await ProvenTarget(target, ledger, "moved/").abilities()
    assert len(target.done) == probes


async def test_a_target_that_could_not_be_used_is_tried_again(ledger: SqliteLedger, target: MemoryTarget) -> None:
    await ProvenTarget(target, ledger, "moved/").note(replace(ABLE, writable=False))
    assert await ProvenTarget(target, ledger, "moved/").abilities() == ABLE
    target.abilities = replace(ABLE, shows_missing=False)
    await ProvenTarget(target, ledger, "moved/").note(target.abilities)
    with pytest.raises(GateRefusedException, match="preflight"):
        await ProvenTarget(target, ledger, "moved/").abilities()
    assert target.done == ["probed moved/"] * 2

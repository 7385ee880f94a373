"""What is known of a target, and for how long it is believed."""

from dataclasses import replace

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.proven_target import ProvenTarget
from s3py_helper.domain.migration import GateRefusedException
from tests.support.migration.in_memory import ABLE, MemoryTarget


async def test_what_one_has_found_out_holds_for_all(ledger: SqliteLedger, target: MemoryTarget) -> None:
    for _ in range(2):
        assert await ProvenTarget(target, ledger, "moved/").abilities() == ABLE
    assert target.done == ["probed moved/"]


async def test_a_target_that_could_not_be_used_is_tried_again(ledger: SqliteLedger, target: MemoryTarget) -> None:
    await ProvenTarget(target, ledger, "moved/").note(replace(ABLE, writable=False))
    assert await ProvenTarget(target, ledger, "moved/").abilities() == ABLE
    target.abilities = replace(ABLE, shows_missing=False)
    await ProvenTarget(target, ledger, "moved/").note(target.abilities)
    with pytest.raises(GateRefusedException, match="preflight"):
        await ProvenTarget(target, ledger, "moved/").abilities()
    assert target.done == ["probed moved/"] * 2

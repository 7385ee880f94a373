"""Claims of a worker that is at work for longer than a lease."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from s3py_helper.application.migration import claims
from s3py_helper.application.migration.claims import Claims
from s3py_helper.application.ports.ledger import Ledger, LedgerFile

LEASE_SECONDS = 60.0


async def test_a_lease_is_prolonged_in_time_even_when_two_attempts_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    passed, extended_at = 0.0, list[float]()

    async def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        if passed > 2 * LEASE_SECONDS:
            raise asyncio.CancelledError

    class Prolonging:
        async def extend(self, held: Sequence[LedgerFile], seconds: float) -> list[bool]:
            assert seconds == LEASE_SECONDS
            extended_at.append(passed)
            return [True] * len(held)

    monkeypatch.setattr(claims, "asyncio", SimpleNamespace(sleep=sleep))
    with pytest.raises(asyncio.CancelledError):
        await Claims(cast("Ledger", Prolonging()), LEASE_SECONDS).keep()
    assert len([at for at in extended_at if at < LEASE_SECONDS]) >= 3

"""Claims of a worker that is at work for longer than a lease."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from s3py_helper.application.migration import claims
from s3py_helper.application.migration.claims import Claims
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState
from tests.support.cancelling import CleaningUp, cancelled_twice
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

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


class Rows:
    """A ledger with files to claim, which takes its time and may be away."""

    def __init__(self, count: int = 3) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.released: list[FileId] = []
        self.extended: list[list[FileId]] = []
        self.lost: set[FileId] = set()
        self.away = False
        self.cleaning_up: CleaningUp | None = None
        self.claims = [
            LedgerFile(FileId.parse(f"group1/M00/00/00/{number}.txt"), FileKind.SLAVE, FileState.COPYING, 1)
            for number in range(count)
        ]

    async def claim(self, worker: str, limit: int, seconds: float, **which: object) -> list[LedgerFile]:
        if self.cleaning_up is not None:
            await self.cleaning_up.passed()
        self.asked.append((worker, limit, seconds, which))
        return self.claims

    async def extend(self, claims: Sequence[LedgerFile], _seconds: float) -> list[bool]:
        self.extended.append([claim.file_id for claim in claims])
        if self.away:
            raise StorageUnavailableException("away")
        return [claim.file_id not in self.lost for claim in claims]

    async def release(self, claims: Sequence[LedgerFile]) -> None:
        if self.away:
            raise StorageUnavailableException("away")
        self.released += [claim.file_id for claim in claims]


def ids(rows: Rows) -> list[FileId]:
    return [claim.file_id for claim in rows.claims]


async def test_claims_are_asked_for_as_they_are_wanted_and_held_until_they_are_settled() -> None:
    rows = Rows()
    held = Claims(cast("Ledger", rows), LEASE_SECONDS)
    assert await held.take(9, "group1", large=True, shard=7) == rows.claims
    assert rows.asked == [(held.worker, 9, LEASE_SECONDS, {"group": "group1", "large": True, "shard": 7})]
    assert len(held) == 3
    held.settle(rows.claims[0])
    held.settle(rows.claims[0])
    assert len(held) == 2
    await held.release()
    assert (rows.released, len(held)) == (ids(rows)[1:], 0)
    await held.release()
    assert len(rows.released) == 2


async def test_a_claim_that_was_made_since_is_held_when_an_earlier_one_of_its_file_is_settled() -> None:
    rows = Rows(1)
    held = Claims(cast("Ledger", rows), LEASE_SECONDS)
    (earlier,) = await held.take(9, None, large=False)
    rows.claims = [replace(earlier, fence=earlier.fence + 2)]
    await held.take(9, None, large=False)
    held.settle(earlier)
    assert len(held) == 1
    held.settle(rows.claims[0])
    assert len(held) == 0


async def test_no_two_workers_have_one_name() -> None:
    ledger = cast("Ledger", Rows())
    assert Claims(ledger, LEASE_SECONDS).worker != Claims(ledger, LEASE_SECONDS).worker


async def test_claims_that_cannot_be_released_are_left_to_their_leases() -> None:
    rows = Rows()
    held = Claims(cast("Ledger", rows), LEASE_SECONDS)
    await held.take(9, None, large=False)
    rows.away = True
    await held.release()
    assert len(held) == 0


async def test_a_claim_that_is_made_while_its_worker_is_cancelled_is_known() -> None:
    rows = Rows()
    rows.cleaning_up = CleaningUp()
    held, under_way = Claims(cast("Ledger", rows), LEASE_SECONDS), asyncio.Event()

    async def take() -> None:
        under_way.set()
        await held.take(9, None, large=False)

    await cancelled_twice(take(), under_way, rows.cleaning_up)
    assert len(held) == 3
    await held.release()
    assert rows.released == ids(rows)


async def test_only_what_is_held_is_prolonged_through_outages_and_what_is_lost_no_more() -> None:
    rows = Rows()
    held = Claims(cast("Ledger", rows), 0.004)
    await held.take(9, None, large=False)
    rows.away = True
    keeping = asyncio.ensure_future(held.keep())
    await until(lambda: len(rows.extended) >= 2)
    rows.away, rows.lost = False, {ids(rows)[0]}
    await until(lambda: len(held) == 2)
    rows.extended.clear()
    await until(lambda: rows.extended)
    assert rows.extended[0] == ids(rows)[1:]
    keeping.cancel()
    await asyncio.wait([keeping])
    await held.release()
    assert rows.released == ids(rows)[1:]

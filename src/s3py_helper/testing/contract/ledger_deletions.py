"""Tombstones, and what is still to be deleted."""

# ruff: noqa: S101, PLR2004 - assertions are what a test kit is made of, and numbers what they compare

from dataclasses import replace

import pytest

from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome
from s3py_helper.domain.migration import FileKind, FileState
from s3py_helper.testing.contract.ledger_harness import Clock, LedgerHarness, copied, planned


@pytest.mark.asyncio
class DeletionsContract(LedgerHarness):
    """Tombstones, and what is still to be deleted."""

    @pytest.mark.parametrize("state", [None, *FileState])
    async def test_a_deleted_file_never_comes_back(self, ledger: Ledger, state: FileState | None) -> None:
        file = planned(1)
        claim: LedgerFile | None = None
        if state is not None and state is not FileState.DELETED:
            await ledger.plan([file])
            [claim] = await ledger.claim("a", 1, 60)
            if state is not FileState.COPYING:
                assert await ledger.record([Outcome(file.file_id, claim.fence, state)]) == [True]
        assert await ledger.tombstone(file.file_id)
        assert not await ledger.tombstone(file.file_id), "it was deleted before"
        if claim is not None:
            assert await ledger.record([copied(claim)]) == [False]
        assert await ledger.plan([file]) == 0
        await ledger.changed(file.file_id)
        assert await ledger.claim("a", 9, 60) == []
        assert await ledger.retry() == 0
        found = await ledger.find(file.file_id)
        assert found is not None
        assert found.state is FileState.DELETED

    async def test_only_a_tombstone_of_nothing_is_forgotten(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        for number in (1, 2):
            await ledger.tombstone(planned(number).file_id)
            await ledger.forget(planned(number).file_id)
        assert await ledger.find(planned(1).file_id) is not None
        assert await ledger.find(planned(2).file_id) is None

    @pytest.mark.parametrize("known", [{"size": 1}, {"mtime": 1}, {}], ids=["size", "time", "a claim"])
    async def test_of_what_something_is_known_the_tombstone_stays(self, ledger: Ledger, known: dict[str, int]) -> None:
        facts: dict[str, int | None] = {"size": None, "crc32": None, "mtime": None, **known}
        file = replace(planned(1), **facts)  # type: ignore[arg-type]  # numbers, as these are
        await ledger.plan([file])
        if not known:
            await ledger.claim("a", 1, 60)
        await ledger.tombstone(file.file_id)
        await ledger.forget(file.file_id)
        assert await ledger.find(file.file_id) is not None

    async def test_what_is_still_to_be_deleted_is_remembered(self, ledger: Ledger) -> None:
        for number in (1, 2):
            await ledger.tombstone(planned(number).file_id)
        first, second = sorted((planned(number).file_id for number in (1, 2)), key=str)
        assert await ledger.pending_deletions(1) == [first]
        assert await ledger.pending_deletions(9, first) == [second]
        assert await ledger.deletion_done(planned(1).file_id)
        assert await ledger.pending_deletions(9) == [planned(2).file_id]

    async def test_a_deletion_is_not_done_while_a_worker_may_still_copy(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.tombstone(claim.file_id)
        assert not await ledger.deletion_done(claim.file_id), "its put may arrive after everything was deleted"
        assert await ledger.pending_deletions(9) == [claim.file_id]
        clock.now += 62
        assert await ledger.deletion_done(claim.file_id)
        assert await ledger.pending_deletions(9) == []

    async def test_nor_while_one_may_that_has_lost_its_claim_to_a_change(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1, kind=FileKind.APPENDER)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.changed(claim.file_id)
        await ledger.tombstone(claim.file_id)
        assert not await ledger.deletion_done(claim.file_id)
        clock.now += 62
        assert await ledger.deletion_done(claim.file_id)

    async def test_what_attempts_have_left_of_a_file_that_is_gone_is_pending(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.record([Outcome(claim.file_id, claim.fence, FileState.GONE)])
        assert await ledger.pending_deletions(9) == [claim.file_id]
        assert await ledger.deletion_done(claim.file_id)
        await ledger.plan([planned(1)])
        assert await ledger.pending_deletions(9) == []
        [again] = await ledger.claim("a", 1, 60)
        await ledger.record([Outcome(again.file_id, again.fence, FileState.GONE)])
        await ledger.plan([planned(1)])
        assert await ledger.pending_deletions(9) == [], "it is there again"

    async def test_deletions_are_counted_from_a_moment_on(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.tombstone(planned(1).file_id)
        clock.now += 10
        await ledger.tombstone(planned(2).file_id)
        await ledger.tombstone(planned(3, "group2").file_id)
        assert await ledger.deleted_since("group1", clock.now - 5) == 1
        assert await ledger.deleted_since("group1", clock.now - 15) == 2
        assert await ledger.deleted_since("group1", clock.now + 1) == 0

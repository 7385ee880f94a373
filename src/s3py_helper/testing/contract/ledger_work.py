"""Claims, leases and fences."""

# ruff: noqa: S101, PLR2004 - assertions are what a test kit is made of, and numbers what they compare

import asyncio

import pytest

from s3py_helper.application.ports.ledger import Ledger, Outcome
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import (
    LARGE_FILE,
    FileKind,
    FileState,
    shard_of,
)
from s3py_helper.testing.contract.ledger_harness import (
    Clock,
    LedgerHarness,
    OpenLedger,
    copied,
    planned,
    planned_in_folder,
)


@pytest.mark.asyncio
class WorkContract(LedgerHarness):
    """Claims, leases and fences."""

    async def test_what_is_planned_is_claimed_once(self, ledger: Ledger) -> None:
        files = [planned(number) for number in range(25)]
        assert await ledger.plan(files) == 25
        assert await ledger.plan(files) == 0
        claims = await ledger.claim("a", 10, 60) + await ledger.claim("b", 100, 60)
        assert sorted(claim.file_id.key for claim in claims) == sorted(file.file_id.key for file in files)
        assert {(claim.state, claim.fence, claim.size) for claim in claims} == {(FileState.COPYING, 1, 10)}
        assert await ledger.claim("c", 10, 60) == []

    async def test_what_was_recorded_is_found_again(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        assert await ledger.record([copied(claim)]) == [True]
        found = await ledger.find(claim.file_id)
        assert found is not None
        assert (found.state, found.proof, found.etag, found.crc32) == (FileState.COPIED, "crc32:id", '"e"', 1)
        assert found.key == f"fastdfs/{claim.file_id}"
        assert await ledger.find(planned(2).file_id) is None
        assert await ledger.plan([planned(1)]) == 0, "a copied file is not planned again"
        assert await ledger.claim("a", 1, 60) == []

    async def test_a_lease_that_ended_is_somebody_else_s(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1)])
        [lost] = await ledger.claim("a", 1, 60)
        clock.now += 59
        assert await ledger.claim("b", 1, 60) == []
        assert await ledger.extend([lost], 60) == [True]
        clock.now += 59
        assert await ledger.claim("b", 1, 60) == []
        clock.now += 2
        [won] = await ledger.claim("b", 1, 60)
        assert won.fence > lost.fence
        assert await ledger.extend([lost], 60) == [False]
        assert await ledger.record([copied(lost)]) == [False], "a worker that slept too long writes nothing"
        assert await ledger.record([copied(won)]) == [True]

    async def test_what_a_dead_worker_held_is_taken_over_bit_by_bit(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(number, size=LARGE_FILE if number < 4 else 10) for number in range(20)])
        held = await ledger.claim("dead", 20, 60)
        await ledger.record([copied(claim) for claim in held[:5]])
        await ledger.release(held[5:6])
        clock.now += 50
        await ledger.extend(held[6:8], 60)
        clock.now += 12
        small = await ledger.claim("a", 3, 60, large=False)
        rest = await ledger.claim("b", 20, 60, large=True) + await ledger.claim("b", 20, 60)
        ended = {claim.file_id for claim in (*held[5:6], *held[8:])}
        assert sorted(str(claim.file_id) for claim in small + rest) == sorted(map(str, ended))
        assert await ledger.workers() == 3
        clock.now += 50
        late = await ledger.claim("c", 20, 60)
        assert {claim.file_id for claim in late} == {claim.file_id for claim in held[6:8]}
        assert all(await ledger.record([copied(claim) for claim in (*small, *rest, *late)]))
        assert await ledger.workers() == 0
        assert not await ledger.has_work()

    async def test_work_is_what_is_planned_or_under_way(self, ledger: Ledger) -> None:
        assert not await ledger.has_work()
        await ledger.plan([planned(1)])
        assert await ledger.has_work()
        assert await ledger.has_work("group1")
        assert not await ledger.has_work("group2")
        [claim] = await ledger.claim("a", 1, 60)
        assert await ledger.has_work("group1")
        await ledger.record([copied(claim)])
        assert not await ledger.has_work()

    async def test_a_shard_is_claimed_alone(self, ledger: Ledger) -> None:
        files = [planned_in_folder(number, size=LARGE_FILE if number % 100 == 0 else 10) for number in range(600)]
        await ledger.plan(files)
        shards = {shard_of(file.file_id) for file in files}
        assert await ledger.waiting_shards() == sorted(shards)
        mine = shard_of(files[0].file_id)
        for large in (True, False):
            claims = await ledger.claim("a", 999, 60, shard=mine, large=large)
            assert {shard_of(claim.file_id) for claim in claims} <= {mine}
        assert await ledger.claim("a", 999, 60, shard=mine) == []
        rest = shards - {mine}
        for shard in (max(rest), min(rest)):
            claims = await ledger.claim("a", 999, 60, shard=shard)
            assert {shard_of(claim.file_id) for claim in claims} == {shard}
        others = await ledger.claim("a", 999, 60)
        assert {shard_of(claim.file_id) for claim in others} == rest - {max(rest), min(rest)}

    async def test_shards_wait_that_have_work_and_no_worker(self, ledger: Ledger, clock: Clock) -> None:
        assert await ledger.waiting_shards() == []
        first, second = planned_in_folder(1), planned_in_folder(2, "group2", size=LARGE_FILE)
        one, other = shard_of(first.file_id), shard_of(second.file_id)
        assert one != other
        await ledger.plan([first, second])
        assert await ledger.waiting_shards() == sorted([one, other])
        assert await ledger.waiting_shards("group2") == [other]
        [claim] = await ledger.claim("a", 1, 60, shard=one)
        assert await ledger.waiting_shards() == [other], "the other is being worked on"
        clock.now += 62
        assert await ledger.waiting_shards() == sorted([one, other]), "its worker has died"
        assert await ledger.waiting_shards("group2") == [other]
        assert await ledger.claim("a", 1, 60, group="group2", shard=one) == []
        [claim] = await ledger.claim("a", 1, 60, shard=one)
        await ledger.record([copied(claim)])
        [claim] = await ledger.claim("a", 1, 60, shard=other)
        later = Outcome(claim.file_id, claim.fence, FileState.PLANNED, failed=True, next_at=int(clock.now) + 30)
        await ledger.record([later])
        assert await ledger.waiting_shards() == [], "its time has not come"
        clock.now += 31
        assert await ledger.waiting_shards() == [other]

    async def test_times_hold_through_their_very_second(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 0.2)
        shard = shard_of(claim.file_id)
        for _ in range(2):
            clock.now += 1
            assert await ledger.claim("b", 1, 60) == [], "a lease has a second at least"
            assert (await ledger.workers(), await ledger.waiting_shards()) == (1, [])
            assert await ledger.extend([claim], 0.2) == [True]
        await ledger.tombstone(claim.file_id)
        clock.now += 1
        assert not await ledger.deletion_done(claim.file_id)
        clock.now += 1
        assert await ledger.deletion_done(claim.file_id)
        await ledger.plan([planned(2)])
        [claim] = await ledger.claim("a", 1, 60)
        due = int(clock.now) + 30
        await ledger.record([Outcome(claim.file_id, claim.fence, FileState.PLANNED, failed=True, next_at=due)])
        clock.now = due - 1
        assert (await ledger.claim("a", 1, 60), await ledger.waiting_shards()) == ([], [])
        clock.now = due
        assert await ledger.waiting_shards() == [shard]
        assert len(await ledger.claim("a", 1, 60)) == 1

    async def test_a_shard_is_worked_on_through_the_last_second_of_a_lease(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1), planned(2)])
        [claim] = await ledger.claim("a", 1, 60)
        clock.now += 60
        assert await ledger.waiting_shards() == []
        clock.now += 1
        assert await ledger.waiting_shards() == [shard_of(claim.file_id)]

    async def test_claims_that_are_given_back_are_there_at_once(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        claims = await ledger.claim("a", 1, 600)
        await ledger.release(claims)
        assert len(await ledger.claim("b", 1, 60)) == 1
        await ledger.release(claims)
        assert await ledger.claim("c", 1, 60) == [], "what is somebody else's cannot be given back"

    async def test_what_is_no_longer_being_copied_is_neither_held_nor_given_back(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1), planned(2)])
        claims = await ledger.claim("a", 2, 60)
        await ledger.record([copied(claims[0])])
        assert await ledger.extend(claims, 60) == [False, True]
        await ledger.release(claims)
        assert await ledger.extend(claims, 60) == [False, False]
        assert [await ledger.note_upload(claim, "upload") for claim in claims] == [False, False]
        assert [claim.file_id for claim in await ledger.claim("b", 9, 60)] == [claims[1].file_id]

    async def test_what_was_given_comes_back_in_its_order(self, ledger: Ledger) -> None:
        await ledger.plan([planned(number) for number in range(3)])
        claims = sorted(await ledger.claim("a", 3, 60), key=lambda claim: str(claim.file_id), reverse=True)
        await ledger.changed(claims[0].file_id)
        assert await ledger.extend(claims, 60) == [False, True, True]
        assert await ledger.record([copied(claim) for claim in claims]) == [False, True, True]
        first, last = copied(claims[1]), Outcome(claims[1].file_id, claims[1].fence, FileState.QUARANTINED)
        assert await ledger.record([first, last]) == [True, True]
        assert await ledger.accept([claims[1].file_id]) == 1, "the last one counts"

    async def test_where_there_is_nothing_to_do_nothing_is_done(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.record([Outcome(claim.file_id, claim.fence, FileState.QUARANTINED)])
        assert (await ledger.plan([], 1), await ledger.known([], 1)) == (0, {})
        assert (await ledger.record([]), await ledger.extend([], 60)) == ([], [])
        assert (await ledger.accept([]), await ledger.retry([])) == (0, 0)
        await ledger.release([])
        await ledger.seen([], 1)
        assert await ledger.live("group1", 1) == 0

    async def test_nobody_holds_what_was_given_back(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        await ledger.release(await ledger.claim("a", 1, 600))
        await ledger.tombstone(planned(1).file_id)
        assert await ledger.deletion_done(planned(1).file_id)

    async def test_an_upload_in_progress_is_handed_on(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1)])
        [lost] = await ledger.claim("a", 1, 60)
        assert await ledger.note_upload(lost, "upload-1")
        clock.now += 61
        [won] = await ledger.claim("b", 1, 60)
        assert won.upload_id == "upload-1"
        assert not await ledger.note_upload(lost, "upload-2")
        await ledger.release([won])
        [again] = await ledger.claim("c", 1, 60)
        assert again.upload_id == "upload-1"

    async def test_a_failed_copy_waits_for_its_next_try(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        later = int(clock.now) + 30
        failed = Outcome(
            claim.file_id, claim.fence, FileState.PLANNED, "busy: 503", failed=True, next_at=later, upload_id="u"
        )
        assert await ledger.record([failed]) == [True]
        assert await ledger.claim("a", 1, 60) == []
        clock.now += 31
        [again] = await ledger.claim("a", 1, 60)
        assert (again.attempts, again.reason, again.upload_id) == (1, "busy: 503", "u")

    async def test_the_upload_of_a_failed_copy_is_resumed(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        assert await ledger.note_upload(claim, "begun by this attempt")
        await ledger.record([Outcome(claim.file_id, claim.fence, FileState.PLANNED, failed=True)])
        [again] = await ledger.claim("a", 1, 60)
        assert again.upload_id == "begun by this attempt"

    async def test_claims_can_be_narrowed(self, ledger: Ledger) -> None:
        large = planned(1, size=LARGE_FILE)
        other = planned(2, "group2")
        unknown = planned(3, size=None)
        smaller = planned(4, size=LARGE_FILE - 1)
        await ledger.plan([large, other, unknown, smaller])
        assert [claim.file_id for claim in await ledger.claim("a", 9, 60, large=True)] == [large.file_id]
        assert [claim.file_id for claim in await ledger.claim("a", 9, 60, group="group2")] == [other.file_id]
        claims = await ledger.claim("a", 9, 60, large=False)
        assert {claim.file_id for claim in claims} == {unknown.file_id, smaller.file_id}

    async def test_a_file_that_was_written_to_is_copied_again(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1, kind=FileKind.APPENDER)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.record([copied(claim)])
        await ledger.changed(claim.file_id)
        [again] = await ledger.claim("a", 1, 60)
        assert again.fence > claim.fence
        await ledger.changed(claim.file_id)
        assert await ledger.record([copied(again)]) == [False], "what was copied before the write is not the file"

    async def test_workers_that_claim_together_get_every_file_once(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await ledger.plan([planned(number) for number in range(400)])

        async def work(name: str) -> list[FileId]:
            got: list[FileId] = []
            async with open_ledger("one") as mine:
                while claims := await mine.claim(name, 7, 60):
                    assert all(await mine.record([copied(claim) for claim in claims]))
                    got += [claim.file_id for claim in claims]
            return got

        lists = await asyncio.gather(*(work(f"worker {number}") for number in range(4)))
        together = sorted(file_id.key for got in lists for file_id in got)
        assert together == sorted(planned(number).file_id.key for number in range(400))

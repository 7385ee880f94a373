"""What operators ask and change."""

# ruff: noqa: S101, PLR2004 - assertions are what a test kit is made of, and numbers what they compare

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pytest

from s3py_helper.application.ports.ledger import Ledger, Limits, Outcome
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import (
    FileState,
    GateRefusedException,
    Level,
    Route,
)
from s3py_helper.testing.contract.ledger_harness import Clock, LedgerHarness, OpenLedger, copied, found, ids, planned


@pytest.mark.asyncio
class OperatingContract(LedgerHarness):
    """What operators ask and change."""

    async def test_a_drain_is_outstanding_until_it_ends(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        await ledger.plan([planned(1), planned(2)])
        for claim in await ledger.claim("a", 9, 60):
            await ledger.record([replace(copied(claim), state=FileState.VERIFIED)])
        row = await found(ledger, 1)
        await ledger.set_route("group2", Route.S3_ONLY)
        assert not await ledger.begin_drain(row), "reads still go to the source"
        await ledger.set_route("group1", Route.S3_ONLY)
        assert await ledger.begin_drain(row)
        assert not await ledger.begin_drain(row), "it is not what was looked at any more"
        assert await ledger.pending_deletions(9) == [], "nobody deletes its copy"
        async with open_ledger("one") as other, other.begun_drains("group1") as begun:
            assert [file.file_id async for file in begun] == [row.file_id]
        async with ledger.begun_drains("group2") as begun:
            assert [file async for file in begun] == []
        assert not await ledger.deletion_done(row.file_id), "that was no deletion"
        assert await ledger.record([Outcome(row.file_id, row.fence, FileState.DRAINED)]) == [True]
        async with ledger.begun_drains("group1") as begun:
            assert [file.file_id async for file in begun] == [row.file_id]
        await ledger.end_drain(row.file_id)
        await ledger.tombstone(planned(2).file_id)
        await ledger.end_drain(planned(2).file_id)
        assert await ledger.pending_deletions(9) == [planned(2).file_id], "that is no drain"
        async with ledger.begun_drains("group1") as begun:
            assert [file async for file in begun] == []
        assert (await found(ledger, 1)).state is FileState.DRAINED

    @pytest.mark.parametrize("state", [FileState.PLANNED, FileState.DRAINED, FileState.QUARANTINED])
    async def test_a_route_is_set_unless_a_file_is_in_a_state(self, ledger: Ledger, state: FileState) -> None:
        await ledger.plan([planned(1), planned(1, "group2")])
        for claim in await ledger.claim("a", 9, 60, group="group1"):
            await ledger.record([Outcome(claim.file_id, claim.fence, state)])
        assert not await ledger.set_route("group1", Route.S3_ONLY, unless=[FileState.GONE, state])
        assert await ledger.routes() == {}
        assert await ledger.set_route("group1", Route.S3_ONLY, unless=[FileState.GONE])
        assert await ledger.routes() == {"group1": Route.S3_ONLY}
        accepted = await ledger.accept([planned(1).file_id])
        assert await ledger.set_route("group1", Route.S3_FIRST, unless=[state]) == bool(accepted)
        assert await ledger.set_route("group2", Route.S3_FIRST, unless=[FileState.DRAINED, FileState.QUARANTINED])

    async def test_workers_that_hold_files_are_counted(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(number) for number in range(6)])
        assert await ledger.workers() == 0
        await ledger.claim("a", 2, 60)
        await ledger.claim("a", 1, 60)
        [claim] = await ledger.claim("b", 1, 90)
        assert await ledger.workers() == 2
        clock.now += 61
        assert await ledger.workers() == 1, "one was killed"
        await ledger.record([copied(claim)])
        assert await ledger.workers() == 0

    @pytest.mark.parametrize("what", ["files", "bytes"])
    async def test_workers_draw_from_one_account(
        self, ledger: Ledger, open_ledger: OpenLedger, clock: Clock, what: Literal["files", "bytes"]
    ) -> None:
        assert await ledger.draw(what, 1000) == 0, "there is no limit"
        await ledger.set_limits(_limit(what, 10))
        assert await ledger.draw(what, 5) == 0
        async with open_ledger("one") as other:
            assert await other.draw(what, 10) == pytest.approx(0.5), "after what the first has drawn"
        clock.now += 1
        assert await ledger.draw(what, 1) == pytest.approx(0.5)
        clock.now += 10
        assert await ledger.draw(what, 5) == 0
        assert await ledger.draw(what, 5) == pytest.approx(0.5), "nothing was saved up"
        await ledger.set_limits(_limit(what, 100))
        assert await ledger.draw(what, 5) == 0, "what was drawn at another rate counts no more"
        assert await ledger.draw(what, 5) == pytest.approx(0.05)
        await ledger.set_limits(Limits())
        assert await ledger.draw(what, 5) == 0
        assert await ledger.limits() == Limits()

    async def test_a_clock_that_was_set_back_does_not_stop_everything(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.set_limits(Limits(files_per_second=10))
        await ledger.draw("files", 10)
        clock.now -= 86_400
        assert await ledger.draw("files", 1) <= 600

    async def test_the_ledger_has_a_clock(self, ledger: Ledger, clock: Clock) -> None:
        assert await ledger.now() == clock.now
        clock.now += 0.25
        assert await ledger.now() == clock.now

    async def test_there_is_room(self, ledger: Ledger) -> None:
        room = await ledger.room()
        assert room is None or room > 0

    async def test_quarantined_files_are_counted_by_reason_and_tried_again(self, ledger: Ledger) -> None:
        await ledger.plan([planned(number) for number in range(6)])
        for claim in await ledger.claim("a", 9, 60):
            reason = "crc: all replicas" if claim.crc32 == 0 else "conflict: another object is there"
            await ledger.record([Outcome(claim.file_id, claim.fence, FileState.QUARANTINED, reason)])
        (code, count, samples), other = await ledger.reasons()
        assert (code, count, len(samples)) == ("conflict", 5, 3)
        assert other == ("crc", 1, [planned(0).file_id])
        assert await ledger.accept([planned(0).file_id]) == 1
        accepted = await ledger.find(planned(0).file_id)
        assert accepted is not None
        assert accepted.accepted
        assert await ledger.retry([planned(1).file_id, planned(99).file_id]) == 1
        assert await ledger.retry() == 5
        assert len(await ledger.claim("a", 9, 60)) == 6

    async def test_rows_are_read_in_order_while_others_write(self, ledger: Ledger) -> None:
        await ledger.plan([planned(number) for number in range(2500)] + [planned(1, "group2")])
        seen: list[FileId] = []
        async with ledger.files(group="group1") as files:
            async for file in files:
                if not seen:
                    await ledger.tombstone(planned(5).file_id)
                seen.append(file.file_id)
        assert seen == [planned(number).file_id for number in range(2500)]
        assert await ids(ledger, [FileState.DELETED]) == [planned(5).file_id]
        async with ledger.files(after=planned(2499).file_id) as files:
            assert [file.file_id async for file in files] == [planned(1, "group2").file_id]

    async def test_files_and_bytes_are_counted_by_group_and_state(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1), planned(2), planned(3, "group2", size=None)])
        await ledger.claim("a", 1, 60, group="group1")
        found = sorted((tally.group, tally.state, tally.files, tally.bytes) for tally in await ledger.tallies())
        assert found == [
            ("group1", FileState.COPYING, 1, 10),
            ("group1", FileState.PLANNED, 1, 10),
            ("group2", FileState.PLANNED, 1, 0),
        ]
        await ledger.claim("a", 9, 60)
        assert {(tally.group, tally.state) for tally in await ledger.tallies()} == {
            ("group1", FileState.COPYING),
            ("group2", FileState.COPYING),
        }

    async def test_routes_and_limits_are_shared(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        assert await ledger.route_of("group1") is Route.FASTDFS
        assert await ledger.limits() == Limits()
        async with open_ledger("one") as other:
            await other.set_route("group1", Route.S3_FIRST)
            await other.set_limits(Limits(bytes_per_second=5, concurrency=2, paused=True))
        assert await ledger.routes() == {"group1": Route.S3_FIRST}
        assert await ledger.limits() == Limits(bytes_per_second=5, concurrency=2, paused=True)
        assert [name for _, name, _ in await ledger.events()] == ["limits", "route"]

    async def test_limits_that_are_changed_together_are_all_changed(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        async with open_ledger("one") as other:
            await asyncio.gather(
                *(
                    mine.change_limits(partial(_with, name, value))
                    for mine in (ledger, other)
                    for name, value in (("bytes_per_second", 7), ("files_per_second", 8), ("concurrency", 9))
                )
            )
            expected = Limits(bytes_per_second=7, files_per_second=8, concurrency=9)
            assert await ledger.limits() == await other.limits() == expected
            assert await other.change_limits(lambda limits: replace(limits, paused=True)) == replace(
                expected, paused=True
            )
        before = len(await ledger.events(name="limits"))
        await ledger.change_limits(lambda limits: limits)
        assert len(await ledger.events(name="limits")) == before, "nothing was changed"

    async def test_everything_survives_closing(self, open_ledger: OpenLedger) -> None:
        async with open_ledger("one") as ledger:
            await ledger.plan([planned(1)])
            [claim] = await ledger.claim("a", 1, 60)
            await ledger.record([replace(copied(claim), level=Level.CHECKSUM, verified_at=7)])
            before = await ledger.find(claim.file_id)
        async with open_ledger("one") as ledger:
            assert await ledger.find(claim.file_id) == before

    async def test_a_ledger_of_another_deployment_is_refused(self, open_ledger: OpenLedger) -> None:
        async with open_ledger("one") as ledger:
            await ledger.plan([planned(1)])
        with pytest.raises(GateRefusedException, match=r"belongs to another migration \(one\)"):
            await open_ledger("two").__aenter__()

    async def test_a_closed_ledger_says_so(self, open_ledger: OpenLedger) -> None:
        async with open_ledger("one") as ledger:
            pass
        with pytest.raises(StorageOperationException, match="not open"):
            await ledger.find(planned(1).file_id)


def _limit(what: Literal["files", "bytes"], rate: int) -> Limits:
    return Limits(files_per_second=rate) if what == "files" else Limits(bytes_per_second=rate)


def _with(name: str, value: Any, limits: Limits) -> Limits:
    return replace(limits, **{name: value})

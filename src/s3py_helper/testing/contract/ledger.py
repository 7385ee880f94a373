"""The promises of the port `Ledger`."""

# ruff: noqa: S101, PLR2004 - assertions are what a test kit is made of, and numbers what they compare

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from s3py_helper.application.ports.ledger import Known, Ledger, LedgerFile, Limits, Outcome, PlannedFile, ScannedSource
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import LARGE_FILE, FileKind, FileState, Level, Route

type OpenLedger = Callable[[str], AbstractAsyncContextManager[Ledger]]
"""Opens the one ledger of the test, each time anew, as a deployment of that identity."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


def planned(
    number: int, group: str = "group1", *, size: int | None = 10, kind: FileKind = FileKind.NORMAL
) -> PlannedFile:
    """A file as a plan finds it."""
    file_id = FileId.parse(f"{group}/M00/00/00/{number:08}.bin")
    return PlannedFile(file_id, kind, size, crc32=number, mtime=1_700_000_000)


def copied(claim: LedgerFile) -> Outcome:
    """A claim that went well."""
    return Outcome(
        claim.file_id, claim.fence, FileState.COPIED, proof="crc32:id", key=f"fastdfs/{claim.file_id}", etag='"e"'
    )


@pytest.mark.asyncio
class LedgerContract:
    """Override the fixture `open_ledger`; use the fixture `clock` as the ledger's."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The time that the ledger goes by."""
        return Clock()

    @pytest.fixture
    def open_ledger(self, clock: Clock) -> OpenLedger:
        """See `OpenLedger`."""
        raise NotImplementedError("override the fixture `open_ledger`")

    @pytest.fixture
    async def ledger(self, open_ledger: OpenLedger):  # type: ignore[no-untyped-def]
        """An open ledger."""
        async with open_ledger("one") as ledger:
            yield ledger

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

    async def test_claims_that_are_given_back_are_there_at_once(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1)])
        claims = await ledger.claim("a", 1, 600)
        await ledger.release(claims)
        assert len(await ledger.claim("b", 1, 60)) == 1
        await ledger.release(claims)
        assert await ledger.claim("c", 1, 60) == [], "what is somebody else's cannot be given back"

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

    async def test_claims_can_be_narrowed(self, ledger: Ledger) -> None:
        large = planned(1, size=LARGE_FILE)
        other = planned(2, "group2")
        unknown = planned(3, size=None)
        await ledger.plan([large, other, unknown])
        assert [claim.file_id for claim in await ledger.claim("a", 9, 60, large=True)] == [large.file_id]
        assert [claim.file_id for claim in await ledger.claim("a", 9, 60, group="group2")] == [other.file_id]
        assert [claim.file_id for claim in await ledger.claim("a", 9, 60, large=False)] == [unknown.file_id]

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

    async def test_what_is_still_to_be_deleted_is_remembered(self, ledger: Ledger) -> None:
        for number in (1, 2):
            await ledger.tombstone(planned(number).file_id)
        assert len(await ledger.pending_deletions(1)) == 1
        await ledger.deletion_done(planned(1).file_id)
        assert await ledger.pending_deletions(9) == [planned(2).file_id]

    async def test_a_file_that_was_written_to_is_copied_again(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1, kind=FileKind.APPENDER)])
        [claim] = await ledger.claim("a", 1, 60)
        await ledger.record([copied(claim)])
        await ledger.changed(claim.file_id)
        [again] = await ledger.claim("a", 1, 60)
        assert again.fence > claim.fence
        await ledger.changed(claim.file_id)
        assert await ledger.record([copied(again)]) == [False], "what was copied before the write is not the file"

    async def test_a_plan_notices_that_an_appender_has_changed(self, ledger: Ledger) -> None:
        file = planned(1, kind=FileKind.APPENDER)
        await ledger.plan([file, planned(2)])
        await ledger.record([copied(claim) for claim in await ledger.claim("a", 9, 60)])
        await ledger.plan([replace(file, size=file.size), replace(planned(2), size=99)])
        assert await ledger.claim("a", 9, 60) == [], "the same facts, or a file that cannot change"
        await ledger.plan([replace(file, size=11)])
        assert [(claim.file_id, claim.size) for claim in await ledger.claim("a", 9, 60)] == [(file.file_id, 11)]

    async def test_a_file_that_was_gone_and_is_there_is_planned(self, ledger: Ledger) -> None:
        gone = replace(planned(1), state=FileState.GONE, reason="not-found: no server has it")
        assert await ledger.plan([gone]) == 1
        assert await ledger.claim("a", 9, 60) == []
        assert await ledger.plan([gone]) == 0
        await ledger.plan([planned(1)])
        assert len(await ledger.claim("a", 9, 60)) == 1

    async def test_a_run_of_planning_knows_what_it_has_not_seen(self, ledger: Ledger) -> None:
        first, second = await ledger.next_run(), await ledger.next_run()
        assert second > first
        await ledger.plan([planned(number) for number in range(4)], first)
        await ledger.record([copied(claim) for claim in await ledger.claim("a", 3, 60)])
        await ledger.plan([planned(0), planned(9)], second)
        async with ledger.unseen("group1", second) as files:
            unseen = [file async for file in files]
        assert [file.file_id for file in unseen] == [planned(1).file_id, planned(2).file_id]
        assert await ledger.known([planned(0).file_id, planned(3).file_id, planned(7).file_id], second) == {
            planned(0).file_id: Known(FileState.COPIED, seen=True),
            planned(3).file_id: Known(FileState.PLANNED, seen=False),
        }
        assert await ledger.live("group1", second) == 2
        await ledger.tombstone(planned(9).file_id)
        assert await ledger.live("group1", second) == 1
        assert await ledger.put(unseen[0], FileState.MISSING_AT_SOURCE, "missing: gone there")
        assert not await ledger.put(unseen[0], FileState.GONE), "it is not what was looked at any more"

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
        assert await _ids(ledger, [FileState.DELETED]) == [planned(5).file_id]
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

    async def test_routes_and_limits_are_shared(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        assert await ledger.route_of("group1") is Route.FASTDFS
        assert await ledger.limits() == Limits()
        async with open_ledger("one") as other:
            await other.set_route("group1", Route.S3_FIRST)
            await other.set_limits(Limits(bytes_per_second=5, concurrency=2, paused=True))
        assert await ledger.routes() == {"group1": Route.S3_FIRST}
        assert await ledger.limits() == Limits(bytes_per_second=5, concurrency=2, paused=True)
        assert [name for _, name, _ in await ledger.events()] == ["limits", "route"]

    async def test_scans_and_events_are_remembered(self, ledger: Ledger, clock: Clock) -> None:
        scan = ScannedSource("127.0.0.3:23000/M00", "group1", int(clock.now), 7, complete=True)
        await ledger.note_source(scan)
        await ledger.note_source(replace(scan, files=8))
        assert await ledger.sources() == [replace(scan, files=8)]
        await ledger.note("plan", {"files": 8})
        assert await ledger.events() == [(int(clock.now), "plan", {"files": 8})]

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
        with pytest.raises(StorageOperationException, match=r"belongs to another migration \(one\)"):
            await open_ledger("two").__aenter__()

    async def test_a_closed_ledger_says_so(self, open_ledger: OpenLedger) -> None:
        async with open_ledger("one") as ledger:
            pass
        with pytest.raises(StorageOperationException, match="not open"):
            await ledger.find(planned(1).file_id)

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


async def _ids(ledger: Ledger, states: Sequence[FileState]) -> list[FileId]:
    async with ledger.files(states=states) as files:
        return [file.file_id async for file in files]

"""What plans write and ask."""

# ruff: noqa: S101, PLR2004 - assertions are what a test kit is made of, and numbers what they compare

from dataclasses import replace

import pytest

from s3py_helper.application.ports.ledger import Known, Ledger, ScannedSource
from s3py_helper.domain.migration import (
    SIZE_CLASSES,
    FileKind,
    FileState,
)
from s3py_helper.testing.contract.ledger_harness import Clock, LedgerHarness, copied, found, planned


@pytest.mark.asyncio
class PlanningContract(LedgerHarness):
    """What plans write and ask."""

    async def test_a_plan_notices_that_an_appender_has_changed(self, ledger: Ledger) -> None:
        file = planned(1, kind=FileKind.APPENDER)
        await ledger.plan([file, planned(2)])
        await ledger.record([copied(claim) for claim in await ledger.claim("a", 9, 60)])
        await ledger.plan([replace(file, size=file.size), replace(planned(2), size=99)])
        assert await ledger.claim("a", 9, 60) == [], "the same facts, or a file that cannot change"
        await ledger.plan([replace(file, size=11)])
        assert [(claim.file_id, claim.size) for claim in await ledger.claim("a", 9, 60)] == [(file.file_id, 11)]

    async def test_a_checksum_that_was_not_known_is_a_change_of_an_appender(self, ledger: Ledger) -> None:
        file = replace(planned(1, kind=FileKind.APPENDER), crc32=None)
        await ledger.plan([file])
        await ledger.record([copied(claim) for claim in await ledger.claim("a", 9, 60)])
        await ledger.plan([file])
        assert await ledger.claim("a", 9, 60) == [], "it is as unknown as it was"
        await ledger.plan([replace(file, crc32=7)])
        assert [claim.crc32 for claim in await ledger.claim("a", 9, 60)] == [7]

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
        await ledger.plan([*(planned(number) for number in range(3)), planned(4, "group2")], first)
        await ledger.record([copied(claim) for claim in await ledger.claim("a", 4, 60)])
        await ledger.plan([planned(3)], first)
        await ledger.plan([planned(0), planned(9)], second)
        async with ledger.unseen("group1", second) as files:
            unseen = [file async for file in files]
        assert [file.file_id for file in unseen] == [planned(1).file_id, planned(2).file_id]
        assert await ledger.known([planned(0).file_id, planned(3).file_id, planned(7).file_id], second) == {
            planned(0).file_id: Known(FileState.COPIED, seen=True, confirmed=True),
            planned(3).file_id: Known(FileState.PLANNED, seen=False, confirmed=True),
        }
        assert await ledger.known([planned(0).file_id], first) == {
            planned(0).file_id: Known(FileState.COPIED, seen=False, confirmed=True)
        }, "each run for itself"
        assert await ledger.live("group1", first) == 3
        assert await ledger.live("group1", second) == 2
        await ledger.tombstone(planned(9).file_id)
        assert await ledger.live("group1", second) == 1
        assert await ledger.put(unseen[0], FileState.MISSING_AT_SOURCE, "missing: gone there")
        assert not await ledger.put(unseen[0], FileState.GONE), "it is not what was looked at any more"

    async def test_what_was_planned_without_facts_gets_them(self, ledger: Ledger) -> None:
        unknown = replace(planned(1), size=None, crc32=None, mtime=None)
        await ledger.plan([unknown])
        assert (await ledger.known([unknown.file_id], 1))[unknown.file_id] == Known(
            FileState.PLANNED, seen=False, confirmed=False
        )
        await ledger.plan([unknown])
        await ledger.plan([planned(1)])
        assert (await found(ledger, 1)).size == 10
        await ledger.plan([planned(1, size=11)])
        assert (await found(ledger, 1)).size == 10, "its copy finds out what it is now"

    async def test_files_are_seen_without_being_planned(self, ledger: Ledger) -> None:
        run = await ledger.next_run()
        await ledger.plan([planned(number) for number in range(3)])
        await ledger.seen([planned(1).file_id, planned(2).file_id, planned(9).file_id], run)
        assert await ledger.live("group1", run) == 2
        assert await ledger.find(planned(9).file_id) is None

    async def test_files_are_outlined_by_kind_state_and_size(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1), planned(2), planned(3, size=None), planned(4, size=SIZE_CLASSES[0])])
        await ledger.plan([planned(5, size=SIZE_CLASSES[-1]), planned(6, kind=FileKind.SLAVE)])
        await ledger.record([copied(claim) for claim in await ledger.claim("a", 9, 60) if claim.crc32 == 2])
        outlined = {(part.kind, part.state, part.size_class, part.files, part.bytes) for part in await ledger.outline()}
        assert outlined == {
            (FileKind.NORMAL, FileState.COPYING, 0, 1, 10),
            (FileKind.NORMAL, FileState.COPIED, 0, 1, 10),
            (FileKind.NORMAL, FileState.COPYING, None, 1, 0),
            (FileKind.NORMAL, FileState.COPYING, 1, 1, SIZE_CLASSES[0]),
            (FileKind.NORMAL, FileState.COPYING, len(SIZE_CLASSES), 1, SIZE_CLASSES[-1]),
            (FileKind.SLAVE, FileState.COPYING, 0, 1, 10),
        }

    async def test_scans_and_events_are_remembered(self, ledger: Ledger, clock: Clock) -> None:
        scan = ScannedSource("127.0.0.3:23000/M00", "group1", int(clock.now), 7, complete=True)
        await ledger.note_source(scan)
        await ledger.note_source(replace(scan, files=8))
        assert await ledger.sources() == [replace(scan, files=8)]
        again = ScannedSource(scan.name, "group2", scan.scanned_at + 1, 9, complete=False)
        await ledger.note_source(again)
        await ledger.note_source(replace(scan, name="127.0.0.1:23000/M00"))
        assert await ledger.sources() == [replace(scan, name="127.0.0.1:23000/M00"), again]
        await ledger.note("plan", {"files": 8})
        assert await ledger.events() == [(int(clock.now), "plan", {"files": 8})]
        await ledger.note("apply", {})
        assert [name for _, name, _ in await ledger.events()] == ["apply", "plan"]
        assert await ledger.events(name="plan") == [(int(clock.now), "plan", {"files": 8})]

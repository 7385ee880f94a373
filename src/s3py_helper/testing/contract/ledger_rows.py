"""What each change makes of a whole row: of what it does not concern, it changes nothing."""

# ruff: noqa: S101, PLR2004 - assertions are what a test kit is made of, and numbers what they compare

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Final

import pytest

from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits, Outcome
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, Level, Route
from s3py_helper.testing.contract.ledger_harness import Clock, LedgerHarness, found, ids, planned

type Change = Callable[[Ledger, LedgerFile], Awaitable[object]]
type Expected = Callable[[LedgerFile, int], LedgerFile]


def _outcome(row: LedgerFile, state: FileState, **facts: object) -> Outcome:
    return Outcome(row.file_id, row.fence, state, **facts)  # type: ignore[arg-type]  # fields of `Outcome`


async def _accepted_and_retried(ledger: Ledger, row: LedgerFile) -> None:
    assert await ledger.accept([row.file_id]) == 1
    assert await ledger.retry([row.file_id]) == 1


_CHANGED: Final = {"attempts": 0, "next_at": 0, "reason": None, "level": None, "proof": None}

_APPENDER: Final = replace(planned(1, kind=FileKind.APPENDER), size=11, crc32=12, mtime=13)

_NEW_FACTS: Final = {"kind": FileKind.APPENDER, "size": 11, "crc32": 12, "mtime": 13}

_CHANGES: Final[dict[str, tuple[FileState, Change, Expected]]] = {
    "extended": (FileState.COPYING, lambda ledger, row: ledger.extend([row], 60), lambda row, _now: row),
    "released": (
        FileState.COPYING,
        lambda ledger, row: ledger.release([row]),
        lambda row, _now: replace(row, state=FileState.PLANNED),
    ),
    "an upload was begun": (
        FileState.COPYING,
        lambda ledger, row: ledger.note_upload(row, "upload 2"),
        lambda row, _now: replace(row, upload_id="upload 2"),
    ),
    "an upload was ended": (
        FileState.COPYING,
        lambda ledger, row: ledger.note_upload(row, None),
        lambda row, _now: replace(row, upload_id=None),
    ),
    "failed": (
        FileState.COPYING,
        lambda ledger, row: ledger.record(
            [_outcome(row, FileState.PLANNED, reason="busy: 503", failed=True, next_at=77, upload_id="upload 2")]
        ),
        lambda row, now: replace(
            row, state=FileState.PLANNED, reason="busy: 503", attempts=row.attempts + 1, next_at=77, changed_at=now
        ),
    ),
    "to be tried again": (
        FileState.COPYING,
        lambda ledger, row: ledger.record([_outcome(row, FileState.PLANNED)]),
        lambda row, now: replace(row, state=FileState.PLANNED, reason=None, changed_at=now),
    ),
    "copied without news": (
        FileState.COPYING,
        lambda ledger, row: ledger.record([_outcome(row, FileState.COPIED)]),
        lambda row, now: replace(row, state=FileState.COPIED, reason=None, upload_id=None, changed_at=now),
    ),
    "copied": (
        FileState.COPYING,
        lambda ledger, row: ledger.record(
            [
                _outcome(
                    row, FileState.COPIED, kind=FileKind.SLAVE, size=21, crc32=22, mtime=23, level=Level.READ,
                    proof="two-reads", key="another key", etag='"f"', verified_at=24, next_at=25,
                )
            ]
        ),
        lambda row, now: LedgerFile(
            row.file_id, FileKind.SLAVE, FileState.COPIED, row.fence, 21, 22, 23, row.attempts, 25, None, Level.READ,
            "two-reads", "another key", '"f"', None, now, 24, row.accepted,
        ),
    ),
    "verified": (
        FileState.COPIED,
        lambda ledger, row: ledger.record(
            [_outcome(row, FileState.VERIFIED, level=Level.READ, verified_at=99)]
        ),
        lambda row, now: replace(
            row, state=FileState.VERIFIED, reason=None, level=Level.READ, verified_at=99, upload_id=None, changed_at=now
        ),
    ),
    "written to": (
        FileState.VERIFIED,
        lambda ledger, row: ledger.changed(row.file_id),
        lambda row, now: replace(
            row, state=FileState.PLANNED, fence=row.fence + 1, changed_at=now, **_CHANGED  # type: ignore[arg-type]
        ),
    ),
    "put": (
        FileState.COPIED,
        lambda ledger, row: ledger.put(row, FileState.MISSING_AT_SOURCE, "missing: it is"),
        lambda row, now: replace(
            row, state=FileState.MISSING_AT_SOURCE, reason="missing: it is", changed_at=now
        ),
    ),
    "drained": (
        FileState.VERIFIED,
        lambda ledger, row: ledger.begin_drain(row),
        lambda row, now: replace(row, state=FileState.DRAINED, reason=None, changed_at=now),
    ),
    "deleted": (
        FileState.VERIFIED,
        lambda ledger, row: ledger.tombstone(row.file_id),
        lambda row, now: replace(row, state=FileState.DELETED, fence=row.fence + 1, reason=None, changed_at=now),
    ),
    "accepted": (
        FileState.QUARANTINED,
        lambda ledger, row: ledger.accept([row.file_id]),
        lambda row, _now: replace(row, accepted=True),
    ),
    "retried": (
        FileState.QUARANTINED,
        _accepted_and_retried,
        lambda row, _now: replace(
            row, state=FileState.PLANNED, fence=row.fence + 1, attempts=0, next_at=0, reason=None, accepted=False
        ),
    ),
    "seen again": (
        FileState.VERIFIED,
        lambda ledger, _row: ledger.plan([planned(1)]),
        lambda row, _now: row,
    ),
    "seen again while it waits": (
        FileState.PLANNED,
        lambda ledger, _row: ledger.plan([planned(1)]),
        lambda row, _now: row,
    ),
    "found to have grown": (
        FileState.VERIFIED,
        lambda ledger, _row: ledger.plan([_APPENDER]),
        lambda row, now: replace(
            row, state=FileState.PLANNED, fence=row.fence + 1, upload_id=None, changed_at=now,
            **_CHANGED, **_NEW_FACTS,  # type: ignore[arg-type]
        ),
    ),
    "found to have other bytes": (
        FileState.COPIED,
        lambda ledger, _row: ledger.plan([replace(_APPENDER, size=10)]),
        lambda row, now: replace(
            row, state=FileState.PLANNED, fence=row.fence + 1, upload_id=None, changed_at=now,
            **{**_CHANGED, **_NEW_FACTS, "size": 10},  # type: ignore[arg-type]
        ),
    ),
    "found after all": (
        FileState.MISSING_AT_SOURCE,
        lambda ledger, _row: ledger.plan([_APPENDER]),
        lambda row, now: replace(
            row, state=FileState.PLANNED, fence=row.fence + 1, upload_id=None, changed_at=now,
            **_CHANGED, **_NEW_FACTS,  # type: ignore[arg-type]
        ),
    ),
    "gone as before": (
        FileState.COPIED,
        lambda ledger, row: ledger.plan([replace(_APPENDER, file_id=row.file_id, state=FileState.GONE)]),
        lambda row, _now: row,
    ),
}  # fmt: skip


@pytest.mark.asyncio
class RowsContract(LedgerHarness):
    """What each change makes of a whole row."""

    @pytest.mark.parametrize("what", _CHANGES)
    async def test_a_change_concerns_what_it_is_about(self, ledger: Ledger, clock: Clock, what: str) -> None:
        state, change, expected = _CHANGES[what]
        await ledger.set_route("group1", Route.S3_ONLY)
        another = planned(1, "group2")
        await ledger.plan([planned(1), another])
        other = await ledger.find(another.file_id)
        before = await self._row(ledger, state)
        clock.now += 7.75
        await change(ledger, before)
        assert await found(ledger, 1) == expected(before, int(clock.now))
        assert await ledger.find(another.file_id) == other, "another file has nothing to do with it"

    @staticmethod
    async def _row(ledger: Ledger, state: FileState) -> LedgerFile:
        """A row of which everything is known, in that state."""
        claim = await _claimed(ledger)
        known = _outcome(
            claim, FileState.PLANNED, reason="code: words", failed=True, level=Level.CHECKSUM, proof="crc32:id",
            key="a key", etag='"e"', verified_at=5, next_at=6, upload_id="upload 1",
        )  # fmt: skip
        assert await ledger.record([known]) == [True]
        if state is FileState.COPYING:
            await _claimed(ledger)
        elif state is not FileState.PLANNED:
            assert await ledger.put(await found(ledger, 1), state, "code: words")
        return await found(ledger, 1)

    async def test_a_planned_row_has_what_was_planned(self, ledger: Ledger, clock: Clock) -> None:
        gone = replace(planned(2), state=FileState.GONE, reason="not-found: no server has it")
        await ledger.plan([planned(1), gone])
        now = int(clock.now)
        row = await found(ledger, 1)
        assert row == LedgerFile(
            planned(1).file_id, FileKind.NORMAL, FileState.PLANNED, 0, 10, 1, 1_700_000_000, changed_at=now
        )
        assert (await found(ledger, 2)).reason == "not-found: no server has it"
        clock.now += 7
        assert await _claimed(ledger) == replace(row, state=FileState.COPYING, fence=1) == await found(ledger, 1)

    async def test_facts_that_were_not_known_are_added(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1, size=None)])
        before = await found(ledger, 1)
        await ledger.plan([replace(planned(1, size=None), mtime=9)])
        assert await found(ledger, 1) == before, "nothing is known of it yet"
        await ledger.plan([_APPENDER])
        assert await found(ledger, 1) == replace(before, kind=FileKind.APPENDER, size=11, crc32=12, mtime=13)

    async def test_of_a_file_that_is_being_copied_its_copy_finds_out(self, ledger: Ledger) -> None:
        await ledger.plan([planned(1, size=None)])
        claim = await _claimed(ledger)
        await ledger.plan([_APPENDER])
        assert await found(ledger, 1) == claim

    async def test_what_is_about_a_row_is_not_about_what_became_of_it(self, ledger: Ledger) -> None:
        await ledger.set_route("group1", Route.S3_ONLY)
        await ledger.plan([planned(1)])
        looked_at: list[LedgerFile] = []
        for _ in range(2):
            assert await ledger.record([_outcome(await _claimed(ledger), FileState.VERIFIED)]) == [True]
            looked_at.append(await found(ledger, 1))
            await ledger.changed(planned(1).file_id)
        assert await ledger.record([_outcome(await _claimed(ledger), FileState.VERIFIED)]) == [True]
        assert not await ledger.put(looked_at[0], FileState.MISSING_AT_SOURCE)
        assert not await ledger.begin_drain(looked_at[1])
        assert (await found(ledger, 1)).state is FileState.VERIFIED

    async def test_the_newest_events_come_first_and_so_many(self, ledger: Ledger) -> None:
        for number in range(5):
            await ledger.note("plan" if number % 2 else "apply", {"number": number})
        assert [detail["number"] for _, _, detail in await ledger.events(limit=3)] == [4, 3, 2]
        assert [detail["number"] for _, _, detail in await ledger.events(name="apply", limit=2)] == [4, 2]

    async def test_each_question_is_about_files_in_certain_states(self, ledger: Ledger) -> None:
        await ledger.plan([planned(number) for number, _ in enumerate(FileState)], 1)
        for number, state in enumerate(FileState):
            if state is FileState.DELETED:
                await ledger.tombstone(planned(number).file_id)
            else:
                assert await ledger.put(await found(ledger, number), state)
        unplanned = planned(99)
        await ledger.tombstone(unplanned.file_id)

        def of(*states: FileState) -> list[FileId]:
            return [planned(number).file_id for number, state in enumerate(FileState) if state in states]

        async with ledger.unseen("group1", 2) as files:
            assert [file.file_id async for file in files] == of(FileState.COPIED, FileState.VERIFIED)
        async with ledger.unseen("group1", 1) as files:
            assert [file.file_id async for file in files] == []
        assert await ledger.live("group1", 1) == len(FileState) - 2, "gone and deleted ones are not there"
        assert await ledger.pending_deletions(9) == [*of(FileState.DELETED), unplanned.file_id]
        for state in FileState:
            async with ledger.files(states=[state]) as files:
                expected = of(state) + ([unplanned.file_id] if state is FileState.DELETED else [])
                assert [file.file_id async for file in files] == expected
        assert await ledger.accept(of(*FileState)) == 1
        assert await ledger.retry(of(*FileState)) == 1
        assert await ids(ledger, [FileState.PLANNED]) == of(FileState.PLANNED, FileState.QUARANTINED)
        assert await ledger.plan([planned(number) for number, _ in enumerate(FileState)], 2) == 0
        back = (FileState.PLANNED, FileState.QUARANTINED, FileState.GONE, FileState.MISSING_AT_SOURCE)
        assert await ids(ledger, [FileState.PLANNED]) == of(*back)

    async def test_deletions_count_from_their_very_second(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.tombstone(planned(1).file_id)
        assert await ledger.deleted_since("group1", int(clock.now)) == 1
        assert await ledger.deleted_since("group1", int(clock.now) + 1) == 0

    async def test_claims_are_no_more_than_were_asked_for(self, ledger: Ledger, clock: Clock) -> None:
        await ledger.plan([planned(number) for number in range(9)])
        await ledger.claim("dead", 3, 60)
        clock.now += 62
        claims = await ledger.claim("a", 5, 60)
        assert len(claims) == 5
        assert sum(claim.fence == 2 for claim in claims) == 3, "what somebody has held waits longest"
        assert len(await ledger.claim("b", 99, 60)) == 4

    async def test_a_change_of_a_route_or_of_limits_is_an_event_with_what_was_set(self, ledger: Ledger) -> None:
        await ledger.set_route("group1", Route.S3_FIRST)
        await ledger.set_limits(Limits(files_per_second=3))
        [(_, _, limits)] = await ledger.events(name="limits")
        [(_, _, route)] = await ledger.events(name="route")
        assert {name: value for name, value in limits.items() if name != "by"} == asdict(Limits(files_per_second=3))
        assert {name: value for name, value in route.items() if name != "by"} == {
            "group": "group1",
            "route": "s3-first",
        }

    async def test_reasons_are_those_of_files_that_somebody_must_look_at(self, ledger: Ledger) -> None:
        states = (FileState.QUARANTINED, FileState.MISSING_AT_SOURCE, FileState.MISSING_AT_SOURCE, FileState.COPIED)
        reasons = ("corrupt: bytes", "missing: it is", "missing", "code: words")
        await ledger.plan([planned(number) for number in range(5)])
        for number, (state, reason) in enumerate(zip(states, reasons, strict=True)):
            assert await ledger.put(await found(ledger, number), state, reason)
        assert [(code, count) for code, count, _ in await ledger.reasons()] == [("missing", 2), ("corrupt", 1)]
        assert await ledger.put(await found(ledger, 4), FileState.QUARANTINED)
        assert await ledger.put(await found(ledger, 3), FileState.QUARANTINED)
        counted = [(code, count, sorted(map(str, samples))) for code, count, samples in await ledger.reasons()]
        assert counted[1] == ("unknown", 2, [str(planned(number).file_id) for number in (3, 4)])


async def _claimed(ledger: Ledger) -> LedgerFile:
    [claim] = await ledger.claim("a", 9, 60, group="group1")
    return claim

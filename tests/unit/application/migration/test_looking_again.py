"""Verifications and drains of many files: in order, several at once, to the last one, and no further than they may."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from isal import isal_zlib

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import draining, verifying
from s3py_helper.application.migration.draining import Drainer, DrainResult
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.verifying import Verifier, VerifyOptions, VerifyResult
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome, PlannedFile
from s3py_helper.application.ports.migration_target import TargetObject
from s3py_helper.domain.errors import IntegrityException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import (
    ID_METADATA,
    METADATA_SUFFIX,
    FileKind,
    FileState,
    GateRefusedException,
    Level,
    Route,
    moved_key,
)
from tests.support.migration.in_memory import MemorySource, MemoryTarget
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

CONTENT = b"some"
CRC32 = isal_zlib.crc32(CONTENT)
DOWN = StorageUnavailableException("nobody answers")


async def with_copies(
    source: MemorySource,
    target: MemoryTarget,
    ledger: SqliteLedger,
    *states: FileState,
    group: str = "group1",
    key: Callable[[FileId], str] = lambda file_id: moved_key("moved/", file_id),
    crc32: int | None = CRC32,
) -> list[FileId]:
    """Files in these states, each with its object, and at its source unless it was drained."""
    ids = [FileId.parse(f"{group}/M00/00/00/{number:04}.txt") for number in range(len(states))]
    await ledger.plan([PlannedFile(file_id, FileKind.SLAVE, 4, crc32) for file_id in ids])
    claims = {claim.file_id: claim for claim in await ledger.claim("a", 9999, 60, group=group)}
    outcomes = [
        Outcome(
            file_id, claims[file_id].fence, state, "a reason", key=key(file_id), etag='"e"',
            verified_at=int(await ledger.now()) - 100 if state is FileState.VERIFIED else None,
        )
        for file_id, state in zip(ids, states, strict=True)
    ]  # fmt: skip
    assert all(await ledger.record(outcomes))
    for file_id, state in zip(ids, states, strict=True):
        there = TargetObject(key(file_id), 4, '"e"', CRC32, metadata={ID_METADATA: str(file_id)})
        target.objects[there.key], target.contents[there.key] = there, CONTENT
        if state is not FileState.DRAINED:
            source.add(CONTENT, file_id=file_id)
    return ids


async def row(ledger: SqliteLedger, file_id: FileId) -> LedgerFile:
    found = await ledger.find(file_id)
    assert found is not None
    return found


async def states(ledger: SqliteLedger) -> list[FileState]:
    async with ledger.files() as files:
        return [file.state async for file in files]


async def verified(
    target: MemoryTarget, ledger: SqliteLedger, options: VerifyOptions | None = None, **how: Any
) -> VerifyResult:
    return await Verifier(target, ledger, "moved/", **how).verify(options or VerifyOptions())


def levels(**counts: int) -> dict[Level, int]:
    return {level: counts.get(level.name.lower(), 0) for level in Level}


async def test_every_copy_is_looked_at_whatever_state_it_is_in(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    before = [FileState.COPIED, FileState.VERIFIED, FileState.DRAINED, FileState.MISSING_AT_SOURCE]
    ids = await with_copies(source, target, ledger, *before, FileState.PLANNED, FileState.GONE, FileState.QUARANTINED)
    seen: list[tuple[FileId, Level | None, str | None]] = []
    result = await verified(target, ledger, on_file=lambda file, *found: seen.append((file.file_id, *found)))
    assert result == VerifyResult(
        levels(checksum=4), strangers=[moved_key("moved/", file_id) for file_id in ids[4:]], strangers_count=3
    )
    assert sorted(seen, key=str) == [(file_id, Level.CHECKSUM, None) for file_id in ids[:4]]
    assert await states(ledger) == [
        FileState.VERIFIED, *before[1:], FileState.PLANNED, FileState.GONE, FileState.QUARANTINED
    ]  # fmt: skip
    for file_id in ids[:4]:
        found = await row(ledger, file_id)
        assert (found.level, found.reason) == (Level.CHECKSUM, "a reason")
        assert await ledger.now() - 5 < (found.verified_at or 0) <= await ledger.now()


async def test_one_group_is_looked_at_where_one_is_asked_for(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await with_copies(source, target, ledger, FileState.COPIED)
    await with_copies(source, target, ledger, FileState.COPIED, group="group2")
    target.objects["moved/fastdfs/group22/a.txt"] = TargetObject("moved/fastdfs/group22/a.txt", 1, '"a"')
    result = await verified(target, ledger, VerifyOptions(group="group2"))
    assert (result.levels, result.strangers) == (levels(checksum=1), [])
    assert await states(ledger) == [FileState.COPIED, FileState.VERIFIED]
    assert (await verified(target, ledger)).levels == levels(checksum=2)


async def test_ledger_and_listing_are_compared_to_their_ends(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_MOST_SHOWN", 2)
    ids = await with_copies(source, target, ledger, *[FileState.COPIED] * 6)
    front = "moved/fastdfs/group1/"
    strangers = [f"{front}A", f"{front}M00/00/00/0002", f"{front}M00/00/00/0003.txt~", f"{front}z"]
    for key in (*strangers, f"{front}M00/00/00/0001.txt{METADATA_SUFFIX}", "moved/fastdfs/group3/M00/00/00/a"):
        target.objects[key] = TargetObject(key, 1, None)
    for file_id in (ids[0], ids[3], ids[5]):
        del target.objects[moved_key("moved/", file_id)]
    result = await verified(target, ledger)
    assert result == VerifyResult(
        levels(checksum=3),
        failed={str(file_id): "its object is not listed" for file_id in (ids[0], ids[3])},
        failed_count=3,
        strangers=strangers[:2],
        strangers_count=4,
    )
    planned, ok = FileState.PLANNED, FileState.VERIFIED
    assert await states(ledger) == [planned, ok, ok, planned, ok, planned]
    assert (await row(ledger, ids[3])).reason == "verify: its object is not listed"


async def test_an_object_is_looked_for_where_the_ledger_says(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await with_copies(
        source, target, ledger, FileState.COPIED, key=lambda file_id: f"moved/fastdfs/group1/old/{file_id.key}"
    )
    assert (await verified(target, ledger)).levels == levels(checksum=1)


@pytest.mark.parametrize(
    ("share", "told", "known", "expected"),
    [
        (0.0, True, True, levels(checksum=3)),
        (1.0, True, True, levels(read=3)),
        (0.0, False, True, levels(read=3)),
        (0.0, True, False, levels(read=3)),
        (0.0, False, False, levels(read=3)),
    ],
)
async def test_bytes_are_read_where_they_are_asked_for_or_nothing_else_proves_anything(
    source: MemorySource,
    target: MemoryTarget,
    ledger: SqliteLedger,
    share: float,
    told: bool,
    known: bool,
    expected: dict[Level, int],
) -> None:
    await with_copies(source, target, ledger, *[FileState.COPIED] * 3, crc32=CRC32 if known else None)
    if not told:
        target.objects = {key: replace(there, crc32=None) for key, there in target.objects.items()}
    result = await verified(target, ledger, VerifyOptions(read_share=share))
    read = 12 if expected == levels(read=3) else 0
    assert result == VerifyResult(expected, bytes_read=read)
    assert await states(ledger) == [FileState.VERIFIED] * 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"other", "its object reads as 5 bytes with the CRC-32 "),
        (b"som", "its object reads as 3 bytes with the CRC-32 "),
        (b"somE", "its object reads as 4 bytes with the CRC-32 "),
        (None, "its object cannot be read back: no object moved/fastdfs/group1/M00/00/00/0000.txt"),
    ],
)
async def test_what_reads_otherwise_is_no_copy(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, content: bytes | None, says: str
) -> None:
    [file_id] = await with_copies(source, target, ledger, FileState.COPIED, crc32=CRC32 if content else None)
    key = moved_key("moved/", file_id)
    if content is None:
        del target.contents[key]
    else:
        target.contents[key] = content
    result = await verified(target, ledger, VerifyOptions(read_share=1.0))
    assert (result.failed_count, result.levels) == (1, levels())
    assert result.failed[str(file_id)].startswith(says)
    assert await states(ledger) == [FileState.PLANNED]


async def test_a_size_counts_where_no_sum_is_known(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    [file_id] = await with_copies(source, target, ledger, FileState.COPIED, crc32=None)
    target.contents[moved_key("moved/", file_id)] = b"som"
    assert (await verified(target, ledger)).failed_count == 1


async def test_an_object_that_contradicts_itself_is_no_copy(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_copies(source, target, ledger, FileState.COPIED)

    def refusing(_key: str) -> AbstractAsyncContextManager[object]:
        raise IntegrityException("other bytes than it states")

    monkeypatch.setattr(target, "open", refusing)
    result = await verified(target, ledger, VerifyOptions(read_share=1.0))
    assert list(result.failed.values()) == ["its object cannot be read back: other bytes than it states"]


async def test_a_few_files_are_looked_at_at_once_and_an_error_ends_it(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_copies(source, target, ledger, *[FileState.COPIED] * 40)
    head, looking, most = target.head, 0, 0

    async def slow(key: str) -> TargetObject | None:
        nonlocal looking, most
        looking += 1
        most = max(most, looking)
        await asyncio.sleep(0)
        looking -= 1
        if key.endswith("0039.txt"):
            raise DOWN
        return await head(key)

    monkeypatch.setattr(target, "head", slow)
    with pytest.raises(StorageUnavailableException, match="nobody answers"):
        await verified(target, ledger)
    assert most == 16


def drainer_of(source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, **how: Any) -> Drainer:
    return Drainer(source, target, ledger, Pace(ledger), **{"settle_seconds": 0.0, **how})


def deletions(source: MemorySource) -> int:
    return sum(question.startswith("deletion") for question in source.asked)


async def test_only_what_is_verified_in_groups_on_s3_alone_is_deleted(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    verified_ones = [FileState.VERIFIED] * 3
    ids = await with_copies(
        source, target, ledger, *verified_ones, FileState.COPIED, FileState.MISSING_AT_SOURCE, FileState.QUARANTINED
    )
    others = await with_copies(source, target, ledger, *verified_ones, group="group2")
    for group, route in (("group1", Route.S3_ONLY), ("group2", Route.S3_FIRST)):
        await ledger.set_route(group, route)
    checked: list[int] = []

    async def before() -> None:
        checked.append(deletions(source))

    result = await drainer_of(source, target, ledger, before=before).drain(60)
    assert result == DrainResult(drained=3, bytes=12)
    assert checked == [0]
    assert set(source.files) == {*ids[3:], *others}
    assert await states(ledger) == [
        *[FileState.DRAINED] * 3, FileState.COPIED, FileState.MISSING_AT_SOURCE, FileState.QUARANTINED, *verified_ones
    ]  # fmt: skip
    async with ledger.begun_drains("group1") as begun:
        assert [file async for file in begun] == []
    [(_, _, noted)] = await ledger.events(name="drain")
    assert noted == {"files": 3, "bytes": 12, "kept": 0}


async def test_a_gate_before_the_drain_lets_nothing_through(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await with_copies(source, target, ledger, FileState.VERIFIED)
    await ledger.set_route("group1", Route.S3_ONLY)

    async def before() -> None:
        raise GateRefusedException("another cluster")

    with pytest.raises(GateRefusedException, match="another cluster"):
        await drainer_of(source, target, ledger, before=before).drain(0)
    assert deletions(source) == 0
    assert await ledger.events(name="drain") == []


async def test_readers_are_given_time_to_follow_the_route(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_copies(source, target, ledger, FileState.VERIFIED)
    await ledger.set_route("group1", Route.S3_ONLY)
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noting(seconds: float) -> None:
        slept.append(seconds)
        assert deletions(source) == 0
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noting)
    await Drainer(source, target, ledger, Pace(ledger)).drain(0)
    assert slept[0] == 2.0


async def test_files_that_are_too_young_hold_up_no_others(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    ids = await with_copies(source, target, ledger, *[FileState.VERIFIED] * 4)
    await ledger.set_route("group1", Route.S3_ONLY)
    for file_id in ids[:2]:
        found = await row(ledger, file_id)
        young = Outcome(file_id, found.fence, FileState.VERIFIED, verified_at=int(await ledger.now()))
        assert await ledger.record([young]) == [True]
    assert await drainer_of(source, target, ledger).drain(60) == DrainResult(drained=2, bytes=8, too_young=2)
    assert set(source.files) == set(ids[:2])


async def test_single_refusals_are_noted_and_hold_up_no_others(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_MOST_SHOWN", 1)
    monkeypatch.setattr(draining, "_MOST_FAILURES", 3)
    monkeypatch.setattr(draining, "_AT_ONCE", 1)
    ids = await with_copies(source, target, ledger, *[FileState.VERIFIED] * 6)
    await ledger.set_route("group1", Route.S3_ONLY)
    source.silent = {ids[0], ids[1], ids[3], ids[4]}
    kept: list[tuple[FileId, str]] = []
    drainer = drainer_of(source, target, ledger, on_kept=lambda file, reason: kept.append((file.file_id, reason)))
    reason = "it is not deleted yet: nobody answers"
    assert await drainer.drain(60) == DrainResult(drained=2, bytes=8, kept={str(ids[0]): reason}, kept_count=4), (
        "never three in a row"
    )
    assert kept == [(file_id, reason) for file_id in (ids[0], ids[1], ids[3], ids[4])]
    [(_, _, noted)] = await ledger.events(name="drain")
    assert noted == {"files": 2, "bytes": 8, "kept": 4}
    source.silent = set()
    again = await drainer_of(source, target, ledger).drain(60)
    assert again == DrainResult(drained=4, bytes=16), "what was begun is ended"
    assert source.files == {}


async def test_many_refusals_in_a_row_end_it_with_the_last(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_MOST_FAILURES", 3)
    monkeypatch.setattr(draining, "_AT_ONCE", 1)
    ids = await with_copies(source, target, ledger, *[FileState.VERIFIED] * 9)
    await ledger.set_route("group1", Route.S3_ONLY)
    source.silent = set(ids)
    with pytest.raises(StorageUnavailableException, match="nobody answers"):
        await drainer_of(source, target, ledger).drain(60)
    assert deletions(source) == 3
    [(_, _, noted)] = await ledger.events(name="drain")
    assert noted == {"files": 0, "bytes": 0, "kept": 3}


async def test_what_ends_a_drain_ends_it_for_every_group(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_MOST_FAILURES", 1)
    monkeypatch.setattr(draining, "_AT_ONCE", 1)
    source.servers = {f"group{number}": (f"127.0.0.{number}:23000",) for number in range(1, 5)}
    for group in source.servers:
        source.silent |= set(
            await with_copies(source, target, ledger, FileState.VERIFIED, FileState.VERIFIED, group=group)
        )
        await ledger.set_route(group, Route.S3_ONLY)
    async with asyncio.timeout(10):
        with pytest.raises(StorageUnavailableException, match="nobody answers"):
            await drainer_of(source, target, ledger).drain(60)
    assert deletions(source) == 1


async def test_sixteen_are_under_way_at_most_and_a_stop_lets_them_end(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_copies(source, target, ledger, *[FileState.VERIFIED] * 40)
    await ledger.set_route("group1", Route.S3_ONLY)
    go_on, head, looking = asyncio.Event(), target.head, 0

    async def slow(key: str) -> TargetObject | None:
        nonlocal looking
        looking += 1
        await go_on.wait()
        return await head(key)

    monkeypatch.setattr(target, "head", slow)
    drainer = drainer_of(source, target, ledger)
    drain = asyncio.ensure_future(drainer.drain(60))
    await until(lambda: looking == 16)
    await asyncio.sleep(0.01)
    drainer.stop()
    go_on.set()
    async with asyncio.timeout(10):
        assert (await drain).drained == looking == 16


async def test_a_paused_drain_waits_for_the_limits_and_can_be_stopped(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_PAUSED_SECONDS", 0.002)
    await with_copies(source, target, ledger, FileState.VERIFIED)
    await ledger.set_route("group1", Route.S3_ONLY)
    await ledger.set_limits(Limits(paused=True))
    stopped = drainer_of(source, target, ledger)
    drain = asyncio.ensure_future(stopped.drain(60))
    await asyncio.sleep(0.02)
    assert (drain.done(), deletions(source)) == (False, 0)
    stopped.stop()
    async with asyncio.timeout(10):
        assert (await drain).drained == 0
    drain = asyncio.ensure_future(drainer_of(source, target, ledger).drain(60))
    await asyncio.sleep(0.02)
    await ledger.set_limits(Limits())
    async with asyncio.timeout(10):
        assert (await drain).drained == 1


async def test_files_are_deleted_at_the_pace_of_the_limit_which_is_asked_for_once_a_second(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_copies(source, target, ledger, *[FileState.VERIFIED] * 5)
    await ledger.set_route("group1", Route.S3_ONLY)
    await ledger.set_limits(Limits(files_per_second=10))
    limits, drawn, asked = ledger.limits, list[tuple[str, int]](), list[float]()
    now = 1000.0
    monkeypatch.setattr(draining, "time", SimpleNamespace(monotonic=lambda: now))

    async def draw(what: str, count: int) -> float:
        nonlocal now
        now += 0.4
        drawn.append((what, count))
        return 0.0

    async def asking() -> Limits:
        asked.append(now)
        return await limits()

    monkeypatch.setattr(ledger, "draw", draw)
    monkeypatch.setattr(ledger, "limits", asking)
    assert (await drainer_of(source, target, ledger).drain(60)).drained == 5
    assert drawn == [("files", 1)] * 5
    assert len(asked) == 2, "at first, and after 1.2 seconds"


@pytest.mark.parametrize("state", [None, FileState.DELETED, FileState.PLANNED])
async def test_what_changes_under_its_hands_is_kept_unless_it_was_deleted(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch,
    state: FileState | None,
) -> None:  # fmt: skip
    [file_id] = await with_copies(source, target, ledger, FileState.VERIFIED)
    await ledger.set_route("group1", Route.S3_ONLY)

    async def gone(_key: str) -> None:
        if state is FileState.DELETED:
            await ledger.tombstone(file_id)
        elif state is FileState.PLANNED:
            await ledger.changed(file_id)
        else:
            monkeypatch.setattr(ledger, "find", nobody)

    async def nobody(_file_id: FileId) -> None:
        return None

    monkeypatch.setattr(target, "head", gone)
    result = await drainer_of(source, target, ledger).drain(60)
    kept = {} if state is FileState.DELETED else {str(file_id): "its object is not there"}
    assert result == DrainResult(kept=kept, kept_count=len(kept))
    assert deletions(source) == 0


@pytest.mark.parametrize(("there", "known"), [(None, CRC32), (CRC32, None), (None, None)])
async def test_a_sum_that_nobody_knows_keeps_nothing(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, there: int | None, known: int | None
) -> None:
    await with_copies(source, target, ledger, FileState.VERIFIED, crc32=known)
    await ledger.set_route("group1", Route.S3_ONLY)
    target.objects = {key: replace(found, crc32=there) for key, found in target.objects.items()}
    assert (await drainer_of(source, target, ledger).drain(60)).drained == 1

"""Files that are deleted, written to or turned into others while they are copied, and workers that come too late."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.relocation import MigrationRelocation
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.application.ports.migration_target import NewObject, TargetObject
from s3py_helper.application.ports.relocation import DeleteAt
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import ID_METADATA, FileState, Route
from s3py_helper.storage import FileNotFoundException
from tests.support.fastdfs.protocol import Command, numbers
from tests.support.migration.bench import Bench
from tests.support.migration.ledgers import on_both_ledgers

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]

type OnPut = Callable[[str], Awaitable[None]]


def around_puts(monkeypatch: pytest.MonkeyPatch, *, before: OnPut | None = None, after: OnPut | None = None) -> None:
    """Do something when a file has been read and is about to be stored, or when it has just been stored."""
    real = S3MigrationTarget.put

    async def put(target: S3MigrationTarget, new: NewObject, body: IncomingBody) -> TargetObject:
        file_id = new.metadata[ID_METADATA]
        if before is not None:
            await before(file_id)
        stored = await real(target, new, body)
        if after is not None:
            await after(file_id)
        return stored

    monkeypatch.setattr(S3MigrationTarget, "put", put)


def around_reads(monkeypatch: pytest.MonkeyPatch, before: OnPut) -> None:
    """Do something when the facts of a file are known, and its bytes are about to be read."""
    real = FastdfsMigrationSource.open

    @asynccontextmanager
    async def opened(
        source: FastdfsMigrationSource, file_id: FileId, byte_range: ByteRange | None = None, **more: Any
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        await before(str(file_id))
        async with real(source, file_id, byte_range, **more) as chunks:
            yield chunks

    monkeypatch.setattr(FastdfsMigrationSource, "open", opened)


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: copies do not look at the source again."""

    async def believed(copier: FileCopier, copied: Any) -> Outcome:
        file: LedgerFile = copied.file
        return Outcome(
            file.file_id, file.fence, FileState.COPIED, size=file.size, crc32=file.crc32, key=copied.stored.key
        )

    monkeypatch.setattr(FileCopier, "_post_checked", believed)


@pytest.mark.parametrize("how", ["through the kit", "past the kit"])
@pytest.mark.parametrize("when", ["before the put", "after the put"])
@pytest.mark.parametrize("looks_again", [True, False], ids=["", "negative control"])
async def test_6_what_is_deleted_in_flight_does_not_come_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str, when: str, looks_again: bool
) -> None:
    files = await bench.upload(*(f"deleted {number}".encode() for number in range(25)))
    [kept] = await bench.upload(b"this one stays")
    async with bench.manager() as manager:
        await bench.plan(manager)

        async def delete(file_id: str) -> None:
            if file_id in bench.truth.deleted or file_id == kept:
                return
            assert await bench.state_of(manager, file_id) is FileState.COPYING
            await (bench.delete(manager, file_id) if how == "through the kit" else bench.delete_past_the_kit(file_id))

        around_puts(monkeypatch, **{"before" if when == "before the put" else "after": delete})
        # What sweeps behind workers that have died would hide what this one does.
        monkeypatch.setattr(MigrationRelocation, "sweep", _sweeps_nothing)
        if not looks_again:
            blind(monkeypatch)
        await bench.apply(manager)
        resurrected = (await bench.audit()).damages.get("resurrected", [])
        if looks_again:
            assert resurrected == []
            expected = FileState.DELETED if how == "through the kit" else FileState.GONE
            assert await bench.states(manager) == {FileState.COPIED: 1, expected: len(files)}
        elif (how, when) != ("through the kit", "after the put"):  # there the deletion itself removes the object
            assert sorted(resurrected) == sorted(files), "the auditor sees what the second look prevents"
    assert (await bench.audit()).damages.keys() <= {"resurrected"}


@on_both_ledgers
@pytest.mark.parametrize("how", ["through the kit", "past the kit"])
async def test_5_a_worker_that_slept_past_its_lease_brings_nothing_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(applying, "LEASE_SECONDS", 1.0)
    [sleeping] = await bench.upload(b"read before it was deleted")
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep(file_id: str) -> None:
        if not asleep.is_set():
            asleep.set()
            await wake.wait()

    around_puts(monkeypatch, before=sleep)
    # A worker that sleeps does not keep its lease.
    for ledger in (SqliteLedger, PostgresLedger):
        monkeypatch.setattr(ledger, "extend", _keeps_nothing)
    async with bench.manager() as manager, bench.manager() as other:
        await bench.plan(manager)
        zombie = asyncio.ensure_future(bench.apply(manager))
        await asyncio.wait_for(asleep.wait(), 20)
        await (bench.delete(other, sleeping) if how == "through the kit" else bench.delete_past_the_kit(sleeping))
        await bench.apply(other)  # waits for the lease to end where the file is still claimed
        wake.set()
        await zombie
        assert await bench.state_of(other, sleeping) in {FileState.DELETED, FileState.GONE}
    assert (await bench.audit()).damages == {}


@on_both_ledgers
async def test_8_a_worker_that_slept_through_the_drain_deletes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "LEASE_SECONDS", 1.0)
    for ledger in (SqliteLedger, PostgresLedger):
        monkeypatch.setattr(ledger, "extend", _keeps_nothing)
    await bench.upload(b"drained under a sleeping worker")
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep(_file_id: str) -> None:
        if not asleep.is_set():
            asleep.set()
            await wake.wait()

    around_puts(monkeypatch, before=sleep)
    async with bench.manager() as manager, bench.manager() as other:
        await bench.plan(manager)
        zombie = asyncio.ensure_future(bench.apply(manager))
        await asyncio.wait_for(asleep.wait(), 20)
        await bench.apply(other)
        await bench.leave(other, drains=True)
        wake.set()
        await zombie
        assert await bench.states(other) == {FileState.DRAINED: 1}
    assert (await bench.audit()).damages == {}


async def _sweeps_nothing(_relocation: MigrationRelocation, _delete_at: DeleteAt, _limit: int = 100) -> int:
    return 0


async def _keeps_nothing(_ledger: SqliteLedger, claims: list[LedgerFile], _seconds: float) -> list[bool]:
    return [True] * len(claims)


async def _append(bench: Bench, file_id: str) -> None:
    await bench.append(file_id, b", and more", b"at first, and more")


async def _modify(bench: Bench, file_id: str) -> None:
    await bench.change_in_place(file_id, Command.MODIFY, numbers(0, 8), b"AT FIRST", b"AT FIRST")


async def _truncate(bench: Bench, file_id: str) -> None:
    await bench.change_in_place(file_id, Command.TRUNCATE, numbers(2), b"", b"at")


@pytest.mark.parametrize("change", [_append, _modify, _truncate], ids=["9 append", "10 modify", "11 truncate"])
@pytest.mark.parametrize("when", ["before the read", "before", "after"])
async def test_an_appender_that_is_written_to_in_flight_is_copied_as_it_is_in_the_end(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Bench, str], Awaitable[None]],
    when: str,
) -> None:
    files = [await bench.upload_appender(b"at first") for _ in range(16)]
    changed: set[str] = set()

    async def once(file_id: str) -> None:
        if file_id not in changed:
            changed.add(file_id)
            await change(bench, file_id)

    if when == "before the read":
        around_reads(monkeypatch, once)
    else:
        around_puts(monkeypatch, **{when: once})
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        assert changed == set(files)
        assert await bench.states(manager) == {FileState.COPIED: len(files)}
    assert (await bench.audit()).damages == {}


@pytest.mark.parametrize("change", [_append, _modify, _truncate], ids=["9 append", "10 modify", "11 truncate"])
async def test_an_appender_that_is_written_to_after_its_copy_is_copied_again(
    bench: Bench, change: Callable[[Bench, str], Awaitable[None]]
) -> None:
    file_id = await bench.upload_appender(b"at first")
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        await change(bench, file_id)
        assert (await bench.audit()).damages == {"corrupt": [file_id]}, "the copy is of an earlier state"
        await manager.migration.route("group1", Route.S3_FIRST)
        content = await manager.download_service.download_bytes(file_id)
        assert content == (await bench.content_at_source(file_id)), "nobody gets the copy"
        await bench.plan(manager)
        await bench.apply(manager)
    assert (await bench.audit()).damages == {}


async def test_12_an_appender_that_becomes_a_normal_file_moves_under_its_new_id(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await bench.upload_appender(b"grown up")
    new: list[str] = []

    async def regenerate(file_id: str) -> None:
        if not new:
            new.append(str(await bench.files.regenerate(FileId.parse(file_id))))
            bench.truth.removed(old)
            bench.truth.wrote(new[0], b"grown up")

    around_puts(monkeypatch, after=regenerate)
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        await bench.plan(manager)
        await bench.apply(manager)
        assert await bench.state_of(manager, old) is FileState.GONE
        assert await manager.download_service.download_bytes(new[0]) == b"grown up"
    assert (await bench.audit()).damages == {}


@on_both_ledgers
@pytest.mark.parametrize("route", list(Route))
async def test_7_a_deletion_on_the_way_holds_at_once_and_for_ever(bench: Bench, route: Route) -> None:
    file_id, kept = await bench.upload(b"deleted on the way", b"kept")
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        if route is Route.S3_FIRST:
            await manager.migration.route("group1", route)
        elif route is Route.S3_ONLY:
            await bench.leave(manager)
        await bench.delete(manager, file_id)
        assert (await bench.audit_source(file_id, kept)).damages == {}
        for _ in range(2):
            with pytest.raises(FileNotFoundException):
                await manager.download_service.download_bytes(file_id)
            with pytest.raises(FileNotFoundException):
                await manager.delete_service.delete_file(file_id)
            await bench.leave(manager, drains=True)
        assert await manager.download_service.download_bytes(kept) == b"kept"
    assert (await bench.audit()).damages == {}

"""Every step of a migration, cancelled wherever it waits: nothing leaks, claims are given back, another run ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.storage import StorageManager
from tests.support.migrating import Site, applied, copied, migrating, s3_only, states
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server
from tests.support.suspensions import CancelledAt
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

BUCKET = "cancelled"
GROUP1 = PlanOptions(groups=frozenset({"group1"}))
LARGE = 17 * 2**20
"""More than one request takes."""

AT_MOST = 5.0
"""Seconds in which a step that was cancelled ends."""

TURNS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)
"""Of the event loop. Most work of a step is done by tasks of its own, which suspend without the step doing so."""


@pytest.fixture
async def site(seaweedfs: S3Server, tmp_path: Path, s3_inspector: S3Inspector) -> AsyncIterator[Site]:
    async with migrating(seaweedfs.config(default_bucket=BUCKET), tmp_path / "ledger.db", f"{tmp_path.name}/") as site:
        yield site


async def _after_turns(work: Coroutine[Any, Any, object], turns: int) -> None:
    """Cancel the work once the loop has turned so often."""
    task = asyncio.ensure_future(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await task


async def _leaves_nothing(task: "asyncio.Task[object]") -> None:
    others = asyncio.all_tasks()
    await asyncio.wait([task], timeout=AT_MOST)
    assert task.done(), "it hangs"
    with suppress(asyncio.CancelledError):
        task.result()

    def left() -> list[str]:
        # The protocol-level server serves each connection by a task, in this loop.
        return [text for other in asyncio.all_tasks() - others if "ProtocolServer" not in (text := repr(other))]

    await until(lambda: not left())


async def _cancelled_everywhere(
    step: Callable[[], Coroutine[Any, Any, object]], between: Callable[[], Awaitable[object]]
) -> None:
    """At each of its own suspensions, then after so many turns of the loop; `between` looks, and makes it new work."""
    for nth in count(1):
        cancelling = CancelledAt(step(), nth, times=1 + nth % 3)

        async def run(awaited: "CancelledAt[object]" = cancelling) -> object:
            return await awaited

        await _leaves_nothing(asyncio.ensure_future(run()))
        await between()
        if not cancelling.reached:
            break
    for turns in TURNS:
        await _leaves_nothing(asyncio.ensure_future(_after_turns(step(), turns)))
        await between()


async def _files(site: Site, number: int) -> dict[FileId, bytes]:
    contents = [f"file {n}".encode() * n for n in range(number)]
    return {await site.files.upload(content): content for content in contents}


async def test_plans(site: Site, migration: Migration) -> None:
    files = await _files(site, 5)

    async def nothing_is_half_written() -> None:
        assert set(await states(migration)) <= {FileState.PLANNED}

    await _cancelled_everywhere(lambda: migration.plan(GROUP1, settle_seconds=0), nothing_is_half_written)
    result = await migration.plan(GROUP1, settle_seconds=0)
    assert (result.found, result.complete) == (len(files), True)


async def test_copies(site: Site, migration: Migration, s3_inspector: S3Inspector) -> None:
    files = await _files(site, 4)
    large = await site.files.upload(bytes(LARGE))
    files[large] = bytes(LARGE)
    appender = await site.files.upload_appender(b"grows")
    files[appender] = b"grows"
    await copied(migration, files)
    prefix = (await s3_inspector.keys())[0].partition("fastdfs/")[0]

    async def claims_are_given_back() -> None:
        assert FileState.COPYING not in await states(migration)
        for number, file_id in enumerate(files):
            if number % 2:  # the others are there already, and are adopted
                await asyncio.to_thread(s3_inspector.sdk.delete_object, Bucket=BUCKET, Key=f"{prefix}fastdfs/{file_id}")
            await migration.ledger.changed(file_id)

    await claims_are_given_back()
    await _cancelled_everywhere(lambda: applied(migration), claims_are_given_back)
    await applied(migration)
    assert await states(migration) == {FileState.COPIED: len(files)}
    for file_id, content in files.items():
        assert await s3_inspector.read(f"{prefix}fastdfs/{file_id}") == content
    uploads = await asyncio.to_thread(s3_inspector.sdk.list_multipart_uploads, Bucket=BUCKET)
    assert uploads.get("Uploads", []) == []


async def test_verifications_and_routes(site: Site, migration: Migration) -> None:
    files = await _files(site, 5)
    await copied(migration, files)

    async def no_copy_is_taken_for_a_bad_one() -> None:
        assert set(await states(migration)) <= {FileState.COPIED, FileState.VERIFIED}

    await _cancelled_everywhere(lambda: migration.verify(VerifyOptions(read_share=1)), no_copy_is_taken_for_a_bad_one)
    assert (await migration.verify()).failed == {}
    assert await states(migration) == {FileState.VERIFIED: len(files)}

    async def back() -> None:
        await migration.route("group1", Route.FASTDFS)

    await _cancelled_everywhere(lambda: s3_only(migration), back)
    await s3_only(migration)
    assert (await migration.ledger.routes())["group1"] is Route.S3_ONLY


async def test_drains(site: Site, migration: Migration, manager: StorageManager) -> None:
    files = await _files(site, 40)
    await copied(migration, files)
    await migration.verify()
    await s3_only(migration)

    async def every_file_is_read() -> None:
        assert set(await states(migration)) <= {FileState.VERIFIED, FileState.DRAINED}

    await _cancelled_everywhere(lambda: migration.drainer().drain(-1), every_file_is_read)
    assert (await migration.drainer().drain(-1)).kept == {}
    assert await states(migration) == {FileState.DRAINED: len(files)}
    assert not any(len(storage.files) for storage in site.group.storages)
    for file_id, content in files.items():
        assert await manager.download_service.download_bytes(str(file_id)) == content

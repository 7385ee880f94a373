"""What operators decide: the routes of groups, and what becomes of files that are missing or were put aside."""

from dataclasses import replace

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.migration import METADATA_SUFFIX, FileState, GateRefusedException, Route, moved_key
from tests.support.migration.in_memory import MemorySource, MemoryTarget
from tests.support.migration.steps import PREFIX, plan, planned_alone, put, states

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_steps")]


async def test_a_route_may_be_set_although_no_listing_was_whole(migration: Migration, source: MemorySource) -> None:
    await put(migration, await planned_alone(migration, source), FileState.VERIFIED)
    with pytest.raises(GateRefusedException, match="was not whole"):
        await migration.route("group1", Route.S3_ONLY)
    await migration.route("group1", Route.S3_ONLY, accept_incomplete=True)
    assert await migration.ledger.routes() == {"group1": Route.S3_ONLY}


@pytest.mark.parametrize(
    ("group", "route", "says"), [(5, Route.S3_ONLY, "a group is text"), ("group1", "s3-only", "route is a Route")]
)
async def test_what_is_no_route_is_refused_by_name(
    migration: Migration, source: MemorySource, group: str, route: Route, says: str
) -> None:
    await planned_alone(migration, source)
    with pytest.raises(InvalidArgumentException, match=says):
        await migration.route(group, route)


async def test_files_that_were_put_aside_may_be_accepted_by_name(migration: Migration, source: MemorySource) -> None:
    await put(migration, file_id := await planned_alone(migration, source), FileState.QUARANTINED)
    with pytest.raises(GateRefusedException, match="1 files of group1 are quarantined"):
        await migration.route("group1", Route.S3_ONLY, accept_incomplete=True)
    await migration.route("group1", Route.S3_ONLY, accept=[file_id], accept_incomplete=True)
    assert await migration.ledger.routes() == {"group1": Route.S3_ONLY}


async def test_where_fastdfs_is_no_more_groups_are_routed_to_s3(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    await put(migration, await planned_alone(migration, source), FileState.VERIFIED)
    without = Migration(None, target, migration.ledger, PREFIX)
    await without.route("group1", Route.S3_ONLY, accept_incomplete=True)
    assert await migration.ledger.routes() == {"group1": Route.S3_ONLY}
    with pytest.raises(GateRefusedException, match="has no FastDFS"):
        await without.route("group1", Route.FASTDFS)


async def test_files_that_are_missing_are_kept_or_deleted_as_it_is_decided(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    one, two, three, four = ids = [source.add(b"some", number) for number in range(4)]
    source.files[two].described = replace(source.files[two].described, metadata={"Not-In": "the headers"})
    await plan(migration)
    await (await migration.applier()).apply(ApplyOptions())
    for file_id in ids[:3]:
        await put(migration, file_id, FileState.MISSING_AT_SOURCE)
    target.done.clear()
    assert await migration.decide_missing(keep=True, file_ids=[one, four]) == 1
    assert target.done == []
    assert await migration.decide_missing(keep=False, file_ids=[two]) == 1
    key = moved_key(PREFIX, two)
    assert target.done == [f"deleted {key}", f"deleted {key}{METADATA_SUFFIX}"]
    assert await ledger.pending_deletions(9) == []
    assert await states(migration) == {
        one: FileState.DRAINED, two: FileState.DELETED, three: FileState.MISSING_AT_SOURCE, four: FileState.COPIED
    }  # fmt: skip
    assert await migration.decide_missing(keep=True) == 1
    row = await ledger.find(three)
    assert row is not None
    assert (row.state, row.reason) == (FileState.DRAINED, "kept: its source had lost it")
    assert set(target.contents) == {moved_key(PREFIX, file_id) for file_id in (one, three, four)}


@pytest.mark.parametrize("given", [None, 1])
async def test_quarantined_files_are_planned_again(
    migration: Migration, source: MemorySource, given: int | None
) -> None:
    one, two = source.add(b"some", 1), source.add(b"some", 2)
    await plan(migration)
    for file_id in (one, two):
        await put(migration, file_id, FileState.QUARANTINED)
    assert await migration.retry(None if given is None else [one]) == (2 if given is None else 1)
    left = FileState.PLANNED if given is None else FileState.QUARANTINED
    assert await states(migration) == {one: FileState.PLANNED, two: left}

"""What a plan finds where servers or lists are not as they should be."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.migration import FileKind, FileState, GateRefusedException, Route
from tests.support.fastdfs import Command, ResetAfter
from tests.support.migrating import Site, applied, copied, migrating, states, texts
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)

BUCKET = "planned"


@pytest.fixture
async def site(seaweedfs: S3Server, tmp_path: Path) -> AsyncIterator[Site]:
    inspector_of(seaweedfs, BUCKET).sdk.close()
    s3 = seaweedfs.config(default_bucket=BUCKET)
    async with migrating(s3, tmp_path / "ledger.db", f"{tmp_path.name}/") as site:
        yield site


@pytest.fixture
async def migration(site: Site) -> AsyncIterator[Migration]:
    async with site.manager() as manager:
        yield manager.migration


GROUP1: Final = PlanOptions(groups=frozenset({"group1"}))


async def test_names_that_came_before_a_listing_broke_off_are_planned(site: Site, migration: Migration) -> None:
    made = [await site.files.upload(b"listed") for _ in range(20)]
    line = len(f"1800000000 C {made[0].key}\n")
    for storage in site.group.storages:
        storage.misbehave(ResetAfter(10 + 5 * line + 3), command=Command.LIST_STORE_PATH, times=None)
    result = await migration.plan(GROUP1, settle_seconds=0)
    assert 0 < result.new < 20
    assert len(result.incomplete) == 2
    assert not result.complete
    assert await states(migration) == {FileState.PLANNED: result.new}


async def test_a_listing_that_is_not_whole_opens_no_gate(site: Site, migration: Migration) -> None:
    made = await site.files.upload(b"listed")
    site.group.storages[1].misbehave(ResetAfter(12), command=Command.LIST_STORE_PATH, times=None)
    result = await migration.plan(GROUP1, settle_seconds=0)
    assert (result.found, result.shortages, len(result.incomplete)) == (1, {}, 1), "the other replica has all"
    await applied(migration)
    await migration.verify()
    assert not (await migration.status()).listing_complete
    with pytest.raises(GateRefusedException, match="not whole"):
        await migration.route("group1", Route.S3_ONLY)
    site.group.storages[1].behave()
    assert (await migration.plan(GROUP1, settle_seconds=0)).complete
    await migration.route("group1", Route.S3_ONLY)
    assert (await migration.ledger.routes())[made.bucket] is Route.S3_ONLY


async def test_a_file_whose_servers_are_out_of_reach_is_planned_and_waits(site: Site, migration: Migration) -> None:
    there = await site.files.upload(b"there")
    [alone] = site.cluster.group("group2").storages
    other = f"group2/{there.key}"
    await alone.stop(noticed=False)
    result = await migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(there, other))]))
    assert (result.found, result.new, result.unconfirmed) == (2, 2, 1)
    await alone.start()
    again = await migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(there, other))]))
    assert (again.new, again.gone, again.unconfirmed) == (0, 1, 0), "what was not confirmed is looked at again"


async def test_what_was_planned_without_facts_gets_them(site: Site, migration: Migration) -> None:
    there = await site.files.upload(b"there")
    for storage in site.group.storages:
        await storage.stop(noticed=False)
    assert (await migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(there))]))).unconfirmed == 1
    for storage in site.group.storages:
        await storage.start()
    assert (await migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(there))]))).unconfirmed == 0
    found = await migration.ledger.find(there)
    assert found is not None
    assert (found.size, found.kind, found.state) == (5, FileKind.NORMAL, FileState.PLANNED)


async def test_a_limit_counts_new_files_and_waits_for_no_counter(site: Site, migration: Migration) -> None:
    for _ in range(7):
        await site.files.upload(b"listed")
    async with asyncio.timeout(20):  # a shortage would be waited for
        for new, known in ((3, 3), (3, 6), (1, 7)):
            result = await migration.plan(replace(GROUP1, limit=3), settle_seconds=3600)
            assert (result.new, result.complete, result.restricted) == (new, True, True)
            assert await states(migration) == {FileState.PLANNED: known}
    assert not (await migration.status()).listing_complete, "a part says nothing about the whole"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((), "it is empty"),
        (("", "  "), "it is empty"),
        (("", "rubbish", "more"), "the first, line 2: rubbish: "),
    ],
)
async def test_a_list_without_an_id_is_refused_before_anything_is_written(
    site: Site, migration: Migration, lines: tuple[str, ...], told: str
) -> None:
    await site.files.upload(b"listed")
    with pytest.raises(InvalidArgumentException, match=f"old.txt has no id in it; {told}"):
        await migration.plan(replace(GROUP1, ids=[("old.txt", texts(*lines))]), settle_seconds=0)
    assert await states(migration) == {}
    assert await migration.ledger.sources() == []


async def test_known_files_are_not_asked_for_again(site: Site, migration: Migration) -> None:
    normal = [await site.files.upload(b"listed") for _ in range(3)]
    appender = await site.files.upload_appender(b"grows")
    await migration.plan(GROUP1, settle_seconds=0)

    def asked() -> int:
        return sum(storage.statistics.commands[Command.QUERY_INFO] for storage in site.group.storages)

    before = asked()
    result = await migration.plan(GROUP1, settle_seconds=0)
    assert (result.found, result.new, asked()) == (4, 0, before), "planned, and looked at when it is copied"
    await copied(migration, [*normal, appender])
    before = asked()
    await migration.plan(GROUP1, settle_seconds=0)
    assert asked() - before == 2, "what can change: that it is there, and its sum"


async def test_files_that_nobody_counted_are_told(site: Site, migration: Migration) -> None:
    for _ in range(2):
        await site.files.upload(b"listed")
    for storage in site.group.storages:
        storage.hold_report()
    await site.files.upload(b"not counted yet")
    result = await migration.plan(GROUP1, settle_seconds=0)
    assert (result.surpluses, result.complete) == ({"group1": 1}, True)


async def test_a_copy_whose_source_is_back_is_no_longer_missing(site: Site, migration: Migration) -> None:
    file_id = await site.files.upload(b"lost for a while")
    await copied(migration, [file_id])
    disks = [(storage, storage.files[file_id.key.encode()]) for storage in site.group.storages]
    for storage, _ in disks:
        storage.files.clear()
    site.cluster.group("group1").storages[0].hold_report()
    await migration.plan(replace(GROUP1, accept_difference=1), settle_seconds=0)
    assert await states(migration) == {FileState.MISSING_AT_SOURCE: 1}
    for storage, file in disks:
        storage.files._files[file_id.key.encode()] = file  # noqa: SLF001 - a disk that was mounted again
    await migration.plan(GROUP1, settle_seconds=0)
    await applied(migration)
    assert await states(migration) == {FileState.COPIED: 1}

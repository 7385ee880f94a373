"""What becomes of files whose servers do not agree with their ids, and of what is kept beside them."""

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.ports.observer import FailedOver, RequestRetried
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind
from s3py_helper.storage import StorageManager
from tests.support.fastdfs import Command, TruncateAfter
from tests.support.fastdfs.content import Content
from tests.support.fastdfs.special_files import RawFiles
from tests.support.migrating import Site, applied, copied, s3_only, texts
from tests.support.s3.inspector import S3Inspector

pytestmark = pytest.mark.timeout(60)

BUCKET = "copied"
CONTENT = b"what the file has in it" * 40


@pytest.mark.parametrize("left", [0, 100], ids=["to nothing", "in the middle"])
async def test_a_file_that_its_source_has_cut_off_comes_from_a_replica(
    site: Site, migration: Migration, s3_inspector: S3Inspector, left: int
) -> None:
    file_id = await site.files.upload(CONTENT)
    cut_off = Content()
    cut_off.append(CONTENT[:left])
    site.source_of(file_id).files[file_id.key.encode()].content = cut_off
    progress = await copied(migration, [file_id])
    assert (progress.copied, progress.quarantined) == (1, 0)
    assert await s3_inspector.read(f"fastdfs/{file_id}") == CONTENT
    found = await migration.ledger.find(file_id)
    assert found is not None
    assert (found.kind, found.size, found.proof) == (FileKind.NORMAL, len(CONTENT), "crc32:id")
    [event] = site.observer.of(FailedOver)
    assert event.server == site.source_of(file_id).address


async def test_a_file_that_is_cut_off_where_nobody_else_has_it_is_put_aside(
    site: Site, migration: Migration, s3_inspector: S3Inspector
) -> None:
    files = RawFiles(site.cluster.tracker_address, "group2")
    file_id = await files.upload(CONTENT)
    site.source_of(file_id).files.resize(file_id.key.encode(), 100)
    progress = await copied(migration, [file_id])
    assert (progress.copied, progress.quarantined) == (0, 1)
    assert [code for code, _, _ in (await migration.status()).reasons] == ["corrupt"]
    assert await s3_inspector.keys(f"fastdfs/{file_id}") == []


async def test_a_slave_with_a_name_like_a_masters_is_one_where_all_servers_say_so(
    site: Site, migration: Migration, s3_inspector: S3Inspector
) -> None:
    master = await site.files.upload(b"the master", extension="abcdef")
    slave = await site.files.upload_slave(master, "1234567", "", CONTENT)
    progress = await copied(migration, [master, slave])
    assert (progress.copied, progress.quarantined) == (2, 0)
    assert await s3_inspector.read(f"fastdfs/{slave}") == CONTENT
    found = await migration.ledger.find(slave)
    assert found is not None
    assert (found.kind, found.proof) == (FileKind.SAME_SHAPE, "two-reads")


async def test_damaged_bytes_are_replaced_and_that_is_told(
    site: Site, migration: Migration, s3_inspector: S3Inspector
) -> None:
    file_id = await site.files.upload(CONTENT)
    source = site.source_of(file_id)
    damaged = source.files[file_id.key.encode()]
    damaged.content = damaged.content.copy()
    damaged.damage()
    assert (await copied(migration, [file_id])).copied == 1
    assert await s3_inspector.read(f"fastdfs/{file_id}") == CONTENT
    [event] = site.observer.of(FailedOver)
    assert event.server == source.address
    assert event.reason.startswith("damaged: ")


async def test_a_copy_from_a_stand_in_is_told(site: Site, migration: Migration, s3_inspector: S3Inspector) -> None:
    file_id = await site.files.upload(CONTENT)
    source = site.source_of(file_id)
    await source.stop()
    assert (await copied(migration, [file_id])).copied == 1
    assert await s3_inspector.read(f"fastdfs/{file_id}") == CONTENT
    assert {event.server for event in site.observer.of(FailedOver)} == {source.address}


async def test_a_file_that_was_deleted_since_it_was_planned_is_gone(site: Site, migration: Migration) -> None:
    file_id = await site.files.upload(CONTENT)
    await migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(file_id))]))
    await site.files.delete(file_id)
    progress = await applied(migration)
    assert (progress.gone, progress.failed, progress.quarantined) == (1, 0, 0)


async def test_attempts_that_are_repeated_are_told(site: Site, migration: Migration) -> None:
    file_id = await site.files.upload(CONTENT)
    for storage in site.group.storages:
        storage.misbehave(TruncateAfter(20), command=Command.DOWNLOAD, times=2)
    assert (await copied(migration, [file_id])).copied == 1
    events = [event for event in site.observer.of(RequestRetried) if event.operation == "migrate"]
    assert [event.attempt for event in events] == list(range(1, len(events) + 1))
    assert {event.file_id for event in events} == {str(file_id)}


async def test_what_nobody_gave_a_name_or_type_has_none_afterwards(
    site: Site, migration: Migration, manager: StorageManager
) -> None:
    bare = await site.files.upload(CONTENT, extension="")
    async with site.before() as before:
        typed = (await before.upload_service.upload_bytes("a.bin", CONTENT)).file_id
        known = {file_id: await before.info_service.get_file_info(file_id) for file_id in (str(bare), typed)}
    assert {info.content_type for info in known.values()} == {None, "application/octet-stream"}
    await copied(migration, [bare, FileId.parse(typed)])
    await migration.verify()
    await s3_only(migration)
    for file_id, info in known.items():
        now = await manager.info_service.get_file_info(file_id)
        assert now.model_copy(update={"etag": info.etag}) == info

"""A target that keeps what was deleted and replaced, as versions."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from s3py_helper.domain.migration import FileState
from s3py_helper.storage import FileNotFoundException
from tests.support.migrating import Site, copied, s3_only, states
from tests.support.s3.inspector import S3Inspector

pytestmark = pytest.mark.timeout(60)

BUCKET = "versioned"


@pytest.fixture(autouse=True)
async def _versioning(s3_inspector: S3Inspector) -> None:
    """The server's front learns of it by an event some time after the request."""
    s3_inspector.sdk.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for number in range(100):
        for content in (b"first", b"second"):
            await s3_inspector.put(f"tried/{number}", content)
        if (await _versions(s3_inspector, "tried/"))[0][f"tried/{number}"] == 2:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the bucket keeps no versions")


async def _versions(inspector: S3Inspector, prefix: str = "fastdfs/") -> tuple[Counter[str], Counter[str]]:
    """How many versions and how many delete markers each key has."""
    found = await asyncio.to_thread(inspector.sdk.list_object_versions, Bucket=BUCKET, Prefix=prefix)
    versions, markers = (
        Counter(str(entry["Key"]) for entry in found.get(kind, ())) for kind in ("Versions", "DeleteMarkers")
    )
    return versions, markers


async def test_files_move_into_a_bucket_that_keeps_versions(
    site: Site, s3_inspector: S3Inspector, tmp_path: Path
) -> None:
    ids = [await site.files.upload(f"file {number}".encode()) for number in range(4)]
    keys = [f"fastdfs/{file_id}" for file_id in ids]
    async with site.manager() as manager:
        await copied(manager.migration, ids)
        written, _ = await _versions(s3_inspector)
        assert written == Counter(keys), f"each once; on the way: {site.observer.events}"
    (tmp_path / "ledger.db").unlink()
    async with site.manager() as manager:
        migration = manager.migration
        assert (await copied(migration, ids)).copied == len(ids)
        written, _ = await _versions(s3_inspector)
        assert written == Counter(keys), f"what is there is adopted; on the way: {site.observer.events}"
        await manager.delete_service.delete_file(str(ids[0]))
        assert (await _versions(s3_inspector))[1] == Counter(keys[:1])
        assert (await migration.verify()).failed == {}
        await s3_only(migration)
        assert (await migration.drainer().drain(-1)).drained == 3
        assert await states(migration) == {FileState.DRAINED: 3, FileState.DELETED: 1}
        with pytest.raises(FileNotFoundException):
            await manager.download_service.download_bytes(str(ids[0]))
        for number in (1, 2, 3):
            assert await manager.download_service.download_bytes(str(ids[number])) == f"file {number}".encode()


async def test_what_was_deleted_before_a_copy_does_not_stand_in_its_way(site: Site, s3_inspector: S3Inspector) -> None:
    [file_id] = [await site.files.upload(b"the file")]
    key = f"fastdfs/{file_id}"
    await s3_inspector.put(key, b"an older attempt")
    await asyncio.to_thread(s3_inspector.sdk.delete_object, Bucket=BUCKET, Key=key)
    async with site.manager() as manager:
        assert (await copied(manager.migration, [file_id])).copied == 1
    assert await s3_inspector.read(key) == b"the file"

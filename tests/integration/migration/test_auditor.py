"""The auditor sees every kind of damage: one that could not would prove nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.special_files import RawFiles
from tests.support.migration.auditor import audit, audit_source
from tests.support.migration.truth import Truth
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)

PREFIX = "old/"
ONE, TWO, GONE = (f"group1/M00/00/00/{name}" for name in ("one.txt", "two.txt", "gone.txt"))


@pytest.fixture
async def bucket(seaweedfs: S3Server) -> AsyncIterator[S3Inspector]:
    """With everything as it should be; the tests spoil it."""
    inspector = inspector_of(seaweedfs, "audited")
    for file_id in (ONE, TWO):
        await put(inspector, file_id, file_id.encode())
    await inspector.put(f"{PREFIX}fastdfs/{TWO}.meta.json", b"{}")
    yield inspector
    for key in await inspector.keys():
        await asyncio.to_thread(inspector.sdk.delete_object, Bucket="audited", Key=key)
    inspector.sdk.close()


@pytest.fixture
def truth() -> Truth:
    known = Truth(deleted={GONE})
    for file_id in (ONE, TWO):
        known.wrote(file_id, file_id.encode())
    return known


async def put(inspector: S3Inspector, file_id: str, content: bytes, *, mark: str | None = None) -> None:
    metadata = {"s3py-fastdfs-id": file_id if mark is None else mark}
    await inspector.put(f"{PREFIX}fastdfs/{file_id}", content, Metadata=metadata)


def damages(inspector: S3Inspector, truth: Truth) -> dict[str, list[str]]:
    return audit(inspector.sdk, inspector.bucket, PREFIX, truth).damages


async def test_what_is_right_passes(bucket: S3Inspector, truth: Truth) -> None:
    result = await asyncio.to_thread(audit, bucket.sdk, bucket.bucket, PREFIX, truth)
    assert (result.damages, result.objects) == ({}, 2)


async def test_a_lost_file_is_reported_unless_it_stays(bucket: S3Inspector, truth: Truth) -> None:
    bucket.sdk.delete_object(Bucket=bucket.bucket, Key=f"{PREFIX}fastdfs/{ONE}")
    assert damages(bucket, truth) == {"lost": [ONE]}
    truth.stays(ONE)
    assert damages(bucket, truth) == {}


@pytest.mark.parametrize("content", [b"", ONE.encode()[:-1], ONE.encode().swapcase()])
async def test_other_bytes_are_reported(bucket: S3Inspector, truth: Truth, content: bytes) -> None:
    await put(bucket, ONE, content)
    assert damages(bucket, truth) == {"corrupt": [ONE]}


async def test_an_object_without_the_mark_of_its_id_is_reported(bucket: S3Inspector, truth: Truth) -> None:
    await put(bucket, ONE, ONE.encode(), mark=TWO)
    assert damages(bucket, truth) == {"corrupt": [ONE]}


@pytest.mark.parametrize("suffix", ["", ".meta.json"])
async def test_what_came_back_is_reported(bucket: S3Inspector, truth: Truth, suffix: str) -> None:
    await put(bucket, GONE + suffix, b"back")
    assert damages(bucket, truth) == {"resurrected": [GONE]}


@pytest.mark.parametrize(
    "key", ["old/fastdfs/group1/M00/00/00/nobody.txt", "old/probe", "old/fastdfs/nobody.meta.json"]
)
async def test_an_object_of_nobody_is_reported(bucket: S3Inspector, truth: Truth, key: str) -> None:
    await bucket.put(key, b"whose?")
    assert damages(bucket, truth) == {"foreign": [key]}


async def test_an_open_multipart_upload_is_reported(bucket: S3Inspector, truth: Truth) -> None:
    key = f"{PREFIX}fastdfs/{ONE}"
    upload = bucket.sdk.create_multipart_upload(Bucket=bucket.bucket, Key=key)["UploadId"]
    assert damages(bucket, truth) == {"unfinished": [key]}
    bucket.sdk.abort_multipart_upload(Bucket=bucket.bucket, Key=key, UploadId=upload)
    assert damages(bucket, truth) == {}


async def test_the_source_is_asked_by_the_bare_protocol(fake_fastdfs: FakeCluster) -> None:
    files, truth = RawFiles(fake_fastdfs.tracker_address), Truth()
    uploaded = [await files.upload(content) for content in (b"", b"2", b"3", b"4", b"5")]
    good, other, lost, gone, back = map(str, uploaded)
    for file_id, content in ((good, b""), (other, b"two"), (lost, b"3")):
        truth.wrote(file_id, content)
    for file_id in (gone, back):
        truth.removed(file_id)
    for file in uploaded[2:4]:
        await files.delete(file)
    result = await asyncio.to_thread(audit_source, fake_fastdfs.tracker_address, truth, map(str, uploaded))
    assert result.damages == {"corrupt": [other], "lost": [lost], "resurrected": [back]}

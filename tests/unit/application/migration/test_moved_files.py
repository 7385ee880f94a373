"""Moved files are read, described and deleted under their old ids; what is somebody else's is left alone."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from s3py_helper.application.migration.moved_files import MovedFiles, MovedPresignedUrls, moved_place
from s3py_helper.application.migration.moved_metadata import moved_metadata, restored
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.migration_source import SourceMetadata
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import ID_METADATA, METADATA_SUFFIX, MTIME_METADATA, moved_key

FILE_ID = FileId.parse("group1/M00/00/00/made_up_by_hand.txt")
PLACE = moved_place(FILE_ID)
KEY = moved_key("moved/", FILE_ID)
MTIME = 1_700_000_000
CONTENT = b"0123456789"


class Bucket:
    """Objects of S3, with what was asked of them."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[BlobInfo, bytes]] = {}
        self.done: list[str] = []
        self.opened = 0

    def add(self, key: str, content: bytes, metadata: Mapping[str, str], **more: object) -> None:
        info = BlobInfo(
            FileId(Backend.S3, "my-bucket", key),
            len(content),
            last_modified=datetime(2020, 1, 1, tzinfo=UTC),
            storage_class="STANDARD",
            metadata=metadata,
            content_type="text/plain",
        )
        self.objects[key] = replace(info, **more), content  # type: ignore[arg-type]  # fields of `BlobInfo`

    def _at(self, file_id: FileId) -> tuple[BlobInfo, bytes]:
        assert (file_id.backend, file_id.bucket) == (Backend.S3, "my-bucket")
        if file_id.key not in self.objects:
            raise FileNotFoundException(f"no object {file_id}")
        return self.objects[file_id.key]

    async def info(self, file_id: FileId) -> BlobInfo:
        return self._at(file_id)[0]

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        info, content = self._at(file_id)
        first, stop = (0, len(content)) if byte_range is None else (byte_range.first or 0, (byte_range.last or 0) + 1)

        async def chunks() -> AsyncIterator[bytes]:
            yield content[first:stop]

        self.opened += 1
        try:
            yield OpenBlob(info, Span(first, stop), chunks())
        finally:
            self.opened -= 1

    async def delete(self, file_id: FileId) -> None:
        self._at(file_id)
        self.done.append(f"deleted {file_id.key}")
        del self.objects[file_id.key]

    async def download_url(self, file_id: FileId, expires_in: timedelta, **how: object) -> str:
        return f"{file_id} for {expires_in} {how}"


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def files(bucket: Bucket) -> MovedFiles:
    return MovedFiles(bucket, "my-bucket", "moved/")  # type: ignore[arg-type]  # a store that is not written to


def store(bucket: Bucket, described: SourceMetadata, file_id: FileId = FILE_ID) -> None:
    """A moved file as a worker leaves it."""
    moved = moved_metadata(file_id, MTIME, described)
    if moved.more is not None:
        bucket.add(KEY + METADATA_SUFFIX, moved.more, {ID_METADATA: str(file_id)})
    bucket.add(KEY, CONTENT, moved.pairs)


PLAIN = SourceMetadata("a.txt", "text/plain", {"author": "somebody"})
UNTYPED = SourceMetadata("a.txt", None, {"author": "somebody"})
RICH = SourceMetadata("a.txt", None, {"Author": "somebody", "note": "ä" * 2000})


@pytest.mark.parametrize(
    "described", [PLAIN, UNTYPED, RICH], ids=["in the headers", "without a type", "in a second object"]
)
async def test_a_moved_file_is_described_as_it_was(
    files: MovedFiles, bucket: Bucket, described: SourceMetadata
) -> None:
    store(bucket, described)
    expected = BlobInfo(
        PLACE,
        10,
        last_modified=datetime.fromtimestamp(MTIME, UTC),
        content_type=described.content_type,
        metadata=described.metadata,
    )
    assert await files.info(PLACE) == expected
    async with files.open(PLACE) as blob:
        assert blob.info == expected
        assert [chunk async for chunk in blob.body] == [CONTENT]
    async with files.open(PLACE, ByteRange(2, 4)) as blob:
        assert (blob.span, [chunk async for chunk in blob.body]) == (Span(2, 5), [b"234"])
    assert bucket.opened == 0


@pytest.mark.parametrize("marks", [{}, {ID_METADATA: "group1/M00/00/00/another.txt"}])
async def test_somebody_elses_object_is_not_found_and_not_deleted(
    files: MovedFiles, bucket: Bucket, marks: Mapping[str, str]
) -> None:
    bucket.add(KEY, CONTENT, marks)
    urls = MovedPresignedUrls(files, bucket)  # type: ignore[arg-type]  # signs downloads alone
    for step in (files.info(PLACE), files.delete(PLACE), urls.download_url(PLACE, timedelta(1))):
        with pytest.raises(FileNotFoundException, match="somebody else's") as missing:
            await step
        assert (missing.value.file_id, missing.value.backend) == (str(FILE_ID), Backend.S3)
    with pytest.raises(FileNotFoundException, match="somebody else's"):
        async with files.open(PLACE):
            pytest.fail("it must not be read")
    assert bucket.done == []
    assert bucket.opened == 0


@pytest.mark.parametrize("described", [PLAIN, RICH], ids=["one object", "two objects"])
async def test_a_moved_file_is_deleted_with_its_second_object(
    files: MovedFiles, bucket: Bucket, described: SourceMetadata
) -> None:
    store(bucket, described)
    bucket.add("moved/other", b"", {})
    await files.delete(PLACE)
    second = [f"deleted {KEY}{METADATA_SUFFIX}"] if described is RICH else []
    assert bucket.done == [f"deleted {KEY}", *second], "a file without its description must not be seen"
    assert list(bucket.objects) == ["moved/other"]
    with pytest.raises(FileNotFoundException):
        await files.delete(PLACE)


@pytest.mark.parametrize(("owner", "stays"), [(str(FILE_ID), False), ("group1/M00/00/00/another.txt", True)])
async def test_a_second_object_that_was_left_alone_is_deleted(
    files: MovedFiles, bucket: Bucket, owner: str, stays: bool
) -> None:
    bucket.add(KEY + METADATA_SUFFIX, b"{}", {ID_METADATA: owner})
    with pytest.raises(FileNotFoundException, match="no object"):
        await files.delete(PLACE)
    assert bool(bucket.objects) is stays


async def test_links_of_moved_files_are_signed_as_they_are_asked_for(files: MovedFiles, bucket: Bucket) -> None:
    store(bucket, PLAIN)
    urls = MovedPresignedUrls(files, bucket)  # type: ignore[arg-type]  # signs downloads alone
    url = await urls.download_url(PLACE, timedelta(1), file_name="b.txt", content_type="text/css", inline=True)
    how = {"file_name": "b.txt", "content_type": "text/css", "inline": True}
    assert url == f"s3:my-bucket/{KEY} for 1 day, 0:00:00 {how}"
    with pytest.raises(StorageOperationException, match="not stored among moved ones"):
        await urls.upload_url(NewBlob("a", "a"), timedelta(1))
    with pytest.raises(StorageOperationException, match="not stored among moved ones"):
        await files.write(NewBlob("a", "a"), IncomingBody(_nothing()))


async def _nothing() -> AsyncIterator[bytes]:
    for nothing in list[bytes]():
        yield nothing


@pytest.mark.parametrize(
    ("described", "fits"),
    [
        (SourceMetadata(None, None, {}), True),
        (SourceMetadata(None, None, {"a": "b" * 1799}), True),
        (SourceMetadata(None, None, {"a": "b" * 1800}), False),
        (SourceMetadata("n" * 1800, None, {}), True),
        (SourceMetadata("n" * 1801, None, {}), False),
        (SourceMetadata(None, None, {"a": " " * 599}), True),
        (SourceMetadata(None, None, {"a": " " * 600}), False),
        (SourceMetadata(None, None, {"a": "/" * 600}), False),
        (SourceMetadata(None, None, {"Upper": "x"}), False),
        (SourceMetadata(None, None, {ID_METADATA: "x"}), False),
        (SourceMetadata(None, None, {MTIME_METADATA: "x"}), False),
        (SourceMetadata(None, None, {"s3py-fastdfs-more": "x"}), False),
        (SourceMetadata(None, None, {"s3py-fastdfs-untyped": "x"}), False),
    ],
)
def test_what_headers_cannot_hold_goes_into_a_second_object(described: SourceMetadata, fits: bool) -> None:
    moved = moved_metadata(FILE_ID, MTIME, described)
    marks = {ID_METADATA: str(FILE_ID), MTIME_METADATA: str(MTIME), "s3py-fastdfs-untyped": "1"}
    if fits:
        assert (moved.pairs, moved.more) == ({**described.metadata, **marks}, None)
    else:
        assert moved.pairs == {**marks, "s3py-fastdfs-more": "1"}
        info = BlobInfo(PLACE, 1, metadata=moved.pairs)
        assert restored(info, FILE_ID, moved.more).metadata == described.metadata


@pytest.mark.parametrize("more", [b"", b"\xff", b"[]", b"{}", b'{"metadata": 7}', b'{"metadata": ["a"]}', b"7"])
def test_a_second_object_that_cannot_be_read_is_an_integrity_error(more: bytes) -> None:
    with pytest.raises(IntegrityException, match=f"moved file {FILE_ID} cannot be read") as refused:
        restored(BlobInfo(PLACE, 1), FILE_ID, more)
    assert refused.value.file_id == str(FILE_ID)
    assert refused.value.__cause__ is not None


@pytest.mark.parametrize("mtime", ["", "soon", "-5"])
def test_a_time_that_is_none_is_that_of_the_object(mtime: str) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    info = BlobInfo(PLACE, 1, last_modified=at, metadata={MTIME_METADATA: mtime})
    assert restored(info, FILE_ID) == BlobInfo(FILE_ID, 1, last_modified=at)

"""What is known of a file reaches its copy and its reader, and what a reader asks for the backend."""

import io
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.copy import CopyService
from s3py_helper.application.describe import file_info
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.migration.moved_files import MOVED
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    RouteNotSupportedException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileAttach, FileBasicInfo
from s3py_helper.testing import body_of, new_blob
from tests.unit.application.conftest import Deployment
from tests.unit.application.watched import Told, WatchedStore

CONTENT = b"%PDF-1.7 and so on"
WHERE: dict[str, Any] = {"folder": "a/b", "bucket": "other-bucket", "metadata": {"author": "Zoë"}}


@pytest.fixture
async def stored(deployment: Deployment) -> NewBlob:
    """A file in S3 that has everything a file may have."""
    blob = NewBlob("x/0123456789abcdef_old.pdf", "old.pdf", "my-bucket", "text/x-own", metadata={"author": "Zoë"})
    await deployment.kept_in_s3.write(blob, body_of(CONTENT))
    return blob


STORED_ID = "s3:my-bucket/x/0123456789abcdef_old.pdf"


@pytest.mark.parametrize("by_itself", [True, False])
async def test_a_copy_keeps_all_that_it_is_not_told_to_change(
    deployment: Deployment, able: Locator, stored: NewBlob, by_itself: bool
) -> None:
    backends = dict(able.backends)
    if not by_itself:
        backends[Backend.S3] = replace(backends[Backend.S3], copying=None)
    copies, told = CopyService(Locator(able.policy, backends)), Told()
    attach = await copies.copy_file(STORED_ID, progress=told)
    changed = await copies.copy_file(STORED_ID, "new.txt", **WHERE)
    plain = await copies.copy_file(STORED_ID, metadata={})
    targets = [target for _, target in deployment.s3.copied] if by_itself else deployment.s3.written
    assert len(deployment.s3.opened) == (0 if by_itself else 3)
    assert [replace(target, key="") for target in targets] == [
        replace(stored, key="", bucket=None, size=len(CONTENT)),
        NewBlob("", "new.txt", "other-bucket", "text/x-own", len(CONTENT), WHERE["metadata"]),
        replace(stored, key="", bucket=None, size=len(CONTENT), metadata={}),
    ]
    assert deployment.s3.declared == ([] if by_itself else [len(CONTENT)] * 3)
    assert targets[0].key.endswith("_old.pdf")
    assert "/" not in targets[0].key
    assert targets[1].key.startswith("a/b/")
    assert told[-1] == (len(CONTENT), len(CONTENT))
    crc = f"{crc32(CONTENT):08x}"
    described = {"file_size": len(CONTENT), "etag": f'"{crc}-{len(CONTENT):x}"', "checksum": f"crc32:{crc}"}
    for copied, target in zip((attach, changed, plain), targets, strict=True):
        bucket = target.bucket or "my-bucket"
        assert copied == FileAttach(
            file_id=f"s3:{bucket}/{target.key}",
            file_name=target.file_name,
            content_type="text/x-own",
            **described,
        )


async def test_a_file_of_which_little_is_known_gets_name_and_type_of_its_key_when_copied(
    deployment: Deployment, able: Locator
) -> None:
    class Bare(MemoryBlobStore):
        async def info(self, file_id: FileId) -> Any:
            return replace(await super().info(file_id), file_name=None, content_type=None)

    async with Bare(Backend.FASTDFS, "group1") as kept:
        await kept.write(new_blob("a.pdf"), body_of(CONTENT))
        fastdfs = WatchedStore(kept)
        backends = {**able.backends, Backend.FASTDFS: MountedBackend(fastdfs, fastdfs)}
        [file_id] = kept.file_ids
        await CopyService(Locator(able.policy, backends)).copy_file(str(file_id))
        [target] = deployment.s3.written
        assert (target.file_name, target.content_type) == (file_id.key.rpartition("/")[2], "application/pdf")


@pytest.mark.parametrize("wrong", [{"file_name": "a/b"}, {"file_name": ""}, {"metadata": {"a": "b\r\n"}}])
async def test_a_copy_is_refused_before_anything_is_stored(
    deployment: Deployment, able: Locator, stored: NewBlob, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentException):
        await CopyService(able).copy_file(STORED_ID, **wrong)
    assert not deployment.s3.copied
    assert not deployment.s3.written


async def test_everything_that_is_known_of_a_file_is_told(able: Locator, stored: NewBlob) -> None:
    crc = f"{crc32(CONTENT):08x}"
    info = await InfoService(able).get_file_info(STORED_ID)
    described = await DownloadService(able).describe(STORED_ID)
    async with DownloadService(able).open(STORED_ID) as opened:
        assert info == described == opened.info
    assert info.model_dump(exclude={"last_modify_time"}) == {
        "file_id": STORED_ID,
        "file_name": "old.pdf",
        "file_size": len(CONTENT),
        "storage_class": None,
        "metadata": {"author": "Zoë"},
        "content_type": "text/x-own",
        "etag": f'"{crc}-{len(CONTENT):x}"',
        "checksum": f"crc32:{crc}",
        "content_encoding": None,
    }
    assert info.last_modify_time is not None


def test_no_fact_of_a_stored_file_is_left_out() -> None:
    file_id, moment = FileId(Backend.S3, "my-bucket", "k/0123456789abcdef_a.txt"), datetime(2024, 1, 2, tzinfo=UTC)
    facts: dict[str, Any] = {
        "content_type": "text/x",
        "content_encoding": "gzip",
        "etag": '"e"',
        "metadata": {"a": "b"},
    }
    blob = BlobInfo(
        file_id, 5, last_modified=moment, checksum=Checksum.crc32(1), storage_class="GLACIER", file_name="n", **facts
    )
    expected = FileBasicInfo(
        file_id="as asked",
        file_name="n",
        file_size=5,
        last_modify_time=moment,
        storage_class="GLACIER",
        checksum="crc32:00000001",
        **facts,
    )
    assert file_info(blob, "as asked") == expected
    assert file_info(replace(blob, file_name=None, checksum=None), "as asked") == expected.model_copy(
        update={"file_name": "a.txt", "checksum": None}
    )


class BytesAlone(WatchedStore):
    """Has a cheaper way to bytes alone; notes which way was taken."""

    open_bytes = WatchedStore.open


async def test_a_range_and_whether_a_description_is_wanted_reach_the_store(
    deployment: Deployment, able: Locator
) -> None:
    await deployment.kept_in_s3.write(new_blob("a.bin"), body_of(CONTENT))
    [file_id] = deployment.kept_in_s3.file_ids
    alone, text, part = BytesAlone(deployment.kept_in_s3), str(file_id), ByteRange(2, 4)
    backends = {**able.backends, Backend.S3: replace(able.backends[Backend.S3], bytes_only=alone)}
    downloads = DownloadService(Locator(able.policy, backends))
    async with AsyncExitStack() as stack:
        for byte_range in (None, part):
            opened = [
                await stack.enter_async_context(opening)
                for opening in (downloads.open(text, byte_range), downloads.open(text, byte_range, progress=Told()))
            ]
            assert {file.info.file_name for file in opened} == {"a.bin"}
    assert deployment.s3.opened == [(file_id, None)] * 2 + [(file_id, part)] * 2
    deployment.s3.opened.clear()
    for byte_range in (None, part):
        async with downloads.open_bytes(text, byte_range):
            pass
        await downloads.download_bytes(text, byte_range=byte_range)
        await downloads.download_to_stream(text, io.BytesIO(), byte_range=byte_range)
        async for _ in downloads.download_to_generator(text, byte_range=byte_range):
            pass
    assert not deployment.s3.opened
    assert alone.opened == [(file_id, None)] * 4 + [(file_id, part)] * 4
    assert alone.held == 0


async def test_progress_counts_towards_what_was_asked_for(deployment: Deployment, able: Locator) -> None:
    await deployment.kept_in_s3.write(new_blob("a.bin"), body_of(CONTENT))
    [file_id] = deployment.kept_in_s3.file_ids
    downloads, text, part, told = DownloadService(able), str(file_id), ByteRange(2, 4), list[tuple[int, int | None]]()

    def tell(done: int, total: int | None) -> None:
        told.append((done, total))

    size = len(await downloads.download_bytes(text, byte_range=part, progress=tell))
    await downloads.download_to_stream(text, io.BytesIO(), byte_range=part, progress=tell)
    async for _ in downloads.download_to_generator(text, byte_range=part, progress=tell):
        pass
    async with downloads.open(text, part, progress=tell) as file:
        async for _ in file.body:
            pass
    assert 0 < size < len(CONTENT)
    assert {total for _, total in told} == {size}
    assert told.count((size, size)) == 4


async def test_who_may_not_download_may_ask_what_a_file_is(able: Locator, stored: NewBlob) -> None:
    locator = Locator(replace(able.policy, readable=frozenset()), able.backends)
    assert (await InfoService(locator).get_file_info(STORED_ID)).file_id == STORED_ID
    await InfoService(locator).find_backend(STORED_ID)
    for refused in (DownloadService(locator).download_bytes, DownloadService(locator).describe):
        with pytest.raises(RouteNotSupportedException):
            await refused(STORED_ID)


async def test_what_is_told_of_a_file_names_it_as_it_was_asked_for(able: Locator, stored: NewBlob) -> None:
    raw = Locator(able.policy, able.backends, implied_prefix="s3:")
    asked = STORED_ID.removeprefix("s3:")
    assert (await DownloadService(raw).describe(asked)).file_id == asked
    assert (await InfoService(raw).get_file_info(asked)).file_id == asked
    copied = await CopyService(raw).copy_file(asked)
    assert copied.file_id.startswith("my-bucket/")
    assert copied.file_id in [info.file_id async for info in ListService(raw).list_files()]


@pytest.mark.parametrize("wrong", [(1, 2), "bytes=0-", 5])
async def test_what_is_no_range_is_refused_by_every_way_of_reading(able: Locator, stored: NewBlob, wrong: Any) -> None:
    downloads = DownloadService(able)
    for attempt in (
        lambda: downloads.open(STORED_ID, wrong).__aenter__(),
        lambda: downloads.open_bytes(STORED_ID, wrong).__aenter__(),
        lambda: downloads.download_bytes(STORED_ID, byte_range=wrong),
        lambda: downloads.download_to_stream(STORED_ID, io.BytesIO(), byte_range=wrong),
        lambda: anext(downloads.download_to_generator(STORED_ID, byte_range=wrong)),
    ):
        with pytest.raises(InvalidArgumentException, match="byte_range"):
            await attempt()


async def test_a_file_that_has_moved_is_where_its_bytes_are(deployment: Deployment, able: Locator) -> None:
    class Moving:
        async def places(self, _file_id: FileId) -> tuple[FileId, ...]:
            return (FileId(MOVED, "my-bucket", "a"),)

        def known_as(self, file_id: FileId) -> FileId | None:
            return file_id

        async def delete(self, file_id: FileId, delete_at: Any) -> None:
            await delete_at(file_id)

    await deployment.kept_in_s3.write(NewBlob("a", "a"), body_of(CONTENT))

    class There(WatchedStore):
        async def info(self, file_id: FileId) -> BlobInfo:
            return await super().info(replace(file_id, backend=Backend.S3))

    there = There(deployment.kept_in_s3)
    moved = Locator(able.policy, able.backends, relocation=Moving(), places={MOVED: MountedBackend(there, there)})
    assert await InfoService(moved).find_backend("group1/M00/00/00/a.pdf") == Backend.S3
    assert await InfoService(able).find_backend("s3:my-bucket/a") == Backend.S3
    old = await deployment.kept_in_fastdfs.write(NewBlob("a", "a"), body_of(CONTENT))
    assert await InfoService(able).find_backend(str(old.file_id)) == Backend.FASTDFS

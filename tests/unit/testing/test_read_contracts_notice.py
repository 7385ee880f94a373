"""The contracts of reading, describing and the like fail for stores that break a promise: each has one mistake."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidRangeException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import BytesAlone, ReadingContract, one_by_one
from s3py_helper.testing.contract.concurrency import ConcurrencyContract
from s3py_helper.testing.contract.describing import DescribingContract
from s3py_helper.testing.contract.lifecycle import LifecycleContract
from tests.unit.testing.mistaken import assert_noticed, each_of, run_on, without_a_mistake

pytestmark = pytest.mark.slow


class ForgetsTheRange(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id) as blob:
            yield blob


class ForgetsTheRangeOfBytesAlone(MemoryBlobStore):
    @asynccontextmanager
    async def open_bytes(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with self.open(file_id) as blob:
            yield blob


class YieldsEmptyChunks(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async def with_empty() -> AsyncGenerator[bytes]:
            yield b""
            async for chunk in blob.body:
                yield chunk

        async with super().open(file_id, byte_range) as blob:
            yield OpenBlob(blob.info, blob.span, with_empty())


class NeedsNoOpening(MemoryBlobStore):
    async def info(self, file_id: FileId) -> BlobInfo:
        try:
            return await super().info(file_id)
        except StorageException:
            return BlobInfo(file_id, 0)


class LosesMetadata(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        return await super().write(replace(blob, metadata={}), body)


class TellsAnotherChecksum(MemoryBlobStore):
    async def info(self, file_id: FileId) -> BlobInfo:
        return replace(await super().info(file_id), checksum=Checksum.crc32(1))


class TellsTimesWithoutZone(MemoryBlobStore):
    async def info(self, file_id: FileId) -> BlobInfo:
        info = await super().info(file_id)
        assert info.last_modified is not None
        return replace(info, last_modified=info.last_modified.replace(tzinfo=None))


class DeletesQuietly(MemoryBlobStore):
    async def delete(self, file_id: FileId) -> None:
        try:
            await super().delete(file_id)
        except FileNotFoundException:
            return


class DeletesNothing(MemoryBlobStore):
    async def delete(self, file_id: FileId) -> None:
        await self.info(file_id)


class LeavesATask(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        self.task = asyncio.create_task(asyncio.sleep(30))
        return await super().write(blob, body)


class HasAPoolOfOneAndLosesIt(MemoryBlobStore):
    """What an abandoned generator does: the connection comes back when it is collected, or never."""

    def __init__(self) -> None:
        super().__init__()
        self._pool = asyncio.Semaphore(1)

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async def pooled() -> AsyncGenerator[bytes]:
            async for chunk in blob.body:
                yield chunk
            self._pool.release()

        await asyncio.wait_for(self._pool.acquire(), 0.2)
        async with super().open(file_id, byte_range) as blob:
            yield OpenBlob(blob.info, blob.span, pooled())


class ReportsTheSpanOfTheFile(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            yield OpenBlob(blob.info, Span(0, blob.info.size), blob.body)


class InventsMetadata(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        return await super().write(replace(blob, metadata={"name": blob.file_name, **blob.metadata}), body)


class ServesEmptyRanges(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        try:
            async with super().open(file_id, byte_range) as blob:
                yield blob
        except InvalidRangeException:
            yield OpenBlob(await self.info(file_id), Span(0, 0), one_by_one([]))


class ServesOneReaderAtATime(MemoryBlobStore):
    """All readers of a file share one iterator."""

    def __init__(self) -> None:
        super().__init__()
        self._bodies: dict[FileId, AsyncIterator[bytes]] = {}

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            body = self._bodies.setdefault(file_id, blob.body)
            yield OpenBlob(blob.info, blob.span, body)


class OpensUnderAnotherName(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            yield OpenBlob(replace(blob.info, file_name="another"), blob.span, blob.body)


class LosesItsConnectionToWhatIsMissing(MemoryBlobStore):
    def __init__(self) -> None:
        super().__init__()
        self._pool = asyncio.Semaphore(1)

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        await asyncio.wait_for(self._pool.acquire(), 0.2)
        async with super().open(file_id, byte_range) as blob:
            try:
                yield blob
            finally:
                self._pool.release()


class RefusesWhenBusy(MemoryBlobStore):
    busy = False

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        if self.busy:
            raise StorageUnavailableException("busy")
        self.busy = True
        try:
            return await super().write(blob, body)
        finally:
            self.busy = False


class TellsBareEntityTags(MemoryBlobStore):
    async def info(self, file_id: FileId) -> BlobInfo:
        return replace(await super().info(file_id), etag="1f2e")


class TellsOneEntityTag(MemoryBlobStore):
    async def info(self, file_id: FileId) -> BlobInfo:
        return replace(await super().info(file_id), etag='"same"')


class TellsTheTimeOfDay(MemoryBlobStore):
    async def info(self, file_id: FileId) -> BlobInfo:
        return replace(await super().info(file_id), last_modified=datetime.now(UTC))


class DeletesByName(MemoryBlobStore):
    async def delete(self, file_id: FileId) -> None:
        name = (await self.info(file_id)).file_name
        for other in self.file_ids:
            if (await self.info(other)).file_name == name:
                await super().delete(other)


class Impatient(ReadingContract, DescribingContract, ConcurrencyContract, LifecycleContract):
    __test__ = False
    part_size = 64 * 1024
    settles_within = 0.1


KIT = Impatient()
FIRST_BYTES: dict[str, Any] = {"requested": ByteRange(0, 4), "expected": b"01234"}
MISTAKES: list[tuple[type[MemoryBlobStore], Callable[..., Any], dict[str, Any]]] = [
    (ForgetsTheRange, KIT.test_a_range_gives_its_bytes, FIRST_BYTES),
    (ReportsTheSpanOfTheFile, KIT.test_a_range_gives_its_bytes, FIRST_BYTES),
    (YieldsEmptyChunks, KIT.test_chunks_are_bytes_and_none_is_empty, {}),
    (YieldsEmptyChunks, KIT.test_an_empty_file_opens_and_has_no_chunk, {}),
    (NeedsNoOpening, KIT.test_before_opening_every_operation_says_so, {}),
    (NeedsNoOpening, KIT.test_after_closing_every_operation_says_so, {}),
    (NeedsNoOpening, KIT.test_a_missing_file_is_not_found, {}),
    (LosesMetadata, KIT.test_info_is_what_was_written, {}),
    (LosesMetadata, KIT.test_metadata_in_any_script_are_kept, {}),
    (TellsAnotherChecksum, KIT.test_info_is_what_was_written, {}),
    (TellsTimesWithoutZone, KIT.test_info_is_what_was_written, {}),
    (DeletesQuietly, KIT.test_deleting_twice_is_an_error_except_where_deleting_is_idempotent, {}),
    (DeletesQuietly, KIT.test_of_many_deletions_of_one_file_one_succeeds, {}),
    (DeletesNothing, KIT.test_a_deleted_file_is_gone, {}),
    (LeavesATask, KIT.test_many_writers_and_readers_get_their_own_bytes, {}),
    (HasAPoolOfOneAndLosesIt, KIT.test_a_reader_that_leaves_early_releases_everything, {}),
    (HasAPoolOfOneAndLosesIt, KIT.test_a_reader_that_breaks_releases_everything, {}),
    (ForgetsTheRange, KIT.test_ranges_of_a_large_file_cross_every_border, {}),
    (ServesEmptyRanges, KIT.test_a_range_without_a_byte_is_refused, {"requested": ByteRange(20, 25)}),
    (ServesEmptyRanges, KIT.test_no_range_lies_in_an_empty_file, {"requested": ByteRange(0, 0)}),
    (OpensUnderAnotherName, KIT.test_opening_reports_what_info_reports, {}),
    (HasAPoolOfOneAndLosesIt, KIT.test_a_cancelled_reader_releases_everything, {}),
    (LosesItsConnectionToWhatIsMissing, KIT.test_a_missing_file_or_range_releases_everything, {}),
    (ServesOneReaderAtATime, KIT.test_many_readers_of_one_file_get_all_of_it, {}),
    (RefusesWhenBusy, KIT.test_a_narrow_store_serves_many_in_turn, {}),
    (InventsMetadata, KIT.test_a_file_without_metadata_has_none, {}),
    (TellsBareEntityTags, KIT.test_an_entity_tag_is_quoted_and_names_the_content, {}),
    (TellsOneEntityTag, KIT.test_an_entity_tag_is_quoted_and_names_the_content, {}),
    (TellsTheTimeOfDay, KIT.test_info_does_not_change_by_itself, {}),
    (DeletesByName, KIT.test_deleting_one_file_leaves_the_others, {}),
]


@each_of(MISTAKES)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    await assert_noticed(mistaken, test, arguments)


def test_every_test_of_the_contracts_is_known_to_notice_something() -> None:
    assert without_a_mistake(Impatient, MISTAKES) == set()


async def test_a_mistake_in_reading_bytes_alone_is_noticed() -> None:
    async with ForgetsTheRangeOfBytesAlone() as wrong:
        await run_on(KIT.test_a_range_gives_its_bytes, wrong, **FIRST_BYTES)
        with pytest.raises(AssertionError):
            await run_on(KIT.test_a_range_gives_its_bytes, wrong, BytesAlone(wrong), **FIRST_BYTES)

"""The contract of stores fails for those that break a promise: each is the memory store with one mistake."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import FileNotFoundException, StorageException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import BlobStoreContract, BytesAlone, body_of
from tests.unit.testing.mistaken import NOTICED, run_on


class KeepsWhatFailed(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        received = bytearray()
        try:
            async for chunk in body:
                received += chunk
        finally:
            info = await super().write(blob, body_of(bytes(received)))
        return info


class SwallowsCancellation(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        try:
            return await super().write(blob, body)
        except asyncio.CancelledError:
            return await super().write(blob, body_of(b"instead"))


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


class StopsOneByteEarly(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            if len(blob.span) > 1:
                shorter = ByteRange(blob.span.start, blob.span.stop - 2)
                async with super().open(file_id, shorter) as cut:
                    yield OpenBlob(blob.info, blob.span, cut.body)
            else:
                yield blob


class YieldsEmptyChunks(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async def with_empty() -> AsyncGenerator[bytes]:
            async for chunk in blob.body:
                yield b""
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


class KeepsNamesInAscii(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        ascii_only = blob.file_name.encode("ascii", "replace").decode()
        return await super().write(replace(blob, file_name=ascii_only), body)


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


class ShowsTheFileTooSoon(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        await super().write(blob, body_of(b""))
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


class Impatient(BlobStoreContract):
    part_size = 64 * 1024
    settles_within = 0.1


KIT = Impatient()
FIRST_BYTES: dict[str, Any] = {"requested": ByteRange(0, 4), "expected": b"01234"}
MISTAKES: list[tuple[type[MemoryBlobStore], Callable[..., Any], dict[str, Any]]] = [
    (KeepsWhatFailed, KIT.test_a_source_that_raises_leaves_nothing, {"parts": 0.5}),
    (KeepsWhatFailed, KIT.test_a_wrong_size_is_refused_and_leaves_nothing, {"parts": 0.5, "wrong_by": 1}),
    (KeepsWhatFailed, KIT.test_a_cancelled_write_leaves_nothing, {"parts": 0.5}),
    (KeepsWhatFailed, KIT.test_too_many_bytes_leave_nothing, {}),
    (SwallowsCancellation, KIT.test_a_cancelled_write_leaves_nothing, {"parts": 0.5}),
    (ForgetsTheRange, KIT.test_a_range_gives_its_bytes, FIRST_BYTES),
    (ReportsTheSpanOfTheFile, KIT.test_a_range_gives_its_bytes, FIRST_BYTES),
    (StopsOneByteEarly, KIT.test_a_file_comes_back_as_it_was, {"size": 1023, "declared": True}),
    (StopsOneByteEarly, KIT.test_the_bytes_do_not_depend_on_the_chunks_they_come_in, {"seed": 1}),
    (YieldsEmptyChunks, KIT.test_chunks_are_bytes_and_none_is_empty, {}),
    (NeedsNoOpening, KIT.test_before_opening_every_operation_says_so, {}),
    (NeedsNoOpening, KIT.test_after_closing_every_operation_says_so, {}),
    (NeedsNoOpening, KIT.test_a_missing_file_is_not_found, {}),
    (LosesMetadata, KIT.test_info_is_what_was_written, {}),
    (LosesMetadata, KIT.test_metadata_in_any_script_are_kept, {}),
    (KeepsNamesInAscii, KIT.test_a_name_in_any_script_is_kept, {"name": "合同.pdf"}),
    (TellsAnotherChecksum, KIT.test_info_is_what_was_written, {}),
    (TellsTimesWithoutZone, KIT.test_info_is_what_was_written, {}),
    (DeletesQuietly, KIT.test_deleting_twice_is_an_error_except_where_deleting_is_idempotent, {}),
    (DeletesQuietly, KIT.test_of_many_deletions_of_one_file_one_succeeds, {}),
    (DeletesNothing, KIT.test_a_deleted_file_is_gone, {}),
    (LeavesATask, KIT.test_many_writers_and_readers_get_their_own_bytes, {}),
    (ShowsTheFileTooSoon, KIT.test_a_file_is_not_visible_before_its_last_byte, {}),
    (HasAPoolOfOneAndLosesIt, KIT.test_a_reader_that_leaves_early_releases_everything, {}),
    (HasAPoolOfOneAndLosesIt, KIT.test_a_reader_that_breaks_releases_everything, {}),
]


@pytest.mark.parametrize(
    ("mistaken", "test", "arguments"), MISTAKES, ids=[f"{kind.__name__}: {test.__name__}" for kind, test, _ in MISTAKES]
)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    async with MemoryBlobStore() as right:
        await run_on(test, right, **arguments)
    async with mistaken() as wrong:
        with pytest.raises(NOTICED):
            await run_on(test, wrong, **arguments)


async def test_a_mistake_in_reading_bytes_alone_is_noticed() -> None:
    async with ForgetsTheRangeOfBytesAlone() as wrong:
        await run_on(KIT.test_a_range_gives_its_bytes, wrong, **FIRST_BYTES)
        with pytest.raises(AssertionError):
            await run_on(KIT.test_a_range_gives_its_bytes, wrong, BytesAlone(wrong), **FIRST_BYTES)

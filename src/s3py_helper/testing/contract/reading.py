"""Files are read whole or in part, to the end or not."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import random

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import FileNotFoundException, InvalidRangeException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import PATIENCE, Harness
from s3py_helper.testing.leaks import leak_guard

_TEXT = b"0123456789abcdefghij"


class ReaderBroke(Exception):
    """What the code inside an `async with store.open(...)` raises."""


class ReadingContract(Harness):
    """Opening, ranges, leaving early."""

    @pytest.mark.parametrize(
        ("requested", "expected"),
        [
            (ByteRange(0, 4), b"01234"),
            (ByteRange(0, 0), b"0"),
            (ByteRange(7, 12), b"789abc"),
            (ByteRange(19, 19), b"j"),
            (ByteRange(None, 3), b"hij"),
            (ByteRange(None, 20), _TEXT),
            (ByteRange(None, 999), _TEXT),
            (ByteRange(15, None), b"fghij"),
            (ByteRange(0, None), _TEXT),
            (ByteRange(15, 999), b"fghij"),
            (ByteRange(0, 2**40), _TEXT),
        ],
        ids=str,
    )
    async def test_a_range_gives_its_bytes(self, store: BlobStore, requested: ByteRange, expected: bytes) -> None:
        written = await store.write(new_blob(), body_of(_TEXT))
        async with store.open(written.file_id, requested) as blob:
            assert blob.info.file_id == written.file_id
            assert blob.span == requested.resolve(len(_TEXT))
            assert blob.info.size == len(_TEXT), "the size is that of the whole file"
            assert b"".join([chunk async for chunk in blob.body]) == expected

    async def test_ranges_of_a_large_file_cross_every_border(self, store: BlobStore) -> None:
        chance = random.Random(7)  # noqa: S311 - test data
        content = chance.randbytes(2 * self.part_size + 17)
        written = await store.write(new_blob(), body_of(content))
        borders = (0, 1, self.part_size - 1, self.part_size, self.part_size + 1, len(content) - 1)
        for first in borders:
            for last in (last for last in borders if last >= first):
                assert await read_all(store, written.file_id, ByteRange(first, last)) == content[first : last + 1]

    @pytest.mark.parametrize(
        "requested", [ByteRange(20, 25), ByteRange(20, None), ByteRange(999, 999), ByteRange(None, 0)], ids=str
    )
    async def test_a_range_without_a_byte_is_refused(self, store: BlobStore, requested: ByteRange) -> None:
        written = await store.write(new_blob(), body_of(_TEXT))
        with pytest.raises(InvalidRangeException) as refused:
            await read_all(store, written.file_id, requested)
        assert refused.value.size == len(_TEXT)
        assert refused.value.file_id == str(written.file_id)

    @pytest.mark.parametrize("requested", [ByteRange(0, 0), ByteRange(0, None), ByteRange(None, 5)], ids=str)
    async def test_no_range_lies_in_an_empty_file(self, store: BlobStore, requested: ByteRange) -> None:
        written = await store.write(new_blob(), body_of(b""))
        with pytest.raises(InvalidRangeException) as refused:
            await read_all(store, written.file_id, requested)
        assert refused.value.size == 0

    async def test_an_empty_file_opens_and_has_no_chunk(self, store: BlobStore) -> None:
        written = await store.write(new_blob(), body_of(b""))
        async with store.open(written.file_id) as blob:
            assert (blob.info.size, blob.span) == (0, Span(0, 0))
            assert [chunk async for chunk in blob.body] == []

    async def test_chunks_are_bytes_and_none_is_empty(self, store: BlobStore) -> None:
        written = await store.write(new_blob(), body_of(bytes(self.part_size + 1)))
        async with store.open(written.file_id) as blob:
            chunks = [chunk async for chunk in blob.body]
        assert {type(chunk) for chunk in chunks} == {bytes}
        assert all(chunks)

    async def test_opening_reports_what_info_reports(self, store: BlobStore) -> None:
        blob = new_blob("notes.txt", metadata={self.metadata_names[0]: self.metadata_values[0]})
        written = await store.write(blob, body_of(_TEXT))
        async with store.open(written.file_id, ByteRange(1, 2)) as opened:
            reported = opened.info
        known = await store.info(written.file_id)
        self.assert_described(reported, known)
        assert reported.etag == known.etag

    async def test_a_missing_file_is_not_found(self, store: BlobStore) -> None:
        missing = await self.missing_id(store)
        for requested in (None, ByteRange(0, 0), ByteRange(2**40, None)):
            await _assert_not_found(store, missing, requested)
        with pytest.raises(FileNotFoundException) as unknown:
            await store.info(missing)
        assert unknown.value.file_id == str(missing)

    async def test_a_reader_that_leaves_early_releases_everything(self, narrow_store: BlobStore) -> None:
        content = bytes(2 * self.part_size + 1)
        written = await narrow_store.write(new_blob(), body_of(content))
        async with asyncio.timeout(PATIENCE), leak_guard():
            for _ in range(3):
                async with narrow_store.open(written.file_id) as blob:
                    assert await anext(blob.body)
            async with narrow_store.open(written.file_id):
                pass
            assert await read_all(narrow_store, written.file_id) == content

    async def test_a_reader_that_breaks_releases_everything(self, narrow_store: BlobStore) -> None:
        written = await narrow_store.write(new_blob(), body_of(bytes(2 * self.part_size)))
        async with asyncio.timeout(PATIENCE), leak_guard():
            for _ in range(3):
                with pytest.raises(ReaderBroke):
                    await _read_a_chunk_and_break(narrow_store, written.file_id)
            assert await read_all(narrow_store, written.file_id, ByteRange(0, 0)) == b"\0"

    async def test_a_cancelled_reader_releases_everything(self, narrow_store: BlobStore) -> None:
        written = await narrow_store.write(new_blob(), body_of(bytes(2 * self.part_size)))
        async with asyncio.timeout(PATIENCE), leak_guard():
            for moment in range(6):
                reading = asyncio.create_task(_read_a_chunk_and_wait(narrow_store, written.file_id))
                await asyncio.sleep(moment * 0.003)
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            assert await read_all(narrow_store, written.file_id, ByteRange(0, 0)) == b"\0"

    async def test_a_missing_file_or_range_releases_everything(self, narrow_store: BlobStore) -> None:
        missing = await self.missing_id(narrow_store)
        written = await narrow_store.write(new_blob(), body_of(_TEXT))
        async with asyncio.timeout(PATIENCE), leak_guard():
            for _ in range(3):
                await _assert_not_found(narrow_store, missing)
                with pytest.raises(InvalidRangeException):
                    await read_all(narrow_store, written.file_id, ByteRange(20, None))
            assert await read_all(narrow_store, written.file_id) == _TEXT


async def _assert_not_found(store: BlobStore, file_id: FileId, byte_range: ByteRange | None = None) -> None:
    with pytest.raises(FileNotFoundException) as missing:
        await read_all(store, file_id, byte_range)
    assert missing.value.file_id == str(file_id)
    assert missing.value.backend == file_id.backend


async def _read_a_chunk_and_break(store: BlobStore, file_id: FileId) -> None:
    async with store.open(file_id) as blob:
        await anext(blob.body)
        raise ReaderBroke


async def _read_a_chunk_and_wait(store: BlobStore, file_id: FileId) -> None:
    async with store.open(file_id) as blob:
        await anext(blob.body)
        await asyncio.Event().wait()

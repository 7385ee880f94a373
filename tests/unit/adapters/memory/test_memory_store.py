from contextlib import AsyncExitStack
from datetime import UTC, datetime, tzinfo

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.adapters.memory.store import CHUNK_SIZE
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException
from s3py_helper.domain.file_id import Backend
from s3py_helper.testing import body_of, new_blob


async def test_files_are_forgotten_at_closing() -> None:
    store = MemoryBlobStore()
    async with store:
        stored = await store.write(new_blob(), body_of(b"x"))
    async with store:
        with pytest.raises(FileNotFoundException):
            await store.info(stored.file_id)


@pytest.mark.parametrize(
    ("backend", "prefix"),
    [(Backend.FILESYSTEM, "fs:shelf/"), (Backend.S3, "s3:shelf/"), (Backend.FASTDFS, "shelf/M00/00/00/")],
)
async def test_ids_are_those_of_the_backend_it_stands_in_for(backend: Backend, prefix: str) -> None:
    async with MemoryBlobStore(backend, default_bucket="shelf") as store:
        stored = await store.write(new_blob("name.txt"), body_of(b"x"))
        assert str(stored.file_id).startswith(prefix)
        assert str(stored.file_id).endswith(".txt")
        assert store.file_ids == (stored.file_id,)


async def test_what_a_caller_does_to_metadata_does_not_reach_the_store() -> None:
    async with MemoryBlobStore() as store:
        mine = {"a": "b"}
        stored = await store.write(new_blob(metadata=mine), body_of(b"x"))
        mine["a"] = "c"
        info = await store.info(stored.file_id)
        assert isinstance(info.metadata, dict)
        info.metadata["a"] = "d"
        assert isinstance(stored.metadata, dict)
        stored.metadata["a"] = "e"
        assert (await store.info(stored.file_id)).metadata == {"a": "b"}


async def test_it_is_well_while_it_is_open() -> None:
    store = MemoryBlobStore()
    async with store:
        await store.check()
    with pytest.raises(StorageOperationException, match="not open"):
        await store.check()


async def test_nothing_is_read_of_a_file_that_a_closed_store_cannot_keep() -> None:
    async with MemoryBlobStore() as store:
        pass
    for keep in (store.write, store.create):
        body = body_of(b"x")
        with pytest.raises(StorageOperationException, match="not open"):
            await keep(new_blob(), body)
        assert body.received == 0


async def test_a_file_cannot_be_read_on_after_its_block() -> None:
    async with MemoryBlobStore() as store, AsyncExitStack() as block:
        stored = await store.write(new_blob(), body_of(bytes(3 * CHUNK_SIZE)))
        blob = await block.enter_async_context(store.open(stored.file_id))
        assert await anext(blob.body) == bytes(CHUNK_SIZE)
        await block.aclose()
        assert [chunk async for chunk in blob.body] == []


async def test_a_copy_is_as_old_as_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        """A second later each time."""

        second = 0

        @classmethod
        def now(cls, zone: tzinfo) -> datetime:
            cls.second += 1
            return datetime(2026, 1, 1, 0, 0, cls.second, tzinfo=zone)

    monkeypatch.setattr("s3py_helper.adapters.memory.store.datetime", Clock)
    async with MemoryBlobStore() as store:
        stored = await store.write(new_blob(), body_of(b"x"))
        copy = await store.copy(stored.file_id, new_blob())
        assert [info.last_modified for info in (stored, await store.info(copy.file_id))] == [
            datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in (1, 2)
        ]

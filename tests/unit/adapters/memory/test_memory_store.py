from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.adapters.memory.mount import open_backend
from s3py_helper.adapters.memory.store import CHUNK_SIZE
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.checksum import Checksum
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


@pytest.mark.parametrize(
    ("name", "end"),
    [("a.JPG", ".jpg"), ("a.tar.gz", ".gz"), ("a.jpegxl2", ".jpegxl"), ("a.ünï", ""), ("a.b-c", ""), ("a", "")],
)
async def test_in_place_of_fastdfs_an_id_keeps_the_extensions_that_fastdfs_does(name: str, end: str) -> None:
    async with MemoryBlobStore(Backend.FASTDFS, "group1") as store:
        stored = await store.write(new_blob(name), body_of(b"x"))
        assert PurePosixPath(stored.file_id.key).suffix == end


async def test_a_file_is_described_by_its_bytes() -> None:
    async with MemoryBlobStore() as store:
        stored = await store.write(new_blob(), body_of(b"hello"))
        assert (stored.etag, stored.checksum) == ('"3610a686-5"', Checksum.crc32(0x3610A686))
        another = await store.write(new_blob(), body_of(b"hallo"))
        assert another.etag != stored.etag


async def test_it_is_mounted_with_all_that_it_can_do() -> None:
    async with open_backend(LoggingObserver()) as backend:
        parts: list[object] = [backend.store, backend.health, backend.listing, backend.copying, backend.naming]
        assert all(part is backend.store for part in parts)


async def test_an_error_says_what_was_being_done_and_where() -> None:
    async with MemoryBlobStore("memory") as store:
        stored = await store.write(new_blob(), body_of(b"x"))
    file_id = stored.file_id
    for work, operation, named in (
        (store.write(new_blob(), body_of(b"x")), "upload", None),
        (store.create(new_blob(), body_of(b"x")), "upload", None),
        (store.require_free(file_id), "upload", file_id),
        (store.open(file_id).__aenter__(), "download", file_id),
        (store.info(file_id), "info", file_id),
        (store.delete(file_id), "delete", file_id),
        (store.copy(file_id, new_blob()), "copy", file_id),
        (store.check(), "health check", None),
        (_first(store.list()), "list", None),
    ):
        with pytest.raises(StorageOperationException, match="not open") as failed:
            await work
        error = failed.value
        assert (error.operation, error.backend) == (operation, "memory")
        assert error.file_id == (None if named is None else str(named))


async def test_an_error_of_the_source_keeps_its_facts() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"x"
        raise FileNotFoundException("gone", operation="download", backend="s3", file_id="s3:b/k")

    async with MemoryBlobStore() as store:
        for keep in (store.write, store.create):
            with pytest.raises(FileNotFoundException) as failed:
                await keep(new_blob(), IncomingBody(source()))
            assert (failed.value.operation, failed.value.backend, failed.value.file_id) == ("download", "s3", "s3:b/k")
        assert store.file_ids == ()


async def _first(listing: AbstractAsyncContextManager[AsyncIterator[BlobInfo]]) -> BlobInfo:
    async with listing as infos:
        return await anext(infos)


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

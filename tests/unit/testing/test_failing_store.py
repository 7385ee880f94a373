import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import InvalidArgumentException, PreconditionFailedException, StorageUnavailableException
from s3py_helper.testing import (
    BlobStoreContract,
    FailingStore,
    HealthContract,
    Inventory,
    ListingContract,
    ServerSideCopyContract,
    body_of,
    leak_guard,
    new_blob,
    read_all,
)

TEXT = b"0123456789"
DOWN = StorageUnavailableException("down")


@pytest.fixture
async def memory() -> AsyncGenerator[MemoryBlobStore]:
    async with MemoryBlobStore() as store:
        yield store


@pytest.fixture
def store(memory: MemoryBlobStore) -> FailingStore:
    return FailingStore(memory)


@pytest.mark.slow
class TestFailingStoreWithNothingStaged(BlobStoreContract, ListingContract, ServerSideCopyContract, HealthContract):
    part_size = 64 * 1024

    @pytest.fixture
    def store(self, memory: MemoryBlobStore) -> FailingStore:
        return FailingStore(memory)

    @pytest.fixture
    def unopened_store(self) -> FailingStore:
        return FailingStore(MemoryBlobStore())

    @pytest.fixture
    def closed_store(self) -> FailingStore:
        return FailingStore(MemoryBlobStore())

    @pytest.fixture
    def unreachable_store(self) -> FailingStore:
        return FailingStore(MemoryBlobStore())

    @pytest.fixture
    def inventory(self, memory: MemoryBlobStore) -> Inventory:
        async def names() -> list[str]:
            return [str(file_id) for file_id in memory.file_ids]

        return names


async def test_a_staged_failure_happens_as_often_as_told_and_then_no_more(store: FailingStore) -> None:
    stored = await store.write(new_blob(), body_of(TEXT))
    store.fail("info", DOWN, times=2)
    for _ in range(2):
        with pytest.raises(StorageUnavailableException):
            await store.info(stored.file_id)
    assert (await store.info(stored.file_id)).size == 10
    assert store.calls["info"] == 3


async def test_listing_copying_and_checking_fail_on_demand(store: FailingStore) -> None:
    stored = await store.write(new_blob(), body_of(TEXT))
    for operation in ("list", "copy", "check"):
        store.fail(operation, DOWN)
    with pytest.raises(StorageUnavailableException):
        async with store.list():
            pytest.fail("it was to fail")
    with pytest.raises(StorageUnavailableException):
        await store.copy(stored.file_id, new_blob())
    with pytest.raises(StorageUnavailableException):
        await store.check()
    async with store.list() as blobs:
        assert [info.file_id async for info in blobs] == [stored.file_id]
    assert (await store.copy(stored.file_id, new_blob())).size == 10
    await store.check()
    assert (store.calls["list"], store.calls["copy"], store.calls["check"]) == (2, 2, 2)


async def test_a_store_that_cannot_be_asked_is_healthy() -> None:
    class Silent:
        """No store at all; nothing but its health is asked for."""

    await FailingStore(cast("BlobStore", Silent())).check()


async def test_stages_take_effect_one_after_the_other(store: FailingStore) -> None:
    stored = await store.write(new_blob(), body_of(TEXT))
    store.fail("delete", DOWN)
    store.fail("delete", TimeoutError())
    with pytest.raises(StorageUnavailableException):
        await store.delete(stored.file_id)
    with pytest.raises(TimeoutError):
        await store.delete(stored.file_id)
    await store.delete(stored.file_id)


@pytest.mark.parametrize("after_bytes", [0, 1, 5, 10, 99])
async def test_a_write_fails_after_so_many_bytes_and_stores_nothing(
    store: FailingStore, memory: MemoryBlobStore, after_bytes: int
) -> None:
    store.fail("write", DOWN, after_bytes=after_bytes)
    body = body_of(TEXT[at : at + 3] for at in range(0, 10, 3))
    with pytest.raises(StorageUnavailableException):
        await store.write(new_blob(), body)
    assert memory.file_ids == ()
    assert body.received >= min(after_bytes, 10)


@pytest.mark.parametrize(("after_bytes", "seen"), [(0, b""), (4, b"0123"), (10, TEXT), (99, TEXT)])
async def test_a_read_fails_after_so_many_bytes(store: FailingStore, after_bytes: int, seen: bytes) -> None:
    stored = await store.write(new_blob(), body_of(TEXT))
    store.fail("read", DOWN, after_bytes=after_bytes)
    received: list[bytes] = []
    async with leak_guard(), store.open(stored.file_id) as blob:
        with pytest.raises(StorageUnavailableException):
            await _collect(blob.body, received)
    assert b"".join(received) == seen
    assert await read_all(store, stored.file_id, ByteRange(1, 2)) == b"12"


async def _collect(body: AsyncIterator[bytes], received: list[bytes]) -> None:
    async for chunk in body:
        received.append(chunk)  # noqa: PERF401 - what was received before the failure counts


async def test_an_opening_fails(store: FailingStore) -> None:
    stored = await store.write(new_blob(), body_of(TEXT))
    store.fail("open", DOWN)
    with pytest.raises(StorageUnavailableException):
        await read_all(store, stored.file_id)


async def test_a_held_write_waits_half_way_until_it_is_released(store: FailingStore, memory: MemoryBlobStore) -> None:
    gate = store.hold("write", after_bytes=4)
    async with leak_guard():
        writing = asyncio.create_task(store.write(new_blob(), body_of(TEXT)))
        await gate.reached.wait()
        assert memory.file_ids == ()
        gate.released.set()
        assert await read_all(store, (await writing).file_id) == TEXT


async def test_a_held_operation_can_be_cancelled(store: FailingStore) -> None:
    stored = await store.write(new_blob(), body_of(TEXT))
    gate = store.hold("delete")
    async with leak_guard():
        deleting = asyncio.create_task(store.delete(stored.file_id))
        await gate.reached.wait()
        deleting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await deleting
    assert await read_all(store, stored.file_id) == TEXT


async def test_a_staged_write_still_checks_the_declared_size(store: FailingStore, memory: MemoryBlobStore) -> None:
    store.hold("write", after_bytes=99).released.set()
    with pytest.raises(InvalidArgumentException, match="declared"):
        await store.write(new_blob(size=3), body_of(TEXT, size=3))
    assert memory.file_ids == ()


async def test_the_health_check_is_staged_too(store: FailingStore) -> None:
    await store.check()
    store.fail("check", DOWN)
    with pytest.raises(StorageUnavailableException):
        await store.check()


async def test_given_keys_are_staged_as_other_files_are() -> None:
    async with MemoryBlobStore() as kept:
        store = FailingStore(kept)
        place = store.place_of(None, "named/a.txt")
        blob = NewBlob(place.key, "a.txt")
        store.fail("write", StorageUnavailableException("away"), after_bytes=2)
        with pytest.raises(StorageUnavailableException):
            await store.create(blob, body_of(b"hello"))
        await store.require_free(place)
        assert (await store.create(blob, body_of(b"hello"))).file_id == place
        with pytest.raises(PreconditionFailedException):
            await store.require_free(place)
        with pytest.raises(PreconditionFailedException):
            await store.create(blob, body_of(b"again"))
        assert store.calls["write"] == 3

"""Many at once do not disturb each other."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import random

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import Harness
from s3py_helper.testing.leaks import leak_guard

_AT_ONCE = 24


class ConcurrencyContract(Harness):
    """Concurrent calls."""

    async def test_many_writers_and_readers_get_their_own_bytes(self, store: BlobStore) -> None:
        async with leak_guard(), asyncio.TaskGroup() as group:
            for seed in range(_AT_ONCE):
                group.create_task(self._write_and_read_back(store, seed))

    async def test_many_readers_of_one_file_get_all_of_it(self, store: BlobStore) -> None:
        content = random.Random(1).randbytes(self.part_size + 99)  # noqa: S311 - test data
        written = await store.write(new_blob(), body_of(content))
        async with leak_guard():
            read = await asyncio.gather(*(read_all(store, written.file_id) for _ in range(_AT_ONCE)))
        assert all(copy == content for copy in read)

    async def test_a_narrow_store_serves_many_in_turn(self, narrow_store: BlobStore) -> None:
        async with leak_guard(), asyncio.TaskGroup() as group:
            for seed in range(_AT_ONCE):
                group.create_task(self._write_and_read_back(narrow_store, seed))

    async def test_of_many_deletions_of_one_file_one_succeeds(self, store: BlobStore) -> None:
        written = await store.write(new_blob(), body_of(b"wanted dead"))
        outcomes = await asyncio.gather(*(_deleted(store, written.file_id) for _ in range(_AT_ONCE)))
        assert any(outcomes)
        assert self.deletes_missing_quietly or outcomes.count(True) == 1

    async def _write_and_read_back(self, store: BlobStore, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - test data
        content = chance.randbytes(chance.randrange(300_000))
        chunks = (content[at : at + 10_000] for at in range(0, len(content), 10_000))
        written = await store.write(new_blob(f"{seed}.bin"), body_of(chunks))
        assert (await store.info(written.file_id)).size == len(content)
        assert await read_all(store, written.file_id) == content
        await store.delete(written.file_id)


async def _deleted(store: BlobStore, file_id: FileId) -> bool:
    try:
        await store.delete(file_id)
    except FileNotFoundException:
        return False
    return True

"""A copy has the bytes of its source and a description of its own."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import random
import time
from typing import cast

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import NOT_OPEN, Harness, Inventory
from s3py_helper.testing.leaks import leak_guard

_MOMENTS = 12
_AT_ONCE = 12


class ServerSideCopyContract(Harness):
    """The promises of the port `ServerSideCopy`."""

    def copying_of(self, store: BlobStore) -> ServerSideCopy:
        """What copies the files of a store; override it where that is another object than the store itself."""
        return cast("ServerSideCopy", store)

    @pytest.mark.parametrize("parts", [0, 0.01, 1.0, 2.3])
    async def test_a_copy_has_the_bytes_of_its_source(self, store: BlobStore, parts: float) -> None:
        content = random.Random(parts).randbytes(int(parts * self.part_size))  # noqa: S311 - test data
        source = await store.write(new_blob("source é.bin"), body_of(content))
        async with leak_guard():
            copied = await self.copying_of(store).copy(source.file_id, new_blob("copy.bin"))
        assert copied.size == len(content)
        assert copied.file_id != source.file_id
        assert await read_all(store, copied.file_id) == content
        assert await read_all(store, source.file_id) == content

    async def test_a_copy_has_a_description_of_its_own(self, store: BlobStore) -> None:
        source = await store.write(self._described("source.pdf", "application/pdf", "Ada"), body_of(b"described"))
        before = await store.info(source.file_id)
        target = self._described("копия.txt", "text/plain", "Grace")
        copied = await self.copying_of(store).copy(source.file_id, target)
        info = await store.info(copied.file_id)
        self.assert_described(copied, info)
        for fact in self.keeps:
            assert getattr(info, fact) == getattr(target, fact), fact
        assert await store.info(source.file_id) == before, "the source stays as it is"

    async def test_metadata_of_the_source_do_not_leak_into_the_copy(self, store: BlobStore) -> None:
        source = await store.write(self._described("source.pdf", "application/pdf", "Ada"), body_of(b"described"))
        copied = await self.copying_of(store).copy(source.file_id, new_blob("bare.txt"))
        assert dict((await store.info(copied.file_id)).metadata) == {}

    async def test_source_and_copy_are_deleted_apart(self, store: BlobStore) -> None:
        source = await store.write(new_blob(), body_of(b"twice"))
        first = await self.copying_of(store).copy(source.file_id, new_blob())
        second = await self.copying_of(store).copy(first.file_id, new_blob())
        await store.delete(source.file_id)
        assert await read_all(store, first.file_id) == b"twice"
        await store.delete(first.file_id)
        assert await read_all(store, second.file_id) == b"twice"

    async def test_a_copy_goes_to_the_bucket_that_its_target_names(self, store: BlobStore, other_bucket: str) -> None:
        source = await store.write(new_blob(), body_of(b"moved house"))
        copied = await self.copying_of(store).copy(source.file_id, new_blob(bucket=other_bucket))
        assert copied.file_id.bucket == other_bucket
        back = await self.copying_of(store).copy(copied.file_id, new_blob())
        assert back.file_id.bucket == source.file_id.bucket
        for file_id in (copied.file_id, back.file_id):
            assert await read_all(store, file_id) == b"moved house"

    async def test_a_missing_source_is_not_found_and_leaves_nothing(
        self, store: BlobStore, inventory: Inventory
    ) -> None:
        missing = await self.missing_id(store)
        before = await inventory()
        async with leak_guard():
            with pytest.raises(FileNotFoundException):
                await self.copying_of(store).copy(missing, new_blob())
        await self.assert_settles(inventory, before)

    @pytest.mark.parametrize("parts", [0.01, 2.3])
    async def test_a_copy_cancelled_at_any_moment_leaves_nothing(
        self, store: BlobStore, inventory: Inventory, parts: float
    ) -> None:
        content = bytes(int(parts * self.part_size))
        source = await store.write(new_blob(), body_of(content))
        began = time.monotonic()
        await self.copying_of(store).copy(source.file_id, new_blob())
        usual = time.monotonic() - began
        async with leak_guard():
            for moment in range(_MOMENTS):
                before = await inventory()
                copying = asyncio.create_task(self.copying_of(store).copy(source.file_id, new_blob()))
                await asyncio.sleep(usual * moment / _MOMENTS)
                if copying.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await copying
                    await self.assert_settles(inventory, before)
                else:
                    assert (await store.info(copying.result().file_id)).size == len(content)

    async def test_many_copies_are_made_at_once(self, narrow_store: BlobStore) -> None:
        source = await narrow_store.write(new_blob(), body_of(b"popular"))
        copying = self.copying_of(narrow_store)
        async with leak_guard():
            copies = await asyncio.gather(*(copying.copy(source.file_id, new_blob()) for _ in range(_AT_ONCE)))
        assert len({copied.file_id for copied in copies}) == _AT_ONCE
        for copied in copies:
            assert await read_all(narrow_store, copied.file_id) == b"popular"

    async def test_before_opening_copying_says_so(self, store: BlobStore, unopened_store: BlobStore) -> None:
        await self._assert_refuses_to_copy(unopened_store, store)

    async def test_after_closing_copying_says_so(self, store: BlobStore, closed_store: BlobStore) -> None:
        await self._assert_refuses_to_copy(closed_store, store)

    async def _assert_refuses_to_copy(self, refusing: BlobStore, working: BlobStore) -> None:
        source = await working.write(new_blob(), body_of(b"out of reach"))
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self.copying_of(refusing).copy(source.file_id, new_blob())

    def _described(self, file_name: str, content_type: str, author: str) -> NewBlob:
        metadata = {self.metadata_names[0]: author} if "metadata" in self.keeps else {}
        return new_blob(file_name, content_type=content_type, metadata=metadata)

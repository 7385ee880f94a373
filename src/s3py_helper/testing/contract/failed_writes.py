"""An upload that fails leaves nothing."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import time

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException
from s3py_helper.testing.bodies import StalledSource, body_of, breaking_after, new_blob, read_all
from s3py_helper.testing.contract.harness import Harness, Inventory
from s3py_helper.testing.leaks import leak_guard

_MOMENTS = 20


class SourceBroke(Exception):
    """What a caller's own stream raises; stores let it pass."""


class FailedWritesContract(Harness):
    """Broken, wrong and cancelled uploads."""

    @pytest.mark.parametrize("parts", [0, 0.5, 2.5])
    async def test_a_source_that_raises_leaves_nothing(
        self, store: BlobStore, inventory: Inventory, parts: float
    ) -> None:
        before = await inventory()
        source = breaking_after(self._pieces(parts), SourceBroke("the client hung up"))
        async with leak_guard():
            with pytest.raises(SourceBroke, match="hung up"):
                await store.write(new_blob(), body_of(source))
        await self.assert_settles(inventory, before)
        await self._assert_serves(store)

    @pytest.mark.parametrize("wrong_by", [-1, 1, -1000, 1000])
    @pytest.mark.parametrize("parts", [0.5, 2.5])
    async def test_a_wrong_size_is_refused_and_leaves_nothing(
        self, store: BlobStore, inventory: Inventory, parts: float, wrong_by: int
    ) -> None:
        before = await inventory()
        pieces = self._pieces(parts)
        declared = sum(map(len, pieces)) + wrong_by
        async with leak_guard():
            with pytest.raises(InvalidArgumentException, match="declared"):
                await store.write(new_blob(size=declared), body_of(pieces, size=declared))
        await self.assert_settles(inventory, before)
        await self._assert_serves(store)

    async def test_a_declared_size_without_any_byte_is_refused_and_leaves_nothing(
        self, store: BlobStore, inventory: Inventory
    ) -> None:
        before = await inventory()
        with pytest.raises(InvalidArgumentException, match="declared"):
            await store.write(new_blob(size=5), body_of(b"", size=5))
        await self.assert_settles(inventory, before)

    async def test_too_many_bytes_leave_nothing(self, store: BlobStore, inventory: Inventory) -> None:
        before = await inventory()
        with pytest.raises(FileTooLargeException):
            await store.write(new_blob(), body_of(self._pieces(1.5), limit=self.part_size))
        await self.assert_settles(inventory, before)

    @pytest.mark.parametrize("parts", [0, 0.5, 2.5])
    async def test_a_cancelled_write_leaves_nothing(self, store: BlobStore, inventory: Inventory, parts: float) -> None:
        before = await inventory()
        source = StalledSource(self._pieces(parts))
        async with leak_guard():
            writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
            await source.reached.wait()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        await self.assert_settles(inventory, before)
        await self._assert_serves(store)

    async def test_a_write_cancelled_twice_still_cleans_up(self, store: BlobStore, inventory: Inventory) -> None:
        before = await inventory()
        source = StalledSource(self._pieces(2.5))
        async with leak_guard():
            writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
            await source.reached.wait()
            writing.cancel()
            await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        await self.assert_settles(inventory, before)

    @pytest.mark.parametrize("parts", [0.01, 2.5])
    async def test_a_write_cancelled_at_any_moment_leaves_nothing(
        self, store: BlobStore, inventory: Inventory, parts: float
    ) -> None:
        began = time.monotonic()
        await store.write(new_blob(), body_of(self._pieces(parts)))
        usual = time.monotonic() - began
        for moment in range(_MOMENTS):
            before = await inventory()
            writing = asyncio.create_task(store.write(new_blob(), body_of(self._pieces(parts))))
            await asyncio.sleep(usual * moment / _MOMENTS)
            if writing.cancel():
                # It was under way when it was cancelled: it must end as cancelled, and must not have stored anything.
                with pytest.raises(asyncio.CancelledError):
                    await writing
                await self.assert_settles(inventory, before)
            else:
                assert (await store.info(writing.result().file_id)).size == writing.result().size
        await self._assert_serves(store)

    def _pieces(self, parts: float) -> list[bytes]:
        content = bytes(int(parts * self.part_size))
        return [content[at : at + 200_000] for at in range(0, len(content), 200_000)]

    async def _assert_serves(self, store: BlobStore) -> None:
        info = await store.write(new_blob(), body_of(b"still at work"))
        assert await read_all(store, info.file_id) == b"still at work"

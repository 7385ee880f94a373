"""A backend that works is healthy; one that is gone says why it is not."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
from typing import ClassVar, cast

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.domain.errors import StorageException, StorageOperationException
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import NOT_OPEN, PATIENCE, Harness, Inventory
from s3py_helper.testing.leaks import leak_guard

_AT_ONCE = 12


class HealthContract(Harness):
    """The promises of the port `HealthCheck`.

    Attributes:
        reports_within: Seconds within which a check of a backend that is gone must have failed.
    """

    reports_within: ClassVar[float] = 20.0

    def health_of(self, store: BlobStore) -> HealthCheck:
        """What checks the backend of a store; override it where that is another object than the store itself."""
        return cast("HealthCheck", store)

    @pytest.fixture
    def unreachable_store(self) -> BlobStore:
        """An open store whose backend is gone: nobody listens there, or its folder was removed."""
        raise NotImplementedError("override the fixture `unreachable_store`: an open store whose backend is gone")

    async def test_a_backend_that_works_is_healthy(self, store: BlobStore) -> None:
        async with asyncio.timeout(PATIENCE), leak_guard():
            await self.health_of(store).check()

    async def test_a_check_leaves_nothing_behind(self, store: BlobStore, inventory: Inventory) -> None:
        before = await inventory()
        for _ in range(3):
            await self.health_of(store).check()
        await self.assert_settles(inventory, before)

    async def test_many_check_at_once_while_the_store_is_at_work(self, narrow_store: BlobStore) -> None:
        health = self.health_of(narrow_store)
        async with asyncio.timeout(PATIENCE), leak_guard():
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(health.check())
                written = await narrow_store.write(new_blob(), body_of(b"at work"))
            assert await read_all(narrow_store, written.file_id) == b"at work"

    async def test_a_cancelled_check_releases_everything(self, narrow_store: BlobStore, inventory: Inventory) -> None:
        before = await inventory()
        async with asyncio.timeout(PATIENCE), leak_guard():
            for moment in range(6):
                checking = asyncio.create_task(self.health_of(narrow_store).check())
                await asyncio.sleep(moment * 0.001)
                checking.cancel()
                await asyncio.wait([checking])
                assert checking.cancelled() or checking.exception() is None
            await self.health_of(narrow_store).check()
        await self.assert_settles(inventory, before)

    async def test_a_backend_that_is_gone_is_reported_with_a_reason(self, unreachable_store: BlobStore) -> None:
        async with leak_guard():
            for _ in range(2):
                with pytest.raises(StorageException) as reported:
                    await asyncio.wait_for(self.health_of(unreachable_store).check(), self.reports_within)
                assert str(reported.value)

    async def test_before_opening_a_check_says_so(self, unopened_store: BlobStore) -> None:
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self.health_of(unopened_store).check()

    async def test_after_closing_a_check_says_so(self, closed_store: BlobStore) -> None:
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self.health_of(closed_store).check()

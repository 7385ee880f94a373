"""The contract of listings fails for what breaks a promise: each is the memory store with one mistake."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import BucketNotFoundException, StorageOperationException
from s3py_helper.testing import ListingContract, body_of
from tests.unit.testing.mistaken import assert_noticed, each_of, without_a_mistake

pytestmark = pytest.mark.slow

type Listed = AbstractAsyncContextManager[AsyncIterator[BlobInfo]]


class ListsOtherwise(MemoryBlobStore):
    """Lists what `changed` makes of a right listing."""

    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return aclosing(self.changed(super().list(prefix, bucket=bucket, after=after), prefix))

    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                yield info


class SortsByCodeUnits(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            for info in sorted([info async for info in blobs], key=lambda info: info.file_id.key.encode("utf-16-be")):
                yield info


class SortsFolderByFolder(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            for info in sorted([info async for info in blobs], key=lambda info: info.file_id.key.split("/")):
                yield info


class ListsTwice(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                yield info
                yield info


class ForgetsTheLast(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            for info in [info async for info in blobs][:-1]:
                yield info


class ListsAnotherSize(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                yield replace(info, size=info.size + 1)


class ListsTimesWithoutZone(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                assert info.last_modified is not None
                yield replace(info, last_modified=info.last_modified.replace(tzinfo=None))


class ForgetsThePrefix(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return super().list("", bucket=bucket, after=after)


class TakesThePrefixForAFolder(ListsOtherwise):
    async def changed(self, listing: Listed, prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                if prefix.endswith("/") or info.file_id.key.startswith(f"{prefix}/"):
                    yield info


class TakesThePrefixForAPattern(ListsOtherwise):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return aclosing(self.changed(MemoryBlobStore.list(self, "", bucket=bucket, after=after), prefix))

    async def changed(self, listing: Listed, prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                if fnmatchcase(info.file_id.key, f"{prefix}*"):
                    yield info


class TidiesThePrefix(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return super().list(prefix.lstrip("./").replace("//", "/"), bucket=bucket)


class ListsOneBucket(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return super().list(prefix, after=after)


class MissesNoBucket(MemoryBlobStore):
    @asynccontextmanager
    async def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        known = any(file_id.bucket == bucket for file_id in self.file_ids)
        async with super().list(prefix if known else "none", bucket=bucket if known else None, after=after) as blobs:
            yield blobs


class MissesEmptyBuckets(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        if all(file_id.bucket != (bucket or "files") for file_id in self.file_ids):
            raise BucketNotFoundException(f"no such bucket: {bucket}")
        return super().list(prefix, bucket=bucket, after=after)


class ListsWhatIsUnfinished(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        await super().write(blob, body_of(b""))
        return await super().write(blob, body)


class ListsAlsoWhenClosed(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        try:
            async with listing as blobs:
                async for info in blobs:
                    yield info
        except StorageOperationException:
            return


class LosesItsOnlyConnection(ListsOtherwise):
    def __init__(self) -> None:
        super().__init__()
        self._pool = asyncio.Semaphore(1)

    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        await asyncio.wait_for(self._pool.acquire(), 0.2)
        async with listing as blobs:
            async for info in blobs:
                yield info
        self._pool.release()


class LeavesATaskToAReaderThatLeaves(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        self.ahead = asyncio.create_task(asyncio.sleep(30))
        async with listing as blobs:
            async for info in blobs:
                yield info
        self.ahead.cancel()


class FailsForWhatIsDeleted(ListsOtherwise):
    async def changed(self, listing: Listed, _prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            found = [info async for info in blobs]
        for info in found:
            yield await self.info(info.file_id)


class TurnsPagesByNumber(ListsOtherwise):
    """Skips files when others before them are deleted, and repeats them when others are added."""

    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return aclosing(self._paged(prefix, bucket, after))

    async def _paged(self, prefix: str, bucket: str | None, after: str) -> AsyncGenerator[BlobInfo]:
        at = 0
        while True:
            async with MemoryBlobStore.list(self, prefix, bucket=bucket, after=after) as blobs:
                page = [info async for info in blobs][at : at + 3]
            if not page:
                return
            for info in page:
                yield info
            at += len(page)


class StartsAtTheBeginning(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return super().list(prefix, bucket=bucket)


class StartsWithTheKey(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None, after: str = "") -> Listed:
        return super().list(prefix, bucket=bucket, after=after[:-1])


class HasOneCursor(ListsOtherwise):
    cursor: AsyncGenerator[BlobInfo] | None = None

    @asynccontextmanager
    async def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        if self.cursor is None:
            self.cursor = self.changed(MemoryBlobStore.list(self, prefix, bucket=bucket, after=after), prefix)
        yield self.cursor


class StartsAgainAtTheEnd(MemoryBlobStore):
    @asynccontextmanager
    async def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        async with super().list(prefix, bucket=bucket, after=after) as blobs:
            yield _Endless([info async for info in blobs])


class _Endless:
    def __init__(self, found: list[BlobInfo]) -> None:
        self._found = found
        self._at = 0

    def __aiter__(self) -> "_Endless":
        return self

    async def __anext__(self) -> BlobInfo:
        if self._at == len(self._found):
            self._at = 0
            raise StopAsyncIteration
        self._at += 1
        return self._found[self._at - 1]


class Impatient(ListingContract):
    __test__ = False
    part_size = 64 * 1024


KIT = Impatient()
MISTAKES: list[tuple[type[MemoryBlobStore], Callable[..., Any], dict[str, Any]]] = [
    (SortsByCodeUnits, KIT.test_files_come_in_the_order_of_their_keys, {}),
    (SortsFolderByFolder, KIT.test_files_come_in_the_order_of_their_keys, {}),
    (ListsTwice, KIT.test_files_come_in_the_order_of_their_keys, {}),
    (ListsTwice, KIT.test_without_a_prefix_the_whole_bucket_is_listed, {}),
    (ForgetsTheLast, KIT.test_without_a_prefix_the_whole_bucket_is_listed, {}),
    (ForgetsThePrefix, KIT.test_a_prefix_is_that_of_the_key_character_by_character, {"prefix": "nothing"}),
    (TakesThePrefixForAFolder, KIT.test_a_prefix_is_that_of_the_key_character_by_character, {"prefix": "b/c"}),
    (TakesThePrefixForAPattern, KIT.test_a_prefix_is_that_of_the_key_character_by_character, {"prefix": "[a]"}),
    (TidiesThePrefix, KIT.test_a_prefix_is_that_of_the_key_character_by_character, {"prefix": "b//"}),
    (TidiesThePrefix, KIT.test_a_prefix_that_no_key_can_have_matches_nothing, {"prefix": "../"}),
    (MissesEmptyBuckets, KIT.test_before_the_first_file_is_written_there_is_none, {}),
    (ListsAnotherSize, KIT.test_a_listed_file_is_described_as_info_describes_it, {}),
    (ListsTimesWithoutZone, KIT.test_a_listed_file_is_described_as_info_describes_it, {}),
    (ForgetsTheLast, KIT.test_listed_ids_lead_to_the_files, {}),
    (ListsWhatIsUnfinished, KIT.test_a_file_is_not_listed_before_its_last_byte, {}),
    (ListsOneBucket, KIT.test_each_bucket_is_listed_by_itself, {}),
    (MissesEmptyBuckets, KIT.test_a_bucket_whose_files_are_gone_is_empty, {}),
    (MissesNoBucket, KIT.test_a_missing_bucket_is_reported_by_name, {}),
    (LosesItsOnlyConnection, KIT.test_leaving_a_listing_early_releases_everything, {}),
    (LeavesATaskToAReaderThatLeaves, KIT.test_leaving_a_listing_early_releases_everything, {}),
    (LosesItsOnlyConnection, KIT.test_a_listing_whose_reader_breaks_releases_everything, {}),
    (LeavesATaskToAReaderThatLeaves, KIT.test_a_listing_whose_reader_breaks_releases_everything, {}),
    (LosesItsOnlyConnection, KIT.test_a_cancelled_listing_releases_everything, {}),
    (FailsForWhatIsDeleted, KIT.test_a_listing_goes_on_while_files_come_and_go, {}),
    (TurnsPagesByNumber, KIT.test_a_listing_goes_on_while_files_come_and_go, {}),
    (StartsAtTheBeginning, KIT.test_a_listing_begins_after_a_key, {}),
    (StartsWithTheKey, KIT.test_a_listing_begins_after_a_key, {}),
    (HasOneCursor, KIT.test_listings_run_side_by_side, {}),
    (StartsAgainAtTheEnd, KIT.test_a_listing_that_has_ended_stays_at_its_end, {}),
    (ListsAlsoWhenClosed, KIT.test_before_opening_listing_says_so, {}),
    (ListsAlsoWhenClosed, KIT.test_after_closing_listing_says_so, {}),
]


@pytest.mark.timeout(60)
@each_of(MISTAKES)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    await assert_noticed(mistaken, test, arguments)


def test_every_test_of_the_contract_is_known_to_notice_something() -> None:
    assert without_a_mistake(Impatient, MISTAKES) == set()

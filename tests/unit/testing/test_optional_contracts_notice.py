"""The contracts of the optional ports fail for what breaks a promise: each is the memory store with one mistake."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import BucketNotFoundException, StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import (
    HealthContract,
    ListingContract,
    PresignedUrlsContract,
    ServerSideCopyContract,
    body_of,
    new_blob,
)
from s3py_helper.testing.contract import BlobStoreContract, Harness
from tests.unit.testing.mistaken import NOTICED, run_on

type Listed = AbstractAsyncContextManager[AsyncIterator[BlobInfo]]


class ListsOtherwise(MemoryBlobStore):
    """Lists what `changed` makes of a right listing."""

    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        return aclosing(self.changed(super().list(prefix, bucket=bucket), prefix))

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
    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        return super().list("", bucket=bucket)


class TakesThePrefixForAFolder(ListsOtherwise):
    async def changed(self, listing: Listed, prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                if prefix.endswith("/") or info.file_id.key.startswith(f"{prefix}/"):
                    yield info


class TakesThePrefixForAPattern(ListsOtherwise):
    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        return aclosing(self.changed(MemoryBlobStore.list(self, "", bucket=bucket), prefix))

    async def changed(self, listing: Listed, prefix: str) -> AsyncGenerator[BlobInfo]:
        async with listing as blobs:
            async for info in blobs:
                if fnmatchcase(info.file_id.key, f"{prefix}*"):
                    yield info


class TidiesThePrefix(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        return super().list(prefix.lstrip("./").replace("//", "/"), bucket=bucket)


class ListsOneBucket(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        return super().list(prefix)


class MissesNoBucket(MemoryBlobStore):
    @asynccontextmanager
    async def list(self, prefix: str = "", *, bucket: str | None = None) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        known = any(file_id.bucket == bucket for file_id in self.file_ids)
        async with super().list(prefix if known else "none", bucket=bucket if known else None) as blobs:
            yield blobs


class MissesEmptyBuckets(MemoryBlobStore):
    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        if all(file_id.bucket != (bucket or "files") for file_id in self.file_ids):
            raise BucketNotFoundException(f"no such bucket: {bucket}")
        return super().list(prefix, bucket=bucket)


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

    def list(self, prefix: str = "", *, bucket: str | None = None) -> Listed:
        return aclosing(self._paged(prefix, bucket))

    async def _paged(self, prefix: str, bucket: str | None) -> AsyncGenerator[BlobInfo]:
        at = 0
        while True:
            async with MemoryBlobStore.list(self, prefix, bucket=bucket) as blobs:
                page = [info async for info in blobs][at : at + 3]
            if not page:
                return
            for info in page:
                yield info
            at += len(page)


class HasOneCursor(ListsOtherwise):
    cursor: AsyncGenerator[BlobInfo] | None = None

    @asynccontextmanager
    async def list(self, prefix: str = "", *, bucket: str | None = None) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        if self.cursor is None:
            self.cursor = self.changed(MemoryBlobStore.list(self, prefix, bucket=bucket), prefix)
        yield self.cursor


class StartsAgainAtTheEnd(MemoryBlobStore):
    @asynccontextmanager
    async def list(self, prefix: str = "", *, bucket: str | None = None) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        async with super().list(prefix, bucket=bucket) as blobs:
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


class CopiesNoBytes(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        await self.info(source)
        return await self.write(target, body_of(b""))


class CopiesTheDescription(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        info = await self.info(source)
        described = replace(target, file_name=info.file_name or "", content_type=info.content_type or "")
        return await super().copy(source, described)


class MixesMetadata(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        inherited = dict((await self.info(source)).metadata)
        return await super().copy(source, replace(target, metadata=inherited | dict(target.metadata)))


class MovesInsteadOfCopying(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        copied = await super().copy(source, target)
        await self.delete(source)
        return copied


class LinksToTheSource(MemoryBlobStore):
    """The copy goes with its source."""

    def __init__(self) -> None:
        super().__init__()
        self._links: dict[FileId, FileId] = {}

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        copied = await super().copy(source, target)
        self._links[source] = copied.file_id
        return copied

    async def delete(self, file_id: FileId) -> None:
        await super().delete(file_id)
        if linked := self._links.pop(file_id, None):
            await self.delete(linked)


class CopiesWithinOneBucket(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        return await super().copy(source, replace(target, bucket=source.bucket))


class CopiesWhatIsNotThere(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        copied = await self.write(target, body_of(b""))
        await self.info(source)
        return copied


class KeepsACopyThatWasCancelled(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        copied = await super().copy(source, target)
        await asyncio.sleep(0.05)
        return copied


class CopiesUnderOneKey(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        return await super().copy(source, replace(target, key=f"{source.key}.copy"))


class CopiesAlsoWhenClosed(MemoryBlobStore):
    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        try:
            return await super().copy(source, target)
        except StorageOperationException:
            return BlobInfo(source, 0)


class IsAlwaysHealthy(MemoryBlobStore):
    async def check(self) -> None:
        return


class IsNeverHealthy(MemoryBlobStore):
    async def check(self) -> None:
        raise StorageOperationException("not open to questions")


class IsSilentWhenItIsGone(MemoryBlobStore):
    async def check(self) -> None:
        try:
            await super().check()
        except StorageOperationException:
            await asyncio.sleep(30)


class SaysNothingOfUse(MemoryBlobStore):
    async def check(self) -> None:
        try:
            await super().check()
        except StorageOperationException:
            raise ConnectionRefusedError from None


class LeavesAProbe(MemoryBlobStore):
    async def check(self) -> None:
        await self.write(new_blob("probe"), body_of(b"ok"))


class LeavesAProbeWhenCancelled(MemoryBlobStore):
    async def check(self) -> None:
        written = await self.write(new_blob("probe"), body_of(b"ok"))
        await asyncio.sleep(0.003)
        await self.delete(written.file_id)


class ChecksOnce(MemoryBlobStore):
    def __init__(self) -> None:
        super().__init__()
        self._pool = asyncio.Semaphore(1)

    async def check(self) -> None:
        await asyncio.wait_for(self._pool.acquire(), 0.2)
        await super().check()


class Impatient(ListingContract, ServerSideCopyContract, HealthContract):
    __test__ = False
    part_size = 64 * 1024
    settles_within = 0.1
    reports_within: ClassVar[float] = 0.1


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
    (HasOneCursor, KIT.test_listings_run_side_by_side, {}),
    (StartsAgainAtTheEnd, KIT.test_a_listing_that_has_ended_stays_at_its_end, {}),
    (ListsAlsoWhenClosed, KIT.test_before_opening_listing_says_so, {}),
    (ListsAlsoWhenClosed, KIT.test_after_closing_listing_says_so, {}),
    (CopiesNoBytes, KIT.test_a_copy_has_the_bytes_of_its_source, {"parts": 0.01}),
    (MovesInsteadOfCopying, KIT.test_a_copy_has_the_bytes_of_its_source, {"parts": 0.01}),
    (CopiesTheDescription, KIT.test_a_copy_has_a_description_of_its_own, {}),
    (MovesInsteadOfCopying, KIT.test_a_copy_has_a_description_of_its_own, {}),
    (MixesMetadata, KIT.test_metadata_of_the_source_do_not_leak_into_the_copy, {}),
    (LinksToTheSource, KIT.test_source_and_copy_are_deleted_apart, {}),
    (CopiesWithinOneBucket, KIT.test_a_copy_goes_to_the_bucket_that_its_target_names, {}),
    (CopiesWhatIsNotThere, KIT.test_a_missing_source_is_not_found_and_leaves_nothing, {}),
    (KeepsACopyThatWasCancelled, KIT.test_a_copy_cancelled_at_any_moment_leaves_nothing, {"parts": 0.01}),
    (CopiesUnderOneKey, KIT.test_many_copies_are_made_at_once, {}),
    (CopiesAlsoWhenClosed, KIT.test_before_opening_copying_says_so, {}),
    (CopiesAlsoWhenClosed, KIT.test_after_closing_copying_says_so, {}),
    (IsNeverHealthy, KIT.test_a_backend_that_works_is_healthy, {}),
    (LeavesAProbe, KIT.test_a_check_leaves_nothing_behind, {}),
    (ChecksOnce, KIT.test_many_check_at_once_while_the_store_is_at_work, {}),
    (LeavesAProbeWhenCancelled, KIT.test_a_cancelled_check_releases_everything, {}),
    (ChecksOnce, KIT.test_a_cancelled_check_releases_everything, {}),
    (IsAlwaysHealthy, KIT.test_a_backend_that_is_gone_is_reported_with_a_reason, {}),
    (IsSilentWhenItIsGone, KIT.test_a_backend_that_is_gone_is_reported_with_a_reason, {}),
    (SaysNothingOfUse, KIT.test_a_backend_that_is_gone_is_reported_with_a_reason, {}),
    (IsAlwaysHealthy, KIT.test_before_opening_a_check_says_so, {}),
    (IsAlwaysHealthy, KIT.test_after_closing_a_check_says_so, {}),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("mistaken", "test", "arguments"), MISTAKES, ids=[f"{kind.__name__}: {test.__name__}" for kind, test, _ in MISTAKES]
)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    async with MemoryBlobStore() as right:
        await run_on(test, right, **arguments)
    async with mistaken() as wrong:
        with pytest.raises((*NOTICED, OSError)):
            await run_on(test, wrong, **arguments)


def test_every_test_of_these_contracts_is_known_to_notice_something() -> None:
    promised = {name for name in dir(Impatient) if name.startswith("test_")}
    assert promised - {test.__name__ for _, test, _ in MISTAKES} == set()


def test_contracts_can_be_combined() -> None:
    """No two of them have a test, or anything else, of the same name: one would take the other's place."""
    contracts = (BlobStoreContract, ListingContract, ServerSideCopyContract, PresignedUrlsContract, HealthContract)
    parts = {part for contract in contracts for part in contract.__mro__} - {*Harness.__mro__, BlobStoreContract}
    names = [name for part in parts for name in vars(part) if not name.startswith("__")]
    assert sorted(names) == sorted(set(names))

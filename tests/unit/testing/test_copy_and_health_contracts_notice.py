"""The contracts of copying and health fail for what breaks a promise: each is the memory store with one mistake."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import (
    HealthContract,
    ListingContract,
    NamedWritesContract,
    PresignedUrlsContract,
    ServerSideCopyContract,
    body_of,
    new_blob,
)
from s3py_helper.testing.contract import BlobStoreContract, Harness
from tests.unit.testing.mistaken import assert_noticed, each_of, without_a_mistake

pytestmark = pytest.mark.slow


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


class Impatient(ServerSideCopyContract, HealthContract):
    __test__ = False
    part_size = 64 * 1024
    settles_within = 0.1
    reports_within: ClassVar[float] = 0.1


KIT = Impatient()
MISTAKES: list[tuple[type[MemoryBlobStore], Callable[..., Any], dict[str, Any]]] = [
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
@each_of(MISTAKES)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    await assert_noticed(mistaken, test, arguments, OSError)


def test_every_test_of_the_contracts_is_known_to_notice_something() -> None:
    assert without_a_mistake(Impatient, MISTAKES) == set()


def test_contracts_can_be_combined() -> None:
    """No two of them have a test, or anything else, of the same name: one would take the other's place."""
    contracts = (
        *(BlobStoreContract, ListingContract, ServerSideCopyContract),
        *(NamedWritesContract, PresignedUrlsContract, HealthContract),
    )
    parts = {part for contract in contracts for part in contract.__mro__} - {*Harness.__mro__, BlobStoreContract}
    names = [name for part in parts for name in vars(part) if not name.startswith("__")]
    assert sorted(names) == sorted(set(names))
